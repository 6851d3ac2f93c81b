#include "kernels/langevin.h"

#include "kernels/map.h"

namespace ebm {
namespace {

// Four elements an iteration, as many as one Philox call draws. x may start inside a quad of the global
// noise sequence (first % 4 ≠ 0), as in kernels/random_fill.cu.
template <bool kNoise>
struct Step {
  float* x;
  const float* df_dx;
  int64_t n;
  LangevinStep s;
  RandomKey key;
  uint64_t first;

  EBM_HD void operator()(int64_t q) const {
    const uint64_t quad = first / 4 + q;
    const Floats4 xi = kNoise ? normal4(key, quad) : Floats4{};
    const int64_t start = static_cast<int64_t>(quad * 4 - first);
    for (int j = 0; j < 4; ++j) {
      const int64_t i = start + j;
      if (i >= 0 && i < n) x[i] = update(x[i], df_dx[i], xi.v[j]);
    }
  }

  // method.md (6) with the Gaussian reference
  EBM_HD float update(float x, float df_dx, float xi) const {
    const float next = x - s.drift * (x * s.inv_sigma_ref_sq - df_dx) + s.noise * xi;
    if (s.clamp <= 0) return next;
    // written so that a NaN stays a NaN: the guard has to see it
    return next > s.clamp ? s.clamp : next < -s.clamp ? -s.clamp : next;
  }
};

}  // namespace

void langevin_step(Tensor& x, const Tensor& df_dx, const LangevinStep& step, const RandomKey& key,
                   uint64_t first_element) {
  check_same_shape("langevin_step", x, df_dx);
  if (x.size() == 0) return;
  const int64_t quads = static_cast<int64_t>((first_element + x.size() - 1) / 4 - first_element / 4 + 1);
  float* data = x.mutable_data();
  if (step.noise != 0) {
    map(x.device(), quads, Step<true>{data, df_dx.data(), x.size(), step, key, first_element}, 32);
  } else {
    map(x.device(), quads, Step<false>{data, df_dx.data(), x.size(), step, key, first_element}, 4);
  }
}

}  // namespace ebm
