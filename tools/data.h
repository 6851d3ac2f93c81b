// Data sets for the programs: found, or fetched when they are not there.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "train/data/held_out.h"
#include "train/settings.h"

namespace ebm {

// Throws Error with the nearest valid name unless `name` is one of them. `what`: "recipe", "data
// set".
void check_dataset_name(const std::string& what, const std::string& name);

// --data, the folder that load_or_fetch and data_root are given.
void add_data_option(CLI::App& command, std::string& data);

// Loads a data set. If none of its files is below the data folder it is fetched first, and `say`
// tells.
Dataset load_or_fetch(const std::string& name, const std::string& data_option, Split split,
                      const std::function<void(const std::string&)>& say);

// The parts of a run's data set where it held out a class.
HeldOut load_held_out(const Settings& settings, const std::string& data_option,
                      const std::function<void(const std::string&)>& say);
// The images of a run's own data set that it learned from (train), or others of the same kind (test): those that
// --held-out chooses where a class was held out.
Dataset load_own(const Settings& settings, const std::string& data_option, Split split,
                 const std::function<void(const std::string&)>& say);

}  // namespace ebm
