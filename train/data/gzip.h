// Bounded gzip inflation in memory, on zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ebm {

// True when the bytes start with gzip's magic number (1f 8b).
bool is_gzip(std::span<const std::byte> bytes);

// Inflates every member of a gzip file. `name` stands for the file in errors. Throws Error when the
// data is damaged, cut short, followed by anything else, or inflates to more than `limit` bytes, so
// a small hostile file cannot fill the memory.
std::vector<std::byte> gunzip(std::span<const std::byte> bytes, int64_t limit, const std::string& name);

}  // namespace ebm
