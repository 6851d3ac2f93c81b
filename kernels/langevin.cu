#include "kernels/langevin.h"

#include "kernels/map_quads.h"

namespace ebm {
namespace {

template <bool kNoise>
struct LangevinUpdate {
  LangevinStep s;
  RandomKey key;
  EBM_HD void load() { key.load(); }
  EBM_HD Floats4 draw(uint64_t quad) const { return kNoise ? normal4(key, quad) : Floats4{}; }
  EBM_HD void operator()(float xi, float& x, float df_dx) const { x = langevin_update(s, x, df_dx, xi); }
};

}  // namespace

void langevin_step(Tensor& x, const Tensor& df_dx, const LangevinStep& step, const RandomKey& key,
                   uint64_t first_element) {
  check_same_shape("langevin_step", x, df_dx);
  const LangevinStep s = step.unclamped_as_infinite();
  const ReadWrite x_values{x.mutable_data()};
  const Read df_dx_values{df_dx.data()};
  if (step.noise != 0) {
    map_quads(x.device(), x.size(), first_element, LangevinUpdate<true>{s, key}, x_values, df_dx_values);
  } else {
    map_quads(x.device(), x.size(), first_element, LangevinUpdate<false>{s, key}, x_values, df_dx_values);
  }
}

}  // namespace ebm
