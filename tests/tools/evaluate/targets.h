// Energies with known answers, x (N, D).
#pragma once

#include "autograd/ops.h"
#include "kernels/elementwise.h"
#include "train/chains/potential.h"

namespace ebm::test {

// x − shift, each coordinate
inline Var minus(const Var& x, float shift) { return sub(x, Var(full(x.shape(), shift, x.value().device()))); }

// N(mean, sigma² I)
inline Potential gaussian(float mean, float sigma) {
  return potential([=](const Var& x) { return scale(sum_rows(square(minus(x, mean))), 0.5f / (sigma * sigma)); });
}

// Half N(−m, 1), half N(m, 1), on the line: x (N, 1)
inline Potential mixture(float m) {
  return potential([=](const Var& x) {
    const Var left = scale(square(minus(x, -m)), -0.5f), right = scale(square(minus(x, m)), -0.5f);
    return scale(logsumexp_rows(concat_channels(left, right)), -1.0f);
  });
}

// Neal's funnel (Slice sampling, 2003): v ~ N(0, 9), and given v each of the others ~ N(0, exp(v)).
inline Potential funnel() {
  return potential([](const Var& x) {
    const int64_t n = x.shape()[0], others = x.shape()[1] - 1;
    const Var v = reshape(slice_channels(x, 0, 1), {n});
    const Var squares = sum_rows(square(slice_channels(x, 1, others)));
    return add(add(scale(square(v), 1 / 18.0f), scale(v, 0.5f * static_cast<float>(others))),
               scale(mul(squares, exp(scale(v, -1.0f))), 0.5f));
  });
}

struct Moments {
  double mean = 0, variance = 0;
};
inline Moments moments(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float v : values) sum += v, squares += static_cast<double>(v) * v;
  const double n = static_cast<double>(values.size()), mean = sum / n;
  return {mean, squares / n - mean * mean};
}

}  // namespace ebm::test
