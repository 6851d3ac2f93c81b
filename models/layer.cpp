#include "models/layer.h"

#include "core/check.h"

namespace ebm {
namespace {

Shape with_batch(const Shape& example, int64_t n) {
  return example.rank() == 4 ? Shape{n, example[1], example[2], example[3]} : Shape{n, example[1]};
}

// Gives a layer its place after those before it.
class Walk {
 public:
  Walk(const NetworkConfig& config, int64_t n) : config_(config), map_(with_batch(config.input, n)) {
    for (i_ = 0; i_ < config.layers.size(); ++i_) {
      at_ = {};
      at_.x = at_.y = map_;
      at_.entry = entries_;
      if (const LeakyRelu* leaky = next<LeakyRelu>()) at_.slope = leaky->negative_slope;
      std::visit(*this, config.layers[i_]);
      map_ = at_.y;
      places.push_back(at_);
    }
  }
  std::vector<PlacedLayer> places;

  void operator()(const Conv& l) {
    weighted(l.name, {l.channels, l.kernel, l.kernel, channels()});
    at_.geometry = {l.stride, l.pad};
    at_.y = conv2d_shape(at_.x, at_.weight, at_.geometry);
  }
  void operator()(const Deconv& l) {
    weighted(l.name, {channels(), l.kernel, l.kernel, l.channels});
    at_.transposed = true;
    at_.geometry = {l.stride, l.pad};
    at_.y = conv_transpose2d_shape(at_.x, at_.weight, at_.geometry);
  }
  void operator()(const Dense& l) {
    EBM_CHECK(at_.x.rank() == 2, "network", "a dense layer on " + to_string(at_.x), "(N,I): flatten before it");
    weighted(l.name, {l.outputs, at_.x[1]});
    at_.y = {at_.x[0], l.outputs};
  }
  void operator()(const BatchNorm&) {
    channels();
    EBM_CHECK(!name_.empty(), "network", "a batch normalisation first", "one after a convolution");
    at_.name = name_;
    ++entries_;
  }
  void operator()(const LeakyRelu&) {}
  void operator()(const Tanh&) {}
  void operator()(const Dropout&) { at_.dropout = dropouts_++; }
  void operator()(const Flatten&) { at_.y = {at_.x[0], at_.x.size() / at_.x[0]}; }

 private:
  template <class Kind>
  const Kind* next() const {
    return i_ + 1 < config_.layers.size() ? std::get_if<Kind>(&config_.layers[i_ + 1]) : nullptr;
  }

  void weighted(const std::string& name, const Shape& weight) {
    at_.name = name_ = name.empty() ? "conv" + std::to_string(++convs_) : name;
    at_.weight = weight;
    at_.bias = !next<BatchNorm>();  // whose shift takes its place
    entries_ += at_.bias ? 2 : 1;
  }

  int64_t channels() const {
    EBM_CHECK(at_.x.rank() == 4, "network", "a layer of images on " + to_string(at_.x), "(N,H,W,C)");
    return at_.x[3];
  }

  const NetworkConfig& config_;
  Shape map_;  // what the layers so far make
  size_t i_ = 0;
  PlacedLayer at_;
  std::string name_;  // of the last layer with a weight
  int convs_ = 0;     // without a name of their own
  size_t entries_ = 0;
  uint32_t dropouts_ = 0;
};

}  // namespace

double PlacedLayer::macs() const {
  if (weight.rank() == 0) return 0;
  // each element of the output, or of a transposed convolution's input, meets all weights of its channel
  const Shape& map = transposed ? x : y;
  return static_cast<double>(map.size()) * static_cast<double>(weight.size() / weight[0]);
}

std::vector<PlacedLayer> walk(const NetworkConfig& config, int64_t n) { return Walk(config, n).places; }

}  // namespace ebm
