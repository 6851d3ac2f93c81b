// Which algorithm computes a convolution. The first time a shape is met, the algorithms that can compute it are timed
// and the fastest is kept: the plan. Algorithms round differently, so a plan is part of a run's state: it is written
// into checkpoints and read back on resume, which is then bit-exact (on the CPU for the same number of threads, on a
// GPU for the same one and the same libraries).
#pragma once

#include <optional>
#include <string>

namespace ebm {

// One line per shape met so far, on the CPU and on GPUs: those of the two functions below together.
std::string conv_plans_to_string();
// Adopts such lines in place of timing and in place of what was chosen before; lines for other shapes stay.
// Throws Error for a line it cannot read.
void conv_plans_from_string(const std::string& text);

}  // namespace ebm

namespace ebm::cuda {

// As in "cuda forward n400 h7 w7 c128 … = graph eng7 k24=21" (kernels/conv/conv_ways_cuda.h). A way that the present GPU
// and libraries do not have is found anew.
std::string plans_to_string();
void plans_from_string(const std::string& text);
void clear_plans();

}  // namespace ebm::cuda

namespace ebm::cpu {

enum class ConvAlgorithm {
  library,          // oneDNN, NHWC throughout
  library_blocked,  // oneDNN in the layout it likes best, with copies in and out
  columns,          // gradient to an image of few channels (conv_columns_cpu.cpp)
  winograd,         // fewer multiplications, slightly larger rounding errors (conv_winograd_cpu.cpp)
};
const char* name(ConvAlgorithm algorithm);

// As in "forward n100 h7 w7 c128 … = winograd". Sorted: equal plans give equal strings.
std::string plans_to_string();
void plans_from_string(const std::string& text);
void clear_plans();

// Off: shapes without a plan get a fixed rule's choice instead of a timed one, on a GPU too, so that two runs agree bit
// for bit without sharing a plan. On by default; the environment variable EBM_CONV_TIMING=0 turns it off, and so does
// set_deterministic (core/deterministic.h).
void set_plan_timing(bool on);
bool plan_timing();

// For tests and measurements: makes every later convolution use this algorithm where it can compute the
// shape (the fixed rule's choice where it cannot); nullopt ends that.
void force_algorithm(std::optional<ConvAlgorithm> algorithm);

}  // namespace ebm::cpu
