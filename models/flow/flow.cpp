#include "models/flow/flow.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "core/check.h"
#include "kernels/elementwise.h"

namespace ebm {

Flow::Flow(const FlowConfig& config, Device device, uint64_t seed) : config_(config) {
  EBM_CHECK(!config.steps.empty(), "flow", "no level", "one or more");
  ImageShape map = config.image;
  for (size_t i = 0; i < config.steps.size(); ++i) {
    if (config.squeeze) {
      EBM_CHECK(map.height % 2 == 0 && map.width % 2 == 0, "flow",
                std::to_string(config.steps.size()) + " levels of images of " + std::to_string(config.image.height) +
                    "x" + std::to_string(config.image.width),
                "edges that can be halved so often");
      map = {map.height / 2, map.width / 2, 4 * map.channels};
    }
    EBM_CHECK(map.channels >= 2, "flow", std::to_string(map.channels) + " channel", "two or more to couple");
    const std::string name = "level" + std::to_string(i + 1) + ".";
    Level level{map, {}, {}};
    for (int64_t k = 1; k <= config.steps[i]; ++k) {
      const std::string step = name + "step" + std::to_string(k) + ".";
      ChannelMix mix(parameters_, step + "mix", map.channels);
      level.steps.push_back(
          {std::move(mix), Coupling(parameters_, step + "coupling", map.channels, config.width, config.kernel)});
    }
    if (i + 1 < config.steps.size()) {
      level.split.emplace(parameters_, name + "split", map.channels, config.kernel);
      map.channels = level.split->kept();
    }
    levels_.push_back(std::move(level));
  }
  parameters_.allocate(device, seed, config_.number);
  for (Level& level : levels_)
    for (Step& step : level.steps) step.mix.start(parameters_, seed, config_.number);
}

namespace {

Var flat(const Var& x) { return reshape(x, {x.shape()[0], x.value().size() / x.shape()[0]}); }  // (N,H,W,C) -> (N,·)

}  // namespace

Flow::Encoded Flow::encode(const Var& x) const {
  LogDet log_det;
  Var h = x, z;
  const auto leave = [&](const Var& noise) { z = z.defined() ? concat_channels(z, flat(noise)) : flat(noise); };
  for (const Level& level : levels_) {
    if (config_.squeeze) h = space_to_depth(h);
    for (const Step& step : level.steps) {
      h = step.mix.encode(parameters_, step.mix.weights(parameters_), h, log_det);
      h = step.coupling.encode(step.coupling.weights(parameters_), h, log_det);
    }
    if (!level.split) continue;
    const Split::Parts parts = level.split->encode(level.split->weights(parameters_), h, log_det);
    leave(parts.noise);
    h = parts.kept;
  }
  leave(h);
  return {z, log_det};
}

Var Flow::log_density(const Var& x) const {
  const Encoded e = encode(x);
  const Var rows = add(log_standard_normal(e.z), e.log_det.rows);  // (N)
  return reshape(add_bias(reshape(rows, {rows.shape()[0], 1}), e.log_det.same), {rows.shape()[0]});
}

void Flow::initialise(const Tensor& x) {
  LogDet unused;
  Tensor h = x;
  for (const Level& level : levels_) {
    if (config_.squeeze) h = space_to_depth(Var(h)).value();
    for (const Step& step : level.steps) h = step.coupling.initialise(parameters_, step.mix.initialise(parameters_, h));
    if (level.split) h = level.split->encode(level.split->weights(parameters_), Var(h), unused).kept.value();
  }
}

Flow::Frozen::Frozen(const Flow& flow) : flow_(flow) {
  for (const Level& level : flow.levels_) {
    std::vector<Step>& steps = steps_.emplace_back();
    for (const Flow::Step& step : level.steps)
      steps.push_back({step.mix.inverse_weights(flow.parameters_), step.coupling.weights(flow.parameters_)});
    if (level.split) splits_.push_back(level.split->weights(flow.parameters_));
  }
}

void Flow::Frozen::update() {
  const Frozen now(flow_);
  const auto take = [](const ConvWeights& to, const ConvWeights& from) {
    for (const auto& [old, fresh] : {std::pair(to.weight, from.weight), std::pair(to.bias, from.bias)}) {
      Tensor values = old.value();
      values.copy_from(fresh.value());
    }
  };
  for (size_t i = 0; i < steps_.size(); ++i)
    for (size_t k = 0; k < steps_[i].size(); ++k) {
      take(steps_[i][k].inverse_mix, now.steps_[i][k].inverse_mix);
      take(steps_[i][k].coupling.first, now.steps_[i][k].coupling.first);
      take(steps_[i][k].coupling.second, now.steps_[i][k].coupling.second);
      take(steps_[i][k].coupling.last, now.steps_[i][k].coupling.last);
    }
  for (size_t i = 0; i < splits_.size(); ++i) take(splits_[i], now.splits_[i]);
}

Var Flow::Frozen::decode(const Var& z) const {
  const int64_t n = z.shape()[0];
  int64_t end = flow_.dimension();
  const auto take = [&](const ImageShape& map) {  // the last numbers of z that are not taken yet
    end -= map.elements();
    return reshape(slice_channels(z, end, map.elements()), {n, map.height, map.width, map.channels});
  };
  Var h;
  for (size_t i = flow_.levels_.size(); i-- > 0;) {
    const Level& level = flow_.levels_[i];
    if (level.split) {
      const Var noise = take({level.map.height, level.map.width, level.split->leaving()});
      h = level.split->decode(splits_[i], {h, noise});
    } else {
      h = take(level.map);
    }
    for (size_t k = level.steps.size(); k-- > 0;) {
      h = level.steps[k].coupling.decode(steps_[i][k].coupling, h);
      h = ChannelMix::decode(steps_[i][k].inverse_mix, h);
    }
    if (flow_.config_.squeeze) h = depth_to_space(h);
  }
  return h;
}

Var log_standard_normal(const Var& z) {
  const int64_t n = z.shape()[0];
  const auto constant =
      static_cast<float>(-0.5 * std::log(2 * std::numbers::pi) * static_cast<double>(z.value().size() / n));
  return add(scale(sum_rows(square(z)), -0.5f), Var(full({n}, constant, z.value().device())));
}

}  // namespace ebm
