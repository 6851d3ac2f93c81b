// Inception score, Salimans et al. (2016), from any classifier's probabilities.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ebm {

// exp of the mean KL( p(y|x) ‖ p(y) ), p(y) being the mean over a split: 1 at worst, the number of classes at
// best. Images go to the splits in the order they come, in parts of equal size; mean and standard deviation
// over the splits are reported. Memory does not depend on the number of images.
class InceptionScore {
 public:
  // `images` will be added in all; those that do not fill the last split up are left out, as usual. Throws
  // Error when there are fewer images than splits.
  InceptionScore(int64_t images, int64_t classes, int splits = 10);

  // logits (count, classes), before the softmax.
  void add(std::span<const float> logits);

  struct Result {
    double mean = 0, deviation = 0;
    int splits = 0;
  };
  // Throws Error unless all images were added.
  Result result() const;

 private:
  struct Split {
    double negative_entropy = 0;        // Σ_i Σ_y p(y|x_i) log p(y|x_i)
    std::vector<double> probabilities;  // Σ_i p(y|x_i), (classes)
  };
  int64_t images_, classes_, per_split_, added_ = 0;
  std::vector<Split> splits_;
};

}  // namespace ebm
