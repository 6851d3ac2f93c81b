#include "kernels/round_operand.h"

#include "kernels/map.h"

namespace ebm {
namespace {

template <int kDropped>
struct Round {
  const float* x;
  float* y;
  EBM_HD void operator()(int64_t i) const { y[i] = round_mantissa(x[i], kDropped); }
};

}  // namespace

Tensor round_operands(const Tensor& x, Precision precision) {
  if (precision == Precision::fp32) return x;
  Tensor y = Tensor::empty(x.shape(), x.device());
  float* to = y.mutable_data();
  if (precision == Precision::tf32)
    map(x.device(), x.size(), Round<13>{x.data(), to});
  else
    map(x.device(), x.size(), Round<16>{x.data(), to});
  return y;
}

}  // namespace ebm
