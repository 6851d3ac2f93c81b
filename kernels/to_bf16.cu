#include "kernels/to_bf16.h"

#include "kernels/map_values.h"

namespace ebm {
namespace {

struct Copy {
  EBM_HD void operator()(float& to, float from) const { to = from; }
};

struct ToBf16 {
  const float *a, *b;
  int64_t a_size, b_size, a_quads;
  Bf16 *to_a, *to_b;

  EBM_HD void operator()(int64_t i) const {
    if (i < a_quads)
      round_quad(a, a_size, i, to_a);
    else
      round_quad(b, b_size, i - a_quads, to_b);
  }

 private:
  EBM_HD static void round_quad(const float* x, int64_t size, int64_t quad, Bf16* to) {
    const QuadPlace place{4 * quad, 0, size};
    store_quad(to, place, load_quad(x, place));
  }
};

int64_t quads(const Tensor& t) { return (t.size() + 3) / 4; }

}  // namespace

Tensor to_bf16(const Tensor& x) {
  if (x.type() == ElementType::bf16) return x;
  Tensor y = Tensor::empty(x.shape(), x.device(), ElementType::bf16);
  map_values(x.device(), x.size(), Copy{}, Write{y.mutable_bf16_data()}, Read{x.data()});
  return y;
}

std::pair<Tensor, Tensor> to_bf16(const Tensor& a, const Tensor& b) {
  if (a.type() == ElementType::bf16 || b.type() == ElementType::bf16) return {to_bf16(a), to_bf16(b)};
  Tensor to_a = Tensor::empty(a.shape(), a.device(), ElementType::bf16);
  Tensor to_b = Tensor::empty(b.shape(), b.device(), ElementType::bf16);
  map(a.device(), quads(a) + quads(b),
      ToBf16{a.data(), b.data(), a.size(), b.size(), quads(a), to_a.mutable_bf16_data(), to_b.mutable_bf16_data()}, 4);
  return {to_a, to_b};
}

Tensor to_fp32(const Tensor& x) {
  if (x.type() == ElementType::fp32) return x;
  Tensor y = Tensor::empty(x.shape(), x.device());
  map_values(x.device(), x.size(), Copy{}, Write{y.mutable_data()}, Read{x.bf16_data()});
  return y;
}

}  // namespace ebm
