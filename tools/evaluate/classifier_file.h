// The trained classifier of a data set, kept in the data folder: made at first use, the same for all scores
// after that.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "tools/evaluate/classifier_recipes.h"
#include "train/data/dataset.h"

namespace ebm {

struct TrainedClassifier {
  Classifier network;
  std::string dataset;
  int64_t images = 0;        // that it was trained on
  double test_accuracy = 0;  // share of the test images that it tells right
  // First digits of the parameters' SHA-256. Scores compare where it is the same: machines with other
  // processors or thread counts train classifiers that differ in their last bits.
  std::string fingerprint;
};

// <root>/<dataset>/classifier-v<version>.safetensors
std::filesystem::path classifier_path(const std::filesystem::path& root, const std::string& dataset);

// Written atomically. Throws Error when that fails.
void write_classifier(const std::filesystem::path& path, const TrainedClassifier& classifier);

// Throws Error, naming the file and what to do, when it is damaged, of another version or data set, or was
// trained on another number of images than train_images.
TrainedClassifier read_classifier(const std::filesystem::path& path, const std::string& dataset, int64_t train_images,
                                  Device device);

// Reads the file; where there is none, trains with lines to `say`, and writes it. A folder that cannot be
// written to is an Error before the training, not after it.
TrainedClassifier load_or_train_classifier(const std::filesystem::path& root, const Dataset& train, const Dataset& test,
                                           Device device, const std::function<void(const std::string&)>& say);

}  // namespace ebm
