// NumPy's .npy format, float32 arrays only: how samples leave the program for other tools.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ebm {

struct NpyArray {
  std::vector<int64_t> shape;  // (N, H, W, C) for images; row-major
  std::vector<float> values;
};

// Writes version 1.0, little-endian, C order; the file is replaced atomically. Throws Error when
// the sizes disagree or the file cannot be written.
void write_npy(const std::filesystem::path& path, std::span<const float> values,
               const std::vector<int64_t>& shape);

// Reads what write_npy or numpy.save wrote. `name` stands for the file in errors. Throws Error on
// any other dtype or order ('<f4', C order), a damaged header, or a size that does not match it.
NpyArray parse_npy(std::span<const std::byte> file, const std::string& name);
NpyArray read_npy(const std::filesystem::path& path);

}  // namespace ebm
