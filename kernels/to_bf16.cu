#include "kernels/to_bf16.h"

#include "kernels/map.h"
#include "kernels/operands.h"

namespace ebm {
namespace {

struct alignas(8) FourBf16 {
  uint16_t v[4];
};

struct Source {
  const float* x;
  int64_t size;

  explicit Source(const Tensor& t) : x(t.data()), size(t.size()) {}

  // Elements 4·quad … 4·quad + 3; zeros behind the last one.
  EBM_HD FourBf16 quad(int64_t quad) const {
    const Quad from = load_quad(x, {4 * quad, 0, size});
    FourBf16 to;
    for (int j = 0; j < 4; ++j) to.v[j] = bf16_bits(from.v[j]);
    return to;
  }
};

struct ToBf16 {
  Source a, b;
  int64_t a_quads;
  FourBf16* to;  // those of a, then those of b
  EBM_HD void operator()(int64_t i) const { to[i] = i < a_quads ? a.quad(i) : b.quad(i - a_quads); }
};

// Floats whose memory holds so many bf16 numbers and is whole 16 bytes.
int64_t floats_for(int64_t numbers) { return (numbers + 7) / 8 * 4; }

}  // namespace

Bf16Pair to_bf16(const Tensor& a, const Tensor& b) {
  const int64_t a_floats = floats_for(a.size()), b_floats = floats_for(b.size());
  Tensor both = Tensor::empty({a_floats + b_floats}, a.device());
  auto* to = reinterpret_cast<FourBf16*>(both.mutable_data());
  map(a.device(), (a_floats + b_floats) / 2, ToBf16{Source(a), Source(b), a_floats / 2, to}, 4);
  return {both.view(0, {a_floats}), both.view(a_floats, {b_floats})};
}

}  // namespace ebm
