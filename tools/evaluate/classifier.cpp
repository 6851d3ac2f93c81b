#include "tools/evaluate/classifier.h"

#include "core/check.h"
#include "tools/evaluate/pixels.h"

namespace ebm {

Classifier::Output Classifier::operator()(const Var& x) const {
  const Var features = layers_.apply(0, logits_begin(), x);                             // (N, F)
  return {features, layers_.apply(logits_begin(), layers_.places().size(), features)};  // (N, classes)
}

FeatureNetwork::Values Classifier::values(std::span<const uint8_t> levels, ImageShape image) const {
  const Shape shape{static_cast<int64_t>(levels.size()) / image.elements(), image.height, image.width, image.channels};
  EBM_CHECK(image == this->image(), "classifier", to_string(shape), "images of the data set it was trained on");
  const Output output = (*this)(Var(Tensor::from_host(from_levels(levels), shape, device())));
  return {output.features.value().to_host(), output.logits.value().to_host()};
}

}  // namespace ebm
