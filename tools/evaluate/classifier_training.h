// Training of the classifier on its data set.
#pragma once

#include <functional>
#include <string>

#include "tools/evaluate/classifier_recipes.h"
#include "train/data/dataset.h"

namespace ebm {

// Trains from the recipe's seed on the CPU, the same bits everywhere (tools/evaluate/portable_training.h); the network is
// on `device`. `say` gets a line after each epoch. Throws Error when the images do not fit the network.
Classifier train_classifier(const ClassifierRecipe& recipe, const Dataset& images, Device device,
                            const std::function<void(const std::string&)>& say);

// Share of images whose most probable class is their label.
double accuracy(const Classifier& classifier, const Dataset& images);

// Moves each image of x (N,H,W,C) by up to `shift` pixels, black (-1) coming in at the border, and mirrors
// every other one where asked; which and how far is a function of `key` and the image's place.
void augment(std::vector<float>& x, ImageShape shape, int64_t shift, bool mirror, const RandomKey& key);

}  // namespace ebm
