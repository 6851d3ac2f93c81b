#include "kernels/langevin.h"

#include "kernels/map_quads.h"

namespace ebm {
namespace {

// Four elements an iteration, as many as one Philox call draws.
template <bool kNoise>
struct Step {
  float* x;
  const float* df_dx;
  int64_t n;
  LangevinStep s;
  RandomKey key;

  EBM_HD void load() { key.load(); }

  template <bool kWhole>
  EBM_HD void quad(uint64_t quad, int64_t start) const {
    const Floats4 xi = kNoise ? normal4(key, quad) : Floats4{};
    for (int j = 0; j < 4; ++j) {
      const int64_t i = start + j;
      if (kWhole || (i >= 0 && i < n)) x[i] = langevin_update(s, x[i], df_dx[i], xi.v[j]);
    }
  }
};

}  // namespace

void langevin_step(Tensor& x, const Tensor& df_dx, const LangevinStep& step, const RandomKey& key,
                   uint64_t first_element) {
  check_same_shape("langevin_step", x, df_dx);
  float* data = x.mutable_data();
  const LangevinStep s = step.unclamped_as_infinite();
  if (step.noise != 0) {
    map_quads(x.device(), x.size(), first_element, Step<true>{data, df_dx.data(), x.size(), s, key});
  } else {
    map_quads(x.device(), x.size(), first_element, Step<false>{data, df_dx.data(), x.size(), s, key});
  }
}

}  // namespace ebm
