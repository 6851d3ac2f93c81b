#include "models/flow/channel_mix.h"

#include <cmath>
#include <utility>

#include "kernels/random_fill.h"

namespace ebm {
namespace {

// Square matrices in double, row by row.
using Matrix = std::vector<double>;

// An orthogonal matrix from one of normal numbers: Gram-Schmidt over its rows, twice, which is enough for any rounding.
Matrix orthogonal(Matrix m, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    double* row = &m[i * n];
    for (int round = 0; round < 2; ++round) {
      for (size_t j = 0; j < i; ++j) {
        double along = 0;
        for (size_t k = 0; k < n; ++k) along += row[k] * m[j * n + k];
        for (size_t k = 0; k < n; ++k) row[k] -= along * m[j * n + k];
      }
      double length = 0;
      for (size_t k = 0; k < n; ++k) length += row[k] * row[k];
      for (size_t k = 0; k < n; ++k) row[k] /= std::sqrt(length);
    }
  }
  return m;
}

// L and U in one matrix, by Gaussian elimination with the largest pivot; rows[i] is the row of m that row i of L·U is.
std::pair<Matrix, std::vector<size_t>> lu(Matrix m, size_t n) {
  std::vector<size_t> rows(n);
  for (size_t i = 0; i < n; ++i) rows[i] = i;
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k + 1; i < n; ++i)
      if (std::abs(m[i * n + k]) > std::abs(m[pivot * n + k])) pivot = i;
    std::swap(rows[k], rows[pivot]);
    for (size_t j = 0; j < n; ++j) std::swap(m[k * n + j], m[pivot * n + j]);
    for (size_t i = k + 1; i < n; ++i) {
      m[i * n + k] /= m[k * n + k];
      for (size_t j = k + 1; j < n; ++j) m[i * n + j] -= m[i * n + k] * m[k * n + j];
    }
  }
  return {m, rows};
}

}  // namespace

ChannelMix::ChannelMix(Parameters& parameters, const std::string& name, int64_t channels)
    : channels_(channels), entry_(parameters.entries().size()) {
  parameters.add_zeros(name + ".shift", {channels});
  parameters.add_zeros(name + ".log_gain", {channels});
  parameters.add_zeros(name + ".lower", {channels, channels});
  parameters.add_zeros(name + ".log_s", {channels});
  parameters.add_zeros(name + ".upper", {channels, channels});
}

void ChannelMix::start(Parameters& parameters, uint64_t seed, uint32_t network) {
  const auto n = static_cast<size_t>(channels_);
  Tensor draws = Tensor::empty({channels_, channels_}, kCpu);
  fill_normal(draws, {seed, Stream::init, network}, 0, 1.0f, parameters.entries()[entry_ + 2].first);
  const std::vector<float> d = draws.to_host();
  const auto [m, places] = lu(orthogonal(Matrix(d.begin(), d.end()), n), n);
  std::vector<float> lower(n * n), upper(n * n), log_s(n), signs(n), rows(n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) (j < i ? lower : upper)[i * n + j] = j == i ? 0 : static_cast<float>(m[i * n + j]);
    log_s[i] = static_cast<float>(std::log(std::abs(m[i * n + i])));
    signs[i] = m[i * n + i] < 0 ? -1.0f : 1.0f;
    rows[i] = static_cast<float>(places[i]);
  }
  parameters.set(entry_ + 2, lower);
  parameters.set(entry_ + 3, log_s);
  parameters.set(entry_ + 4, upper);
  const Device device = parameters.flat().device();
  pattern_ = {Tensor::from_host(rows, {channels_}, device), Tensor::from_host(signs, {channels_}, device)};
}

Tensor ChannelMix::initialise(Parameters& parameters, const Tensor& x) const {
  normalise_channels(parameters, entry_, x);
  LogDet unused;
  return encode(parameters, weights(parameters), Var(x), unused).value();
}

ConvWeights ChannelMix::weights(const Parameters& parameters) const {
  const std::vector<Var>& p = parameters.vars();
  const Var w = lu_matrix(p[entry_ + 2], p[entry_ + 3], p[entry_ + 4], pattern_);  // (C,C)
  const Var gained = scale_channels(w, exp(scale(p[entry_ + 1], kGainRate)));      // (C,C)
  const Var bias = linear(reshape(p[entry_], {1, channels_}), gained, Var());      // (1,C)
  return {reshape(gained, {channels_, 1, 1, channels_}), reshape(bias, {channels_})};
}

Var ChannelMix::encode(const Parameters& parameters, const ConvWeights& w, const Var& x, LogDet& log_det) const {
  const std::vector<Var>& p = parameters.vars();
  const auto pixels = static_cast<float>(x.shape()[1] * x.shape()[2]);
  log_det.add_same(scale(sum(p[entry_ + 1]), kGainRate * pixels));
  log_det.add_same(scale(sum(p[entry_ + 3]), pixels));
  return conv2d(x, w.weight, w.bias, {});
}

ConvWeights ChannelMix::inverse_weights(const Parameters& parameters) const {
  const auto n = static_cast<size_t>(channels_);
  const auto of = [&](size_t i) { return parameters.vars()[entry_ + i].value().to_host(); };
  const std::vector<float> shift = of(0), log_gain = of(1), lower = of(2), log_s = of(3), upper = of(4),
                           rows = pattern_.rows.to_host(), signs = pattern_.signs.to_host();
  // column j of W⁻¹: L·U·v = Pᵀ·e_j by substitution, forward and back
  std::vector<float> inverse(n * n);
  for (size_t j = 0; j < n; ++j) {
    std::vector<double> v(n);
    for (size_t i = 0; i < n; ++i) {
      v[i] = static_cast<size_t>(rows[i]) == j ? 1 : 0;
      for (size_t k = 0; k < i; ++k) v[i] -= lower[i * n + k] * v[k];
    }
    for (size_t i = n; i-- > 0;) {
      for (size_t k = i + 1; k < n; ++k) v[i] -= upper[i * n + k] * v[k];
      v[i] /= signs[i] * std::exp(static_cast<double>(log_s[i]));
    }
    for (size_t i = 0; i < n; ++i)
      inverse[i * n + j] = static_cast<float>(v[i] * std::exp(-double{kGainRate} * log_gain[i]));
  }
  std::vector<float> bias;
  for (const float b : shift) bias.push_back(-b);
  const Device device = parameters.flat().device();
  return {Var(Tensor::from_host(inverse, {channels_, 1, 1, channels_}, device)),
          Var(Tensor::from_host(bias, {channels_}, device))};
}

}  // namespace ebm
