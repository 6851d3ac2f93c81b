// `ebm loglik`: what its kinds of models share. Of an energy of images log Z is annealed once; of a model with a z each image has
// an integral of its own; of a tilted flow log Z is annealed once, in z.
#pragma once

#include "tools/ebm_commands.h"
#include "tools/evaluate/annealed_importance.h"
#include "train/data/dataset.h"

namespace ebm {

struct LoglikFlags {
  ModelFlags model;
  std::string n, chains, steps, leapfrog, seed = "1";
  std::string base, reverse = "samples", data, json;
  std::vector<double> temperatures;
};

// What is done where no flag says otherwise.
struct LoglikDefaults {
  int64_t images, chains, steps, leapfrog;
};
inline constexpr LoglikDefaults kLoglikInX{1000, 16, 500, 5}, kLoglikInZ{100, 16, 50, 3}, kLoglikTilt{1000, 32, 200, 3};

int64_t loglik_images(const LoglikFlags& flags, const LoglikDefaults& usual);
AnnealingPlan annealing_plan(const LoglikFlags& flags, const LoglikDefaults& usual);

// The first n images of a split of the run's data in [-1, 1], (n, H, W, C), or all where there are fewer.
std::vector<float> images_of(const Trainer& model, const std::string& data, Split split, int64_t n);
// n test images. Throws Error, naming `flag` and what it was given, where there are fewer.
std::vector<float> test_images_of(const Trainer& model, const std::string& data, int64_t n, const std::string& flag,
                                  const std::string& given);

// tools/ebm_loglik_latent.cpp
void loglik_in_z(const LoglikFlags& flags, std::unique_ptr<Trainer> model);
// tools/ebm_loglik_tilt.cpp
void loglik_of_tilt(const LoglikFlags& flags, std::unique_ptr<Trainer> model);

}  // namespace ebm
