#include "kernels/lu_matrix.h"

#include <cmath>
#include <string>

#include "kernels/map.h"

namespace ebm {
namespace {

struct Factors {
  const float *lower, *log_s, *upper, *rows, *signs;
  int64_t n;
  EBM_HD float l(int64_t i, int64_t k) const { return k < i ? lower[i * n + k] : k == i ? 1.0f : 0.0f; }
  EBM_HD float diagonal(int64_t k) const { return signs[k] * expf(log_s[k]); }
  EBM_HD float u(int64_t k, int64_t c) const { return c > k ? upper[k * n + c] : c == k ? diagonal(k) : 0.0f; }
  EBM_HD int64_t row(int64_t i) const { return static_cast<int64_t>(rows[i]); }
};

struct Product {
  Factors f;
  float* w;
  EBM_HD void operator()(int64_t index) const {
    const int64_t i = index / f.n, c = index % f.n;
    float sum = 0;
    for (int64_t k = 0; k <= (i < c ? i : c); ++k) sum += f.l(i, k) * f.u(k, c);
    w[f.row(i) * f.n + c] = sum;
  }
};

// dL = (Pᵀ·dW)·Uᵀ below the diagonal; dU = Lᵀ·(Pᵀ·dW) on it and above.
struct Derivatives {
  Factors f;
  const float* dw;
  float *lower, *log_s, *upper;
  EBM_HD void operator()(int64_t index) const {
    const int64_t i = index / f.n, j = index % f.n;
    float below = 0, above = 0;
    if (j < i)
      for (int64_t c = j; c < f.n; ++c) below += dw[f.row(i) * f.n + c] * f.u(j, c);
    else
      for (int64_t k = i; k < f.n; ++k) above += f.l(k, i) * dw[f.row(k) * f.n + j];
    lower[index] = below;
    upper[index] = j > i ? above : 0.0f;
    if (j == i) log_s[i] = above * f.diagonal(i);
  }
};

Factors factors(const char* op, const Tensor& lower, const Tensor& log_s, const Tensor& upper, const LuPattern& p) {
  const int64_t n = log_s.size();
  for (const Tensor* square : {&lower, &upper}) check_shape(op, "lower and upper", *square, {n, n});
  for (const Tensor* row : {&log_s, &p.rows, &p.signs}) check_shape(op, "log_s, rows and signs", *row, {n});
  for (const Tensor* t : {&log_s, &upper, &p.rows, &p.signs}) check_same_device(op, lower, *t);
  return {lower.data(), log_s.data(), upper.data(), p.rows.data(), p.signs.data(), n};
}

}  // namespace

Tensor lu_matrix(const Tensor& lower, const Tensor& log_s, const Tensor& upper, const LuPattern& pattern) {
  const Factors f = factors("lu_matrix", lower, log_s, upper, pattern);
  Tensor w = Tensor::empty({f.n, f.n}, lower.device());
  map(lower.device(), w.size(), Product{f, w.mutable_data()}, f.n);
  return w;
}

LuGradients lu_matrix_backward(const Tensor& lower, const Tensor& log_s, const Tensor& upper, const LuPattern& pattern,
                               const Tensor& dw) {
  const Factors f = factors("lu_matrix_backward", lower, log_s, upper, pattern);
  check_shape("lu_matrix_backward", "dw", dw, {f.n, f.n});
  LuGradients g{Tensor::empty({f.n, f.n}, lower.device()), Tensor::empty({f.n}, lower.device()),
                Tensor::empty({f.n, f.n}, lower.device())};
  map(lower.device(), dw.size(),
      Derivatives{f, dw.data(), g.lower.mutable_data(), g.log_s.mutable_data(), g.upper.mutable_data()}, f.n);
  return g;
}

}  // namespace ebm
