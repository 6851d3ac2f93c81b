// In which arithmetic convolutions and matrix products run. x, energies, biases, sums, reductions, noise,
// updates and optimiser state are fp32 in every mode.
//   fp32  operands and products in fp32
//   tf32  operands rounded to 10 bits behind the leading one, summed in fp32
//   bf16  operands rounded to 7 bits, summed in fp32
// On a GPU the reduced modes run on its tensor cores. In bf16 a Langevin chain keeps its maps as bf16 from layer to layer
// (train/chains/langevin.h), and elsewhere a convolution's operands are stored as bf16 for as long as it takes; where cuDNN has
// no engine for that, the same rounded numbers are multiplied as tf32. A CPU with AVX512-BF16 or AMX keeps a chain's maps
// as bf16 too. Else the CPU emulates the modes, by rounding the operands before its fp32 arithmetic: slower than fp32,
// there to see what a mode does to gradients and to training.
#pragma once

#include <string>

#include "core/device.h"

namespace ebm {

enum class Precision { fp32, tf32, bf16 };

Precision precision();
// Of everything, chains included.
void set_precision(Precision precision);
// The mode of plain Langevin chains, whose samples nothing weighs by U, may be another one: precision() if it was not
// set since set_precision().
Precision chain_precision();
void set_chain_precision(Precision precision);
// The mode in which U is computed where it is reported or decides (HMC, MALA, annealed importance sampling): never bf16.
Precision energy_precision();
// Sets the mode of everything for as long as it lives.
class PrecisionScope {
 public:
  explicit PrecisionScope(Precision wanted) : before_(precision()), chains_before_(chain_precision()) {
    set_precision(wanted);
  }
  ~PrecisionScope() {
    set_precision(before_);
    set_chain_precision(chains_before_);
  }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  Precision before_, chains_before_;
};
const char* name(Precision precision);
// What `auto` means but for chains: tf32 on a GPU, fp32 on the CPU. The gradients of every recipe bear tf32
// (docs/performance.md).
Precision default_precision(Device device);
// Reads fp32 | tf32 | bf16; throws Error for another word. `auto` is read where the recipe is known
// (train/settings.h).
Precision parse_precision(const std::string& text);

}  // namespace ebm
