// Data sets for the programs: found, or fetched when they are not there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "train/data/held_out.h"
#include "train/data/image_folder.h"
#include "train/data/points.h"
#include "train/settings.h"

namespace ebm {

// What a run learns from: a data set by name, a folder, or points.
struct TrainingData {
  Dataset dataset;
  std::optional<ImageFolder> folder;
  const PointSet* points = nullptr;

  int64_t count() const {
    if (points) return PointSource(*points).count();
    return folder ? folder->count() : dataset.count();
  }
  const std::string& note() const { return folder ? folder->note() : dataset.note; }
  std::unique_ptr<const Source> source(const Settings& settings) const;  // keeps a reference
};

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
// The images that a run is to learn from. Throws Error where a folder has not the number of images that the settings say.
TrainingData load_training_data(const Settings& settings, const std::string& data_option,
                                const std::function<void(const std::string&)>& say);
// The images of a run's own data set that it learned from (train), or others of the same kind (test): those that
// --held-out chooses where a class was held out. Of a folder the middle of each image; `data_option` is then where the
// folder lies now, if it was moved. Throws Error as load_training_data does.
Dataset load_own(const Settings& settings, const std::string& data_option, Split split,
                 const std::function<void(const std::string&)>& say);

}  // namespace ebm
