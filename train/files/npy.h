// NumPy's .npy format: float32 arrays, how samples leave the program for other tools, and uint8 ones, as images come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "train/files/file_io.h"

namespace ebm {

struct NpyArray {
  std::vector<int64_t> shape;  // (N, H, W, C) for images; row-major
  std::vector<float> values;
  bool bytes = false;  // of a uint8 array: the values are 0 to 255
};

// Writes version 1.0, little-endian, C order; the file is replaced atomically. Throws Error when
// the sizes disagree or the file cannot be written.
void write_npy(const std::filesystem::path& path, std::span<const float> values, const std::vector<int64_t>& shape);

// write_npy for values that come in parts: the file appears at commit(), whole.
class NpyWriter {
 public:
  // Throws Error when the file cannot be written.
  NpyWriter(const std::filesystem::path& path, const std::vector<int64_t>& shape);
  // Throws Error when there are more values than the shape holds.
  void write(std::span<const float> values);
  // Call once, last. Throws Error when values are missing.
  void commit();

 private:
  AtomicFile file_;
  int64_t missing_;  // values
};

// Reads what write_npy or numpy.save wrote. `name` stands for the file in errors. Throws Error on
// any other dtype or order ('<f4' or '|u1', C order), a damaged header, or a size that does not match it.
NpyArray parse_npy(std::span<const std::byte> file, const std::string& name);
NpyArray read_npy(const std::filesystem::path& path);

}  // namespace ebm
