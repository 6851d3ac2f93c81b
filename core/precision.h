// In which arithmetic convolutions and matrix products run. x, energies, biases, sums, reductions, noise,
// updates and optimiser state are fp32 in every mode.
//   fp32  operands and products in fp32
//   tf32  operands rounded to 10 bits behind the leading one, summed in fp32
//   bf16  operands rounded to 7 bits, summed in fp32
// On a GPU the reduced modes run on its tensor cores. In bf16 a convolution's operands are stored as bf16 for as
// long as it takes; where cuDNN has no engine for that, the same rounded numbers are multiplied as tf32. The CPU
// emulates the modes, by rounding the operands before its fp32 arithmetic: slower than fp32, there to see what a
// mode does to gradients and to training.
#pragma once

#include <string>

#include "core/device.h"

namespace ebm {

enum class Precision { fp32, tf32, bf16 };

Precision precision();
void set_precision(Precision precision);
// Sets the mode for as long as it lives.
class PrecisionScope {
 public:
  explicit PrecisionScope(Precision wanted) : before_(precision()) { set_precision(wanted); }
  ~PrecisionScope() { set_precision(before_); }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  Precision before_;
};
const char* name(Precision precision);
// Reads auto | fp32 | tf32 | bf16; throws Error for another word. `auto` is tf32 on a GPU and fp32 on the CPU: the
// gradients of every recipe bear tf32 (docs/performance.md).
Precision parse_precision(const std::string& text, Device device);

}  // namespace ebm
