// Recipes: the settings that a method is trained with on a data set, in a profile. They are the files of
// train/recipes/, one a method, in the format of config.toml:
//
//   like = "ebm-vae"          begin with that method's recipe of the same name and profile, but for settings that only
//                             that method has
//   [laptop]                  of every recipe in that profile
//   [mnist.paper]             of the recipe mnist
//   base = "cifar10.paper"    begin with that section
//   dataset = "mnist"         the data set, where it is not the recipe's name
//   steps = 60                a setting, by its flag
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "train/settings.h"

namespace ebm {

// The recipes of a method, in order of their files.
std::vector<std::string> recipe_names(const std::string& method);
// Whether a recipe has settings of that profile: nothing is published that a folder's could be.
bool has_profile(const std::string& method, const std::string& recipe, Profile profile);
// Settings of a recipe; throws Error for a method or recipe that is none, and for a profile that it has not.
std::unique_ptr<Settings> recipe_settings(const std::string& method, const std::string& recipe, Profile profile);

}  // namespace ebm
