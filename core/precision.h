// In which arithmetic the GPU's convolutions and matrix products run. x, energies, reductions, noise,
// updates and optimiser state are fp32 in every mode. The CPU always computes in fp32.
#pragma once

#include <string>

namespace ebm {

enum class Precision { fp32, tf32 };

Precision precision();
void set_precision(Precision precision);
// Reads fp32 | tf32; throws Error for another word.
Precision parse_precision(const std::string& text);

}  // namespace ebm
