#include "tools/evaluate/gradient_precision.h"

#include <algorithm>
#include <cmath>

#include "train/chains/langevin.h"

namespace ebm {
namespace {

// A layer with its leaky ReLU and its parameters in double, weights (R,S,C,K).
struct DoubleConv {
  Shape x, w, y;  // of one image (1,H,W,C); (K,R,S,C); (1,P,Q,K)
  ConvGeometry g;
  double slope;
  std::vector<double> weight, bias;

  // Calls visit(first element of x, of weight, of y): each tap of each output, all channels C of x.
  template <class Visit>
  void for_each_tap(Visit visit) const {
    for (int64_t p = 0; p < y[1]; ++p)
      for (int64_t q = 0; q < y[2]; ++q)
        for (int64_t r = 0; r < w[1]; ++r)
          for (int64_t s = 0; s < w[2]; ++s) {
            const int64_t row = p * g.stride_h + r - g.pad_h.before;
            const int64_t column = q * g.stride_w + s - g.pad_w.before;
            if (row < 0 || row >= x[1] || column < 0 || column >= x[2]) continue;
            visit((row * x[2] + column) * x[3], (r * w[2] + s) * w[3] * w[0], (p * y[2] + q) * y[3]);
          }
  }
};

std::vector<double> to_double(const std::vector<float>& v) { return {v.begin(), v.end()}; }

// All convolutions, the head the last.
std::vector<DoubleConv> double_layers(const NetworkConfig& config, const Parameters& parameters) {
  std::vector<DoubleConv> layers;
  for (const PlacedLayer& at : walk(config)) {
    if (at.weight.rank() == 0) continue;
    DoubleConv layer{at.x, at.weight, at.y, at.geometry, at.slope, {}, {}};
    const std::vector<float> packed = parameters.vars()[at.entry].value().to_host();
    const int64_t k = at.weight[0], taps = at.weight.size() / k;  // taps: R·S·C
    layer.weight.resize(packed.size());
    for (int64_t o = 0; o < k; ++o)
      for (int64_t t = 0; t < taps; ++t) layer.weight[t * k + o] = packed[o * taps + t];
    layer.bias = to_double(parameters.vars()[at.entry + 1].value().to_host());
    layers.push_back(std::move(layer));
  }
  return layers;
}

std::vector<double> forward(const DoubleConv& l, const std::vector<double>& x) {
  std::vector<double> y(l.y.size());
  const int64_t k = l.w[0];
  for (int64_t i = 0; i < l.y.size(); ++i) y[i] = l.bias[i % k];
  l.for_each_tap([&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t c = 0; c < l.w[3]; ++c)
      for (int64_t o = 0; o < k; ++o) y[out + o] += x[in + c] * l.weight[tap + c * k + o];
  });
  for (double& v : y) v = v > 0 ? v : l.slope * v;
  return y;
}

// dx from dy of leaky ReLU's output y.
std::vector<double> backward(const DoubleConv& l, const std::vector<double>& y, std::vector<double> dy) {
  std::vector<double> dx(l.x.size());
  const int64_t k = l.w[0];
  for (size_t i = 0; i < y.size(); ++i) dy[i] *= y[i] > 0 ? 1 : l.slope;
  l.for_each_tap([&](int64_t in, int64_t tap, int64_t out) {
    for (int64_t c = 0; c < l.w[3]; ++c) {
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t o = 0; o < k; ++o) sum += dy[out + o] * l.weight[tap + c * k + o];
      dx[in + c] += sum;
    }
  });
  return dx;
}

double norm(const double* v, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += v[i] * v[i];
  return std::sqrt(sum);
}

}  // namespace

std::vector<double> reference_gradient(const EnergyNet& energy, const Tensor& x) {
  const std::vector<DoubleConv> layers = double_layers(energy.config(), energy.parameters());
  const std::vector<double> df(static_cast<size_t>(layers.back().w[0]), 1.0);  // f is the sum of the head's outputs
  const std::vector<double> pixels = to_double(x.to_host());
  const int64_t images = x.extent(0), size = x.size() / images;
  std::vector<double> gradient(pixels.size());
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t n = 0; n < images; ++n) {
    std::vector<std::vector<double>> maps{{pixels.begin() + n * size, pixels.begin() + (n + 1) * size}};
    for (const DoubleConv& layer : layers) maps.push_back(forward(layer, maps.back()));
    std::vector<double> d = df;
    for (size_t i = layers.size(); i-- > 0;) d = backward(layers[i], maps[i + 1], std::move(d));
    std::copy(d.begin(), d.end(), gradient.begin() + n * size);
  }
  return gradient;
}

GradientError gradient_error(const std::vector<double>& g, const std::vector<double>& reference, int64_t images) {
  const auto all = static_cast<int64_t>(reference.size()), size = all / images;
  const double length = norm(reference.data(), all);
  std::vector<double> difference(g.size());
  GradientError error;
  for (int64_t i = 0; i < all; ++i) {
    difference[i] = g[i] - reference[i];
    error.along += difference[i] * reference[i] / (length * length);
  }
  error.relative = norm(difference.data(), all) / length;
  error.rms = norm(difference.data(), all) / std::sqrt(static_cast<double>(all));
  for (int64_t n = 0; n < images; ++n) {
    const double of_image = norm(difference.data() + n * size, size) / norm(reference.data() + n * size, size);
    error.worst = std::max(error.worst, of_image);
  }
  return error;
}

GradientError gradient_error(const EnergyNet& energy, const Tensor& x, const std::vector<double>& reference,
                             Precision mode) {
  const PrecisionScope scope(mode);
  const std::vector<float> g = EnergyNet::Frozen(energy, chain_maps(x.device())).gradient(x).to_host();
  return gradient_error(to_double(g), reference, x.extent(0));
}

}  // namespace ebm
