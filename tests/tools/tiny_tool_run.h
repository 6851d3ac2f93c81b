// A tiny trained run, and ./ebm at work on it.
#pragma once

#include <doctest/doctest.h>

#include "tests/tools/program.h"

namespace ebm::test {

inline Outcome ebm_tool(const TemporaryFolder& folder, const std::vector<std::string>& arguments) {
  return Program(EBM_PROGRAM, arguments, folder.path()).wait();
}

// Two iterations, in the folder "run", of a recipe with these flags of its own.
inline void train_run(const TemporaryFolder& folder, const std::string& recipe = "synthetic",
                      const std::vector<std::string>& flags = {}) {
  std::vector<std::string> arguments = tiny({recipe, "--iterations", "2", "--out", "run", "--quiet"});
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const Outcome outcome = Program(EBM_TRAIN_PROGRAM, arguments, folder.path()).wait();
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
}

// The same with Langevin steps and latent vectors that can be seen in an image: networks that have learnt next to
// nothing are so flat that with a recipe's own settings every image is grey, and stays where it is.
inline void train_lively_run(const TemporaryFolder& folder, const std::string& recipe = "synthetic",
                             std::vector<std::string> flags = {}) {
  flags.insert(flags.end(), {"--drift", "200", "--vae-lr", "0.05"});
  train_run(folder, recipe, flags);
}

}  // namespace ebm::test
