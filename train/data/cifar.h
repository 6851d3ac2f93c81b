// CIFAR-10's binary batches: records of one label byte and 3072 pixel bytes, planes R, G, B.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "train/files/image_set.h"

namespace ebm {

inline constexpr int64_t kCifarEdge = 32;
inline constexpr int64_t kCifarChannels = 3;
inline constexpr int64_t kCifarClasses = 10;
inline constexpr int64_t kCifarRecordBytes = 1 + kCifarChannels * kCifarEdge * kCifarEdge;  // 3073

// Any whole number of records; the pixels are reordered from planes to (N, 32, 32, 3). `name`
// stands for the file in errors. Throws Error when the size is no positive multiple of 3073 bytes
// or a label is above 9: either shows that the file is not CIFAR-10.
ImageSet parse_cifar_batch(std::span<const std::byte> file, const std::string& name);

}  // namespace ebm
