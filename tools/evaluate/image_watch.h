// Chains seen as images while they run: what their own coordinates hardly show. Which classes does each visit?
#pragma once

#include <functional>
#include <vector>

#include "tools/evaluate/diagnosis.h"
#include "tools/evaluate/feature_network.h"
#include "train/abilities.h"

namespace ebm {

class ImageWatch {
 public:
  struct Plan {
    int64_t chains, steps;    // steps: that are watched
    int64_t projections = 0;  // random directions that images are looked along
    int64_t frames = 0;       // of the film
    uint64_t seed = 1;
  };
  // `shown`: states as images. Both networks may be nullptr or empty; what they would say is left out. They must outlive it.
  ImageWatch(const Plan& plan, ImageShape image, std::function<Tensor(const Tensor& state)> shown,
             std::function<Tensor(const Tensor& x)> tilt, const FeatureNetwork* classifier);

  // "f", "x projection 1" …, "logit 0" …: of a watch that must outlive it.
  Observed observed();

  // Classes that the classifier saw in each chain, (chains); empty without it.
  std::vector<int64_t> classes_visited() const;
  // Of all images, the share of each class.
  std::vector<double> class_shares() const;
  // The first chain's images at equal distances of steps, (frames, H, W, C), one after the other.
  const std::vector<float>& film() const { return film_; }

 private:
  std::vector<float> look(const Tensor& state);

  const Plan plan_;
  const ImageShape image_;
  const std::function<Tensor(const Tensor&)> shown_, tilt_;
  const FeatureNetwork* classifier_;
  Observed projections_;
  int64_t looked_ = 0;
  std::vector<int64_t> visits_;  // (chains, classes)
  std::vector<float> film_;
};

}  // namespace ebm
