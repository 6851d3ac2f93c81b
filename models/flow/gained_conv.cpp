#include "models/flow/gained_conv.h"

#include <algorithm>
#include <cmath>

namespace ebm {

GainedConv::GainedConv(Parameters& parameters, const std::string& name, int64_t kernel, int64_t from, int64_t to,
                       float stddev)
    : geometry_(1, {static_cast<int>(kernel - 1) / 2, static_cast<int>(kernel) / 2}),
      entry_(parameters.entries().size()) {
  parameters.add_normal(name + ".weight", {to, kernel, kernel, from}, stddev);
  parameters.add_zeros(name + ".shift", {to});
  parameters.add_zeros(name + ".log_gain", {to});
}

ConvWeights GainedConv::weights(const Parameters& parameters) const {
  const std::vector<Var>& p = parameters.vars();
  const Var gain = exp(scale(p[entry_ + 2], kGainRate));  // (K)
  return {scale_rows(p[entry_], gain), mul(p[entry_ + 1], gain)};
}

Tensor GainedConv::initialise(Parameters& parameters, const Tensor& x) const {
  const Tensor y = conv2d(Var(x), parameters.vars()[entry_], Var(), geometry_).value();  // (N,H,W,K)
  normalise_channels(parameters, entry_ + 1, y);
  return (*this)(weights(parameters), Var(x), 1).value();
}

void normalise_channels(Parameters& parameters, size_t entry, const Tensor& x) {
  ChannelMoments m = channel_moments(x);
  for (float& mean : m.mean) mean = -mean;
  for (float& deviation : m.deviation) deviation = -std::log(deviation + 1e-6f) / kGainRate;
  parameters.set(entry, m.mean);
  parameters.set(entry + 1, m.deviation);
}

ChannelMoments channel_moments(const Tensor& x) {
  const auto channels = static_cast<size_t>(x.shape().back());
  const std::vector<float> v = x.to_host();
  const double count = static_cast<double>(v.size()) / static_cast<double>(channels);
  std::vector<double> sum(channels), squares(channels);
  for (size_t i = 0; i < v.size(); ++i) {
    sum[i % channels] += v[i];
    squares[i % channels] += static_cast<double>(v[i]) * v[i];
  }
  ChannelMoments m;
  for (size_t c = 0; c < channels; ++c) {
    const double mean = sum[c] / count;
    m.mean.push_back(static_cast<float>(mean));
    m.deviation.push_back(static_cast<float>(std::sqrt(std::max(squares[c] / count - mean * mean, 0.0))));
  }
  return m;
}

}  // namespace ebm
