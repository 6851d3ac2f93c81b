// `ebm evaluate` of a conditional model.
#pragma once

#include <filesystem>
#include <string>

#include "train/trainer.h"

namespace ebm {

struct CompletionFlags {
  std::string data;   // --data
  int64_t n = 0;      // test images; 0: all
  int64_t steps = 0;  // Langevin steps
  uint64_t seed = 1;  // of z, noise and drawn holes
  std::filesystem::path json, png;
};
// Scores completions of test images, prints them, and leaves JSON and a picture. Throws Error where a file cannot be written.
void evaluate_completion(const Trainer& model, const CompletionFlags& flags);

}  // namespace ebm
