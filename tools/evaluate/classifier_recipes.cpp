#include "tools/evaluate/classifier_recipes.h"

#include "core/check.h"

namespace ebm {
namespace {

ClassifierRecipe grey_recipe() {
  ClassifierRecipe recipe;
  recipe.network.image = {28, 28, 1};
  recipe.network.layers = {{3, 1, 16, {1, 1}},    // 28×28
                           {4, 2, 48, {1, 1}},    // 14×14
                           {4, 2, 96, {1, 1}},    // 7×7
                           {3, 1, 128, {1, 1}}};  // 7×7
  return recipe;
}

}  // namespace

ClassifierRecipe classifier_recipe(const std::string& dataset) {
  ClassifierRecipe recipe = grey_recipe();
  if (dataset == "mnist") {
    recipe.epochs = 4;
    recipe.shift = 1;
    return recipe;
  }
  if (dataset == "fashion") {
    recipe.epochs = 8;
    recipe.mirror = true;
    return recipe;
  }
  if (dataset == "cifar10") {
    recipe.network.image = {32, 32, 3};
    recipe.network.layers = {{3, 1, 32, {1, 1}},    // 32×32
                             {4, 2, 64, {1, 1}},    // 16×16
                             {3, 1, 64, {1, 1}},    // 16×16
                             {4, 2, 128, {1, 1}},   // 8×8
                             {3, 1, 128, {1, 1}},   // 8×8
                             {4, 2, 256, {1, 1}}};  // 4×4
    recipe.network.features = 256;
    recipe.epochs = 25;
    recipe.shift = 3;
    recipe.mirror = true;
    return recipe;
  }
  if (dataset == "synthetic") {                                       // four shapes, 512 images
    recipe.network.layers = {{4, 4, 8, {0, 0}}, {3, 2, 16, {1, 1}}};  // 7×7, 4×4
    recipe.network.features = 16;
    recipe.network.classes = 4;
    recipe.network.dropout_keep = 1;
    recipe.epochs = 16;
    recipe.batch = 32;
    recipe.lr = 5e-3;
    return recipe;
  }
  EBM_FAIL("classifier", "\"" + dataset + "\"", "mnist, fashion, cifar10 or synthetic");
}

}  // namespace ebm
