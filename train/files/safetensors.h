// The safetensors format, which Python's safetensors package reads and writes too:
// 8 bytes header length (little-endian) | JSON header, padded with spaces | tensor data without
// gaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace ebm {

struct SafetensorsFile {
  struct Entry {
    std::string dtype;            // "F32", "I64", "U64", "U8", ...: safetensors' own names
    std::vector<int64_t> shape;   // row-major; empty for a scalar
    std::vector<std::byte> data;  // little-endian, elements * dtype size bytes
  };
  std::map<std::string, std::string> metadata;
  std::map<std::string, Entry> tensors;
};

// A header above this is refused; a real one takes about 100 bytes a tensor.
inline constexpr int64_t kMaxSafetensorsHeaderBytes = int64_t{1} << 24;

// Bytes of one element, or 0 for a dtype that the format does not know.
int64_t safetensors_dtype_size(const std::string& dtype);

// Takes a whole file. `name` stands for it in errors. Throws Error with the reason when the bytes
// are cut short, not safetensors, or inconsistent: every tensor's range must lie in the data, match
// shape * dtype, and the ranges must follow each other without gap or overlap up to the file's end.
SafetensorsFile parse_safetensors(std::span<const std::byte> file, const std::string& name);
SafetensorsFile read_safetensors(const std::filesystem::path& path);
// Its metadata alone, however large the tensors are, which are not looked at.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);

// Replaces `path` atomically: until the new file is whole and on disk the old one stays. Throws
// Error on inconsistent tensors and on every write failure (full disk: no temporary file is left).
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace ebm
