// The program that trains, behind its two doors: `./ebm train METHOD RECIPE` and `./train_ebm_vae RECIPE`.
#pragma once

#include <string>
#include <vector>

#include "tools/train_options.h"
#include "tools/world.h"

namespace ebm {

// How it was called, for what it tells the user to type.
enum class Door { train_ebm_vae, ebm_train };

// Trains by flags that were parsed, and leaves a run's folder. Returns main's exit code: 0, or 128 and the signal that
// stopped it. Of several processes the first one prints, and writes the run.
int train_program(TrainFlags& flags, int argc, char** argv, Door door, World& world);

// The first word of the command line that is one of these: which flags there are depends on it.
std::string word_among(int argc, char** argv, const std::vector<std::string>& names, const std::string& otherwise);

}  // namespace ebm
