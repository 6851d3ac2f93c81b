#include "train/networks_json.h"

#include <nlohmann/json.hpp>

#include "models/layer.h"
#include "train/learner.h"

namespace ebm {
namespace {

using Json = nlohmann::ordered_json;

Json pair(Padding pad) { return {pad.before, pad.after}; }

struct Describe {
  const PlacedLayer& at;

  Json operator()(const Conv& l) const { return conv("conv", l.kernel, l.stride, l.channels, l.pad); }
  Json operator()(const Deconv& l) const { return conv("deconv", l.kernel, l.stride, l.channels, l.pad); }
  Json operator()(const Dense& l) const { return {{"kind", "dense"}, {"name", at.name}, {"outputs", l.outputs}}; }
  Json operator()(const BatchNorm&) const { return {{"kind", "batch_norm"}, {"name", at.name}}; }
  Json operator()(const LeakyRelu& l) const { return {{"kind", "leaky_relu"}, {"slope", l.negative_slope}}; }
  Json operator()(const Tanh&) const { return {{"kind", "tanh"}}; }
  Json operator()(const Dropout& l) const { return {{"kind", "dropout"}, {"keep", l.keep}}; }
  Json operator()(const Flatten&) const { return {{"kind", "flatten"}}; }

  Json conv(const char* kind, int kernel, int stride, int64_t channels, Padding pad) const {
    return {{"kind", kind},     {"name", at.name},      {"kernel", kernel}, {"stride", stride},
            {"pad", pair(pad)}, {"channels", channels}, {"bias", at.bias}};
  }
};

}  // namespace

std::string networks_json(const Parts& parts) {
  Json networks = Json::object();
  for (const LearnerBase* learner : parts.learners()) {
    if (!learner->layers() || learner->layers()->condition > 0) continue;  // no list of layers says what those compute
    const NetworkConfig& config = *learner->layers();
    const std::vector<PlacedLayer> places = walk(config);
    Json input = Json::array(), layers = Json::array();
    for (int i = 0; i < config.input.rank(); ++i) input.push_back(config.input[i]);
    for (size_t i = 0; i < places.size(); ++i) layers.push_back(std::visit(Describe{places[i]}, config.layers[i]));
    networks[learner->name()] = {{"input", input}, {"layers", layers}};
  }
  return networks.dump();
}

}  // namespace ebm
