// The IDX format of MNIST and Fashion-MNIST: a big-endian header, then unsigned bytes. Every parser
// takes the file as it lies on disk, raw or gzipped (told apart by the first bytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/files/image_set.h"

namespace ebm {

// A gzipped IDX file that inflates to more than this is refused.
inline constexpr int64_t kMaxIdxBytes = int64_t{1} << 30;
// An image edge above this is refused: it means that the header is not one.
inline constexpr int64_t kMaxIdxEdge = 4096;

// Images: magic 0x00000803, count, height, width, then count * height * width bytes.
// Returns channels = 1 and no labels. `name` stands for the file in errors. Throws Error on a wrong
// magic number, a zero or huge dimension, or a size that is not exactly what the header says.
ImageSet parse_idx_images(std::span<const std::byte> file, const std::string& name);

// Labels: magic 0x00000801, count, then count bytes. Throws like parse_idx_images.
std::vector<uint8_t> parse_idx_labels(std::span<const std::byte> file, const std::string& name);

}  // namespace ebm
