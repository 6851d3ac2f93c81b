// The scores that compare two sets of images by their features.
#pragma once

#include <optional>
#include <string>

#include "tools/evaluate/feature_network.h"
#include "tools/evaluate/frechet.h"
#include "tools/evaluate/inception_score.h"
#include "tools/evaluate/kid.h"
#include "tools/evaluate/moments.h"
#include "tools/evaluate/neighbours.h"

namespace ebm {

// Which scores are wanted.
struct MetricSet {
  bool frechet = false, kernel = false, inception = false, neighbours = false;  // of features
  bool classes = false, sure = false;                                           // of the network's answers
  bool psnr = false, ssim = false;                                              // of reconstructions

  bool features() const { return frechet || kernel || inception || neighbours || classes || sure; }
  bool reconstructions() const { return psnr || ssim; }
};

// A network is sure of an image where it gives one class at least this probability.
inline constexpr double kSure = 0.9;

// What the network says of the images, in fp32 in every mode of core/precision.h. levels (n,H,W,C): 8-bit pixels.
FeatureNetwork::Values values_of(const FeatureNetwork& network, std::span<const uint8_t> levels, ImageShape image);

// What the wanted scores need of a set of images. Only kernel distance and neighbours keep the features
// themselves; without them memory does not grow with the number of images.
class FeatureStatistics {
 public:
  // `images` of this shape will be added in all. Keeps a reference to the network.
  FeatureStatistics(const FeatureNetwork& network, ImageShape image, const MetricSet& metrics, int64_t images);

  // levels (n,H,W,C): 8-bit pixels, in random order.
  void add(std::span<const uint8_t> levels);
  // The same by values_of() them.
  void add(const FeatureNetwork::Values& values);

  int64_t count() const { return count_; }
  const Moments& moments() const { return moments_; }
  // (count, F), or empty where no wanted score needs them.
  std::span<const float> features() const { return features_; }
  const std::optional<InceptionScore>& inception() const { return inception_; }
  std::vector<double> class_shares() const;  // (classes), of the images that the network takes for each
  double sure_share() const;                 // of the images that it is sure of

 private:
  const FeatureNetwork& network_;
  ImageShape image_;
  MetricSet metrics_;
  int64_t count_ = 0;
  Moments moments_;
  std::vector<float> features_;
  std::optional<InceptionScore> inception_;
  std::vector<int64_t> class_counts_;  // (classes)
  int64_t sure_ = 0;
};

// Those that were wanted.
struct FeatureScores {
  std::optional<double> frechet;
  std::optional<KernelDistance> kernel;
  std::optional<InceptionScore::Result> inception;  // of `samples` alone
  std::optional<NeighbourScores> neighbours;
  std::vector<double> class_shares;  // of `samples` alone; empty where not wanted
  std::optional<double> sure;        // likewise
};

// The class of each image by the network, (n); -1 where it is not sure of one. levels (n,H,W,C).
std::vector<int64_t> sure_classes_of(const FeatureNetwork& network, std::span<const uint8_t> levels, ImageShape image);

// The images that sets of samples are compared with. Keeps a reference to their statistics.
class FeatureReference {
 public:
  FeatureReference(const FeatureStatistics& reference, const MetricSet& metrics);
  FeatureScores score(const FeatureStatistics& samples) const;

 private:
  const FeatureStatistics& reference_;
  MetricSet metrics_;
  std::optional<FrechetReference> frechet_;
  std::optional<NeighbourReference> neighbours_;
};

}  // namespace ebm
