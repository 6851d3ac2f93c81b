#include "tools/evaluate/portable_training.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "kernels/conv/tile_gemm.h"

namespace ebm {
namespace {

using cpu::kLanes;

constexpr int64_t kParts = 16;  // of a batch: each is summed by one thread
constexpr int64_t kRowsAtOnce = 4 * cpu::kTileRows,
                  kColumnsAtOnce = 8 * cpu::kTileColumns;  // of a dense layer's products

int64_t rounded_up(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// B (depth, n) for packed_gemm, from element(l, j); columns from n on are zeros.
template <class Element>
void pack(int64_t depth, int64_t n, std::vector<float>& packed, const Element& element) {
  const int64_t width = rounded_up(n);
  packed.resize(static_cast<size_t>(depth * width));
  float* const to = packed.data();
#pragma omp parallel for schedule(static)
  for (int64_t l = 0; l < depth; ++l)
    for (int64_t j = 0; j < width; ++j) to[cpu::pack_index(l, j, depth, width)] = j < n ? element(l, j) : 0.0f;
}

// One image's windows as rows: (P·Q, R·S·C), each row_size apart; what is beyond the border or the row's end is 0.
struct Windows {
  int64_t h, w, c, r, s, p, q, row_size;
  ConvGeometry geometry;

  explicit Windows(const PlacedLayer& at)
      : h(at.x[1]),
        w(at.x[2]),
        c(at.x[3]),
        r(at.weight[1]),
        s(at.weight[2]),
        p(at.y[1]),
        q(at.y[2]),
        row_size(rounded_up(r * s * c)),
        geometry(at.geometry) {}

  int64_t rows() const { return p * q; }
  int64_t taps() const { return r * s * c; }

  // inside(row, first tap, pixel) for each pixel of C values that a window has; outside(row, first tap) for the others.
  template <class Inside, class Outside>
  void for_each_pixel(const Inside& inside, const Outside& outside) const {
    for (int64_t row = 0; row < rows(); ++row)
      for (int64_t tap = 0; tap < r * s; ++tap) {
        const int64_t y = row / q * geometry.stride_h + tap / s - geometry.pad_h.before;
        const int64_t x = row % q * geometry.stride_w + tap % s - geometry.pad_w.before;
        if (y >= 0 && y < h && x >= 0 && x < w)
          inside(row, tap * c, (y * w + x) * c);
        else
          outside(row, tap * c);
      }
  }
  void gather(const float* image, float* columns) const {
    for (int64_t row = 0; row < rows(); ++row)
      std::fill(columns + row * row_size + taps(), columns + (row + 1) * row_size, 0.0f);
    for_each_pixel(
        [&](int64_t row, int64_t tap, int64_t pixel) { std::copy_n(image + pixel, c, columns + row * row_size + tap); },
        [&](int64_t row, int64_t tap) { std::fill_n(columns + row * row_size + tap, c, 0.0f); });
  }
  // Its adjoint; the image begins at 0.
  void scatter(const float* columns, float* image) const {
    std::fill_n(image, h * w * c, 0.0f);
    for_each_pixel(
        [&](int64_t row, int64_t tap, int64_t pixel) {
          const float* from = columns + row * row_size + tap;
          for (int64_t i = 0; i < c; ++i) image[pixel + i] += from[i];
        },
        [](int64_t, int64_t) {});
  }
};

// y_i = Σ of row i of w with x, plus b. packed: scratch.
void convolve(const PlacedLayer& at, const float* x, const float* w, const float* b, float* y,
              std::vector<float>& packed) {
  const Windows windows(at);
  const int64_t k = at.weight[0], width = rounded_up(k), taps = windows.taps();
  pack(taps, k, packed, [&](int64_t l, int64_t j) { return w[j * taps + l]; });
#pragma omp parallel
  {
    std::vector<float> columns(static_cast<size_t>(windows.rows() * windows.row_size));
    std::vector<float> sums(static_cast<size_t>(windows.rows() * width));
#pragma omp for schedule(static)
    for (int64_t n = 0; n < at.x[0]; ++n) {
      windows.gather(x + n * windows.h * windows.w * windows.c, columns.data());
      cpu::packed_gemm(windows.rows(), width, taps, columns.data(), windows.row_size, packed.data(), sums.data(),
                       width);
      for (int64_t row = 0; row < windows.rows(); ++row)
        for (int64_t j = 0; j < k; ++j) y[(n * windows.rows() + row) * k + j] = sums[row * width + j] + b[j];
    }
  }
}

// dx of y's gradient.
void convolve_back(const PlacedLayer& at, const float* dy, const float* w, float* dx, std::vector<float>& packed) {
  const Windows windows(at);
  const int64_t k = at.weight[0], taps = windows.taps();
  pack(k, taps, packed, [&](int64_t l, int64_t j) { return w[l * taps + j]; });
#pragma omp parallel
  {
    std::vector<float> columns(static_cast<size_t>(windows.rows() * windows.row_size));
#pragma omp for schedule(static)
    for (int64_t n = 0; n < at.x[0]; ++n) {
      cpu::packed_gemm(windows.rows(), windows.row_size, k, dy + n * windows.rows() * k, k, packed.data(),
                       columns.data(), windows.row_size);
      windows.scatter(columns.data(), dx + n * windows.h * windows.w * windows.c);
    }
  }
}

// dw and db, which follow each other: those of each part of the batch, image after image, then their sum.
void convolution_gradient(const PlacedLayer& at, const float* x, const float* dy, float* dw,
                          std::vector<float>& parts) {
  const Windows windows(at);
  const int64_t k = at.weight[0], taps = windows.taps(), row = windows.row_size;
  const int64_t size = k * row + k, images = (at.x[0] + kParts - 1) / kParts;
  parts.assign(static_cast<size_t>(kParts * size), 0.0f);
#pragma omp parallel
  {
    std::vector<float> columns(static_cast<size_t>(windows.rows() * row));
#pragma omp for schedule(static)
    for (int64_t part = 0; part < kParts; ++part) {
      float* const weights = parts.data() + part * size;
      float* const biases = weights + k * row;
      for (int64_t n = part * images; n < std::min(at.x[0], (part + 1) * images); ++n) {
        const float* const d = dy + n * windows.rows() * k;
        windows.gather(x + n * windows.h * windows.w * windows.c, columns.data());
        cpu::transposed_gemm(k, row, windows.rows(), d, k, columns.data(), row, weights, row, true);
        for (int64_t i = 0; i < windows.rows(); ++i)
          for (int64_t j = 0; j < k; ++j) biases[j] += d[i * k + j];
      }
    }
#pragma omp for schedule(static)
    for (int64_t j = 0; j < k; ++j) {
      for (int64_t i = 0; i < taps; ++i) {
        float sum = 0;
        for (int64_t part = 0; part < kParts; ++part) sum += parts[part * size + j * row + i];
        dw[j * taps + i] = sum;
      }
      float sum = 0;
      for (int64_t part = 0; part < kParts; ++part) sum += parts[part * size + k * row + j];
      dw[k * taps + j] = sum;
    }
  }
}

// The same of a dense layer, x (N, I), y (N, O), w (O, I).
void multiply(const PlacedLayer& at, const float* x, const float* w, const float* b, float* y,
              std::vector<float>& packed) {
  const int64_t n = at.x[0], in = at.weight[1], out = at.weight[0], width = rounded_up(out);
  pack(in, out, packed, [&](int64_t l, int64_t j) { return w[j * in + l]; });
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < n; first += kRowsAtOnce) {
    const int64_t rows = std::min(kRowsAtOnce, n - first);
    std::vector<float> sums(static_cast<size_t>(rows * width));
    cpu::packed_gemm(rows, width, in, x + first * in, in, packed.data(), sums.data(), width);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t j = 0; j < out; ++j) y[(first + row) * out + j] = sums[row * width + j] + b[j];
  }
}

void multiply_back(const PlacedLayer& at, const float* dy, const float* w, float* dx, std::vector<float>& packed) {
  const int64_t n = at.x[0], in = at.weight[1], out = at.weight[0];
  pack(out, in, packed, [&](int64_t l, int64_t j) { return w[l * in + j]; });
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < n; first += kRowsAtOnce)
    cpu::packed_gemm(std::min(kRowsAtOnce, n - first), in, out, dy + first * out, out, packed.data(), dx + first * in,
                     in);
}

void product_gradient(const PlacedLayer& at, const float* x, const float* dy, float* dw) {
  const int64_t n = at.x[0], in = at.weight[1], out = at.weight[0];
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < in; first += kColumnsAtOnce)
    cpu::transposed_gemm(out, std::min(kColumnsAtOnce, in - first), n, dy, out, x + first, in, dw + first, in, false);
  for (int64_t j = 0; j < out; ++j) {
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += dy[i * out + j];
    dw[out * in + j] = sum;
  }
}

bool is_product(const Layer& layer) {
  return std::holds_alternative<Conv>(layer) || std::holds_alternative<Dense>(layer);
}

template <class F>
void for_each_element(std::vector<float>& x, const F& f) {
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < x.size(); ++i) f(x[i], i);
}

// Element i is kept where its number is below `keep`.
void drop_out(std::vector<float>& x, float keep, const RandomKey& key) {
  if (keep >= 1) return;
#pragma omp parallel for schedule(static)
  for (size_t quad = 0; quad < (x.size() + 3) / 4; ++quad) {
    const Floats4 u = uniform4(key, quad);
    for (size_t i = 4 * quad; i < std::min(x.size(), 4 * quad + 4); ++i) x[i] = u.v[i % 4] < keep ? x[i] / keep : 0.0f;
  }
}

RandomKey of_layer(RandomKey key, const PlacedLayer& at) {
  key.step = at.dropout;
  return key;
}

}  // namespace

bool products_are_fused() {
#if defined(__FMA__) || defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

// eˣ = 2ⁿ·eʳ, |r| ≤ log(2)/2, by Taylor's series.
double portable_exp(double x) {
  constexpr double kLog2High = 0x1.62e42fefa0000p-1, kLog2Low = 0x1.cf79abc9e3b3ap-40, kInverse = 1.4426950408889634;
  if (x < -700) return 0;
  const double n = std::floor(x * kInverse + 0.5), r = (x - n * kLog2High) - n * kLog2Low;
  double sum = 1;
  for (int i = 14; i > 0; --i) sum = 1 + sum * r / i;
  return std::ldexp(sum, static_cast<int>(n));
}

PortableTraining::PortableTraining(const NetworkConfig& network, uint64_t seed, int64_t batch)
    : network_(network), places_(walk(network, batch)), batch_(batch) {
  EBM_CHECK(network.init == WeightInit::kaiming_uniform, "portable training", "other initial values",
            "kaiming_uniform");
  const Parameters declared = Sequence(network).parameters();
  values_.assign(static_cast<size_t>(declared.size()), 0.0f);
  const RandomKey key{seed, Stream::init, network.number};
  for (const Parameters::Entry& entry : declared.entries()) {
    first_.push_back(entry.first);
    for (int64_t e = entry.first; entry.bound > 0 && e < entry.first + entry.shape.size(); ++e)
      values_[static_cast<size_t>(e)] = entry.bound * (2 * uniform1(key, static_cast<uint64_t>(e)) - 1);
  }
  gradient_ = m_ = v_ = std::vector<float>(values_.size(), 0.0f);
  for (size_t i = 0; i < places_.size(); ++i) {
    const Layer& layer = network.layers[i];
    const bool in_place = std::holds_alternative<LeakyRelu>(layer) || std::holds_alternative<Dropout>(layer) ||
                          std::holds_alternative<Flatten>(layer);
    EBM_CHECK(is_product(layer) || in_place, "portable training", "another layer",
              "Conv, Dense, LeakyRelu, Dropout or Flatten");
    EBM_CHECK(!std::holds_alternative<Dense>(layer) || places_[i].weight[1] % 16 == 0, "portable training",
              "a dense layer of " + std::to_string(places_[i].weight[1]) + " inputs", "a multiple of 16");
    if (is_product(layer)) maps_.emplace_back(static_cast<size_t>(places_[i].x.size()));
  }
  EBM_CHECK(!maps_.empty() && is_product(network.layers[0]), "portable training", "no layers", "a Conv or Dense first");
  maps_.emplace_back(static_cast<size_t>(places_.back().y.size()));
}

void PortableTraining::forward(const RandomKey& dropout_key) {
  size_t map = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    const PlacedLayer& at = places_[i];
    const Layer& layer = network_.layers[i];
    std::vector<float>& x = maps_[map];
    if (is_product(layer)) {
      const auto run = std::holds_alternative<Conv>(layer) ? convolve : multiply;
      run(at, x.data(), weight(i), weight(i) + at.weight.size(), maps_[++map].data(), packed_);
    } else if (const auto* leaky = std::get_if<LeakyRelu>(&layer)) {
      for_each_element(x, [=](float& v, size_t) { v = v > 0 ? v : leaky->negative_slope * v; });
    } else if (const auto* dropout = std::get_if<Dropout>(&layer)) {
      drop_out(x, dropout->keep, of_layer(dropout_key, at));
    }
  }
}

double PortableTraining::softmax(std::span<const uint8_t> labels) {
  const int64_t classes = places_.back().y[1];
  std::vector<float>& logits = maps_.back();
  double loss = 0;
  for (int64_t i = 0; i < batch_; ++i) {
    float* const row = logits.data() + i * classes;
    const float most = *std::max_element(row, row + classes), own = row[labels[static_cast<size_t>(i)]];
    double sum = 0;
    for (int64_t j = 0; j < classes; ++j) sum += portable_exp(double{row[j]} - most);
    loss += std::log(sum) - (double{own} - most);
    for (int64_t j = 0; j < classes; ++j) {
      const double p = portable_exp(double{row[j]} - most) / sum;
      row[j] = static_cast<float>((p - (j == labels[static_cast<size_t>(i)] ? 1 : 0)) / static_cast<double>(batch_));
    }
  }
  return loss / static_cast<double>(batch_);
}

// A map's values after its in-place layers tell their derivatives: a dropped element passes nothing, whatever its sign was.
void PortableTraining::backward(const RandomKey& dropout_key) {
  size_t map = maps_.size() - 1;
  dy_ = maps_[map];
  for (size_t i = places_.size(); i-- > 0;) {
    const PlacedLayer& at = places_[i];
    const Layer& layer = network_.layers[i];
    if (is_product(layer)) {
      const std::vector<float>& x = maps_[--map];
      const bool is_conv = std::holds_alternative<Conv>(layer);
      if (is_conv)
        convolution_gradient(at, x.data(), dy_.data(), weight_gradient(i), parts_);
      else
        product_gradient(at, x.data(), dy_.data(), weight_gradient(i));
      if (map == 0) return;
      dx_.resize(x.size());
      (is_conv ? convolve_back : multiply_back)(at, dy_.data(), weight(i), dx_.data(), packed_);
      std::swap(dx_, dy_);
    } else if (const auto* leaky = std::get_if<LeakyRelu>(&layer)) {
      const std::vector<float>& y = maps_[map];
      for_each_element(dy_, [&](float& d, size_t e) { d = y[e] > 0 ? d : leaky->negative_slope * d; });
    } else if (const auto* dropout = std::get_if<Dropout>(&layer)) {
      drop_out(dy_, dropout->keep, of_layer(dropout_key, at));
    }
  }
}

double PortableTraining::differentiate(std::span<const float> x, std::span<const uint8_t> labels,
                                       const RandomKey& dropout_key) {
  EBM_CHECK(x.size() == maps_[0].size() && static_cast<int64_t>(labels.size()) == batch_, "portable training",
            std::to_string(x.size()) + " values", std::to_string(maps_[0].size()));
  std::copy(x.begin(), x.end(), maps_[0].begin());
  forward(dropout_key);
  const double loss = softmax(labels);
  backward(dropout_key);
  return loss;
}

void PortableTraining::step(double lr) {
  constexpr double kBeta1 = 0.9, kBeta2 = 0.999;
  constexpr auto kB1 = static_cast<float>(kBeta1), kB2 = static_cast<float>(kBeta2);
  constexpr float kEps = 1e-8f;
  beta1_power_ *= kBeta1, beta2_power_ *= kBeta2;
  const auto size = static_cast<float>(lr / (1 - beta1_power_));
  const auto correction = static_cast<float>(1 / std::sqrt(1 - beta2_power_));
  float *const m = m_.data(), *const v = v_.data();
  const float* const gradient = gradient_.data();
  for_each_element(values_, [=](float& p, size_t i) {
    const float g = gradient[i];
    m[i] = kB1 * m[i] + (1 - kB1) * g;
    v[i] = kB2 * v[i] + (1 - kB2) * g * g;
    p -= size * m[i] / (std::sqrt(v[i]) * correction + kEps);
  });
}

}  // namespace ebm
