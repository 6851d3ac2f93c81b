// The shapes that convolutions are tested at: those of the networks, and odd ones.
#pragma once

#include <optional>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/conv/conv_plan.h"

namespace ebm {

struct ConvCase {
  const char* name;
  Shape x, w;  // (N,H,W,C), (K,R,S,C)
  ConvGeometry geometry;
};

// While one is alive, the CPU's convolutions use this algorithm where they can.
struct Forced {
  explicit Forced(std::optional<cpu::ConvAlgorithm> algorithm) { cpu::force_algorithm(algorithm); }
  ~Forced() { cpu::force_algorithm(std::nullopt); }
};

inline ConvGeometry uneven(int stride_h, int stride_w, Padding pad_h, Padding pad_w) {
  ConvGeometry g;
  g.stride_h = stride_h, g.stride_w = stride_w, g.pad_h = pad_h, g.pad_w = pad_w;
  return g;
}

inline const std::vector<ConvCase> kConvCases = {
    {"mnist first layer", {3, 28, 28, 1}, {64, 5, 5, 1}, {2, {1, 2}}},
    {"cifar first layer", {2, 32, 32, 3}, {64, 3, 3, 3}, {1, {1, 1}}},
    {"narrow first layer", {2, 28, 28, 1}, {16, 5, 5, 1}, {2, {1, 2}}},
    {"mnist second layer", {3, 14, 14, 64}, {128, 3, 3, 64}, {2, {0, 1}}},
    {"mnist third layer", {3, 7, 7, 128}, {256, 3, 3, 128}, {1, {1, 1}}},
    {"narrow third layer", {3, 7, 7, 32}, {64, 3, 3, 32}, {1, {1, 1}}},
    {"cifar second layer", {2, 32, 32, 64}, {128, 4, 4, 64}, {2, {1, 1}}},
    {"cifar fourth layer", {3, 8, 8, 256}, {256, 4, 4, 256}, {2, {1, 1}}},
    {"encoder, 4x4 stride 1", {3, 7, 7, 64}, {64, 4, 4, 64}, {1, {1, 2}}},
    {"generator's last layer", {3, 28, 28, 1}, {64, 3, 3, 1}, {2, {0, 1}}},
    {"image output", {2, 32, 32, 3}, {64, 3, 3, 3}, {1, {1, 1}}},
    {"even map", {3, 8, 8, 16}, {32, 3, 3, 16}, {1, {1, 1}}},
    {"odd map, one image", {1, 5, 6, 16}, {16, 3, 3, 16}, {1, {1, 1}}},
    {"no padding", {3, 9, 7, 32}, {48, 3, 3, 32}, {1, {}}},
    {"wide padding", {2, 5, 5, 16}, {16, 3, 3, 16}, {1, {2, 2}}},
    {"uneven padding and strides", {3, 11, 9, 5}, {7, 3, 5, 5}, uneven(2, 3, {0, 2}, {1, 3})},
    {"uneven padding, vector channels", {3, 11, 9, 16}, {32, 3, 5, 16}, uneven(1, 2, {0, 2}, {3, 1})},
    {"stride leaves rows unread", {2, 10, 10, 16}, {16, 3, 3, 16}, {2, {0, 0}}},
    {"stride beyond the kernel", {2, 13, 13, 16}, {16, 2, 2, 16}, {3, {0, 0}}},
    {"few channels, stride beyond a vector", {2, 21, 21, 3}, {8, 2, 2, 3}, {8, {0, 0}}},
    {"1x1 kernel", {3, 6, 5, 24}, {40, 1, 1, 24}, {1, {}}},
    {"1x1 output", {3, 7, 7, 64}, {10, 7, 7, 64}, {1, {}}},
    {"1x1 image", {3, 1, 1, 100}, {256, 4, 4, 100}, {1, {3, 3}}},
    {"single channels", {1, 6, 6, 1}, {1, 3, 3, 1}, {1, {1, 0}}},
};

}  // namespace ebm
