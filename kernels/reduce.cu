#include "kernels/reduce.h"

#include <cmath>
#include <string>

#include "kernels/reduce_blocks.h"

namespace ebm {
namespace {

struct Value {
  const float* x;
  EBM_HD double operator()(int64_t i) const { return x[i]; }
};
struct SquaredValue {
  const float* x;
  EBM_HD double operator()(int64_t i) const { return static_cast<double>(x[i]) * x[i]; }
};
struct ColumnValue {
  const float* x;
  EBM_HD Sums<1> operator()(int64_t i, int64_t) const { return {{x[i]}}; }
};
struct StoreSum {
  float* y;
  EBM_HD void operator()(int64_t row, double sum) const { y[row] = static_cast<float>(sum); }
};
struct StoreColumnSum {
  float* y;
  EBM_HD void operator()(int64_t c, const Sums<1>& sums) const { y[c] = static_cast<float>(sums.v[0]); }
};

// One row: the largest element is taken out, so that no exponential overflows. A row without any finite
// or positive infinite element is log 0 = -∞, not the NaN of (-∞) - (-∞).
struct LogSumExpRow {
  const float* x;  // (N,M)
  float* y;        // (N)
  int64_t m;
  EBM_HD void operator()(int64_t row) const {
    const float* values = x + row * m;
    float largest = -INFINITY;
    for (int64_t j = 0; j < m; ++j) largest = values[j] > largest ? values[j] : largest;
    const float shift = largest == -INFINITY ? 0.0f : largest;
    float sum = 0;
    for (int64_t j = 0; j < m; ++j) sum += expf(values[j] - shift);
    y[row] = shift + logf(sum);
  }
};
// A stretch of elements.
struct MaxAbs {
  const float* x;
  float* y;
  int64_t span, n;
  EBM_HD void operator()(int64_t i) const {
    const int64_t end = (i + 1) * span < n ? (i + 1) * span : n;
    float largest = 0;
    for (int64_t j = i * span; j < end; ++j) {
      const float v = fabsf(x[j]);
      largest = v > largest || v != v ? v : largest;  // a NaN is larger than all: nothing compares above it
    }
    y[i] = largest;
  }
};
struct NormaliseRow {
  float *x, *lengths;
  int64_t m;
  EBM_HD void operator()(int64_t row) const {
    float sum = 0;
    for (int64_t j = 0; j < m; ++j) sum += x[row * m + j] * x[row * m + j];
    const float length = sqrtf(sum), factor = length > 0 ? 1 / length : 0.0f;
    for (int64_t j = 0; j < m; ++j) x[row * m + j] *= factor;
    lengths[row] = length;
  }
};
struct LogSumExpDerivative {
  const float *x, *y, *dy;  // (N,M), (N), (N)
  float* dx;                // (N,M)
  int64_t m;
  EBM_HD void operator()(int64_t row) const {
    for (int64_t j = 0; j < m; ++j) dx[row * m + j] = dy[row] * expf(x[row * m + j] - y[row]);
  }
};

struct Expand {
  const float* dy;
  float* dx;
  float factor;
  EBM_HD void operator()(int64_t i) const { dx[i] = factor * dy[0]; }
};
// Row by row on the CPU would leave cores idle for few rows; a division per element is hidden by the store
// on a GPU only. So an iteration writes a span of a row.
struct ExpandRows {
  static constexpr int64_t kSpan = 64;
  const float* dy;
  float* dx;
  int64_t n, spans;  // elements and spans of a row
  float factor;
  EBM_HD void operator()(int64_t i) const {
    const int64_t row = i / spans, first = i % spans * kSpan;
    const float value = factor * dy[row];
    const int64_t end = first + kSpan < n ? first + kSpan : n;
    for (int64_t j = first; j < end; ++j) dx[row * n + j] = value;
  }
};
struct ExpandFirst {
  EBM_HD void operator()(float& dx, float dy) const { dx = dy; }
};
struct ExpandFirstMasked {
  float negative_slope;
  EBM_HD void operator()(float& dx, float dy, float y) const { dx = dy * leaky_derivative(y, negative_slope); }
};

// Elements of one row.
int64_t row_size(const char* op, const Shape& shape) {
  EBM_CHECK(shape.rank() > 0, op, "a scalar", "x (N, ...)");
  return shape[0] == 0 ? 0 : shape.size() / shape[0];
}

// `shape` with another first extent.
Shape with_first(const Shape& shape, int64_t first) {
  switch (shape.rank()) {
    case 1: return {first};
    case 2: return {first, shape[1]};
    case 3: return {first, shape[1], shape[2]};
    default: return {first, shape[1], shape[2], shape[3]};
  }
}

}  // namespace

Tensor sum(const Tensor& x) {
  Tensor y = Tensor::empty({1}, x.device());
  reduce_rows(x.device(), 1, x.size(), Value{x.data()}, StoreSum{y.mutable_data()});
  return y;
}

Tensor sum_squares(const Tensor& x) {
  Tensor y = Tensor::empty({1}, x.device());
  reduce_rows(x.device(), 1, x.size(), SquaredValue{x.data()}, StoreSum{y.mutable_data()});
  return y;
}

Tensor sum_rows(const Tensor& x) {
  const int64_t n = row_size("sum_rows", x.shape());
  Tensor y = Tensor::empty({x.extent(0)}, x.device());
  reduce_rows(x.device(), x.extent(0), n, Value{x.data()}, StoreSum{y.mutable_data()});
  return y;
}

Tensor sum_columns(const Tensor& x) {
  EBM_CHECK(x.rank() > 0, "sum_columns", "a scalar", "x (..., C)");
  const int64_t channels = x.shape().back();
  Tensor y = Tensor::empty({channels}, x.device());
  reduce_columns<1>(x.device(), channels ? x.size() / channels : 0, channels, ColumnValue{x.data()},
                    StoreColumnSum{y.mutable_data()});
  return y;
}

Tensor sum_first(const Tensor& x) {
  const int64_t n = row_size("sum_first", x.shape());
  EBM_CHECK(x.extent(0) > 0, "sum_first", to_string(x.shape()), "a first extent of 1 or more");
  Tensor y = Tensor::empty(with_first(x.shape(), 1), x.device());
  reduce_columns<1>(x.device(), x.extent(0), n, ColumnValue{x.data()}, StoreColumnSum{y.mutable_data()});
  return y;
}

Tensor max_abs(const Tensor& x) {
  constexpr int64_t kSpan = 64;  // each pass leaves one of so many
  Tensor values = x;
  do {
    const int64_t n = values.size(), parts = std::max<int64_t>((n + kSpan - 1) / kSpan, 1);
    Tensor y = Tensor::empty({parts}, x.device());
    map(x.device(), parts, MaxAbs{values.data(), y.mutable_data(), kSpan, n}, kSpan);
    values = y;
  } while (values.size() > 1);
  return values;
}

Tensor normalise_rows(Tensor& x) {
  const int64_t m = row_size("normalise_rows", x.shape());
  Tensor lengths = Tensor::empty({x.extent(0)}, x.device());
  map(x.device(), x.extent(0), NormaliseRow{x.mutable_data(), lengths.mutable_data(), m}, 4 * m);
  return lengths;
}

Tensor logsumexp_rows(const Tensor& x) {
  EBM_CHECK(x.rank() == 2, "logsumexp_rows", to_string(x.shape()), "x (N,M)");
  Tensor y = Tensor::empty({x.extent(0)}, x.device());
  map(x.device(), x.extent(0), LogSumExpRow{x.data(), y.mutable_data(), x.extent(1)}, 16 * x.extent(1));
  return y;
}

Tensor logsumexp_rows_backward(const Tensor& x, const Tensor& y, const Tensor& dy) {
  check_shape("logsumexp_rows_backward", "y", y, {x.extent(0)});
  check_shape("logsumexp_rows_backward", "dy", dy, {x.extent(0)});
  check_same_device("logsumexp_rows_backward", x, dy);
  Tensor dx = Tensor::empty(x.shape(), x.device());
  map(x.device(), x.extent(0), LogSumExpDerivative{x.data(), y.data(), dy.data(), dx.mutable_data(), x.extent(1)},
      16 * x.extent(1));
  return dx;
}

Tensor expand(const Tensor& dy, const Shape& shape, float factor) {
  EBM_CHECK(dy.size() == 1, "expand", to_string(dy.shape()), "one element");
  Tensor dx = Tensor::empty(shape, dy.device());
  map(dy.device(), dx.size(), Expand{dy.data(), dx.mutable_data(), factor});
  return dx;
}

Tensor expand_rows(const Tensor& dy, const Shape& shape, float factor) {
  const int64_t n = row_size("expand_rows", shape);
  check_shape("expand_rows", "dy", dy, {shape[0]});
  Tensor dx = Tensor::empty(shape, dy.device());
  const int64_t spans = (n + ExpandRows::kSpan - 1) / ExpandRows::kSpan;
  map(dy.device(), shape[0] * spans, ExpandRows{dy.data(), dx.mutable_data(), n, spans, factor}, ExpandRows::kSpan);
  return dx;
}

Tensor expand_first(const Tensor& dy, const Shape& shape, const LeakyMask& mask) {
  const int64_t n = row_size("expand_first", shape);
  check_shape("expand_first", "dy", dy, with_first(shape, 1));
  const ElementType type = mask.y.defined() ? mask.y.type() : ElementType::fp32;
  Tensor dx = Tensor::empty(shape, dy.device(), type);
  if (mask.y.defined()) check_same_shape("expand_first", dx, mask.y);
  const ReadChannel row{dy.data(), n};
  const ExpandFirstMasked masked{mask.negative_slope};
  if (type == ElementType::bf16)
    map_channel_values(dy.device(), shape[0], n, masked, Write{dx.mutable_bf16_data()}, row, Read{mask.y.bf16_data()});
  else if (mask.y.defined())
    map_channel_values(dy.device(), shape[0], n, masked, Write{dx.mutable_data()}, row, Read{mask.y.data()});
  else
    map_channel_values(dy.device(), shape[0], n, ExpandFirst{}, Write{dx.mutable_data()}, row);
  return dx;
}

}  // namespace ebm
