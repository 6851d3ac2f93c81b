// A trained model for other programs: its weights by name, and what its networks are.
#pragma once

#include <filesystem>

#include "train/checkpoint.h"

namespace ebm {

inline constexpr const char* kModelName = "model.safetensors";  // in a run's folder

// Writes Trainer::model() of a checkpoint, with more metadata: "ebm.model" (the version of this form, "1"), "method",
// "config" (config.toml), and "sigma_ref" where U(x) = |x|^2/(2 sigma_ref^2) - f(x) is the model's energy; 0: without the
// first term. Throws Error where the file cannot be written.
void write_model(const Checkpoint& checkpoint, const std::filesystem::path& out);

}  // namespace ebm
