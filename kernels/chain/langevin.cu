#include "kernels/chain/langevin.h"

#include "kernels/map.h"
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

struct RowsUpdate {
  float* x;
  const float *gradient, *drift, *noise;
  int64_t n, row_size;  // elements in all and in a row
  uint64_t first_quad;
  RandomKey key;
  EBM_HD void load() { key.load(); }
  EBM_HD void operator()(int64_t quad) const {
    const Floats4 xi = normal4(key, first_quad + static_cast<uint64_t>(quad));
    for (int i = 0; i < 4; ++i) {
      const int64_t at = 4 * quad + i;
      if (at >= n) return;
      const int64_t row = at / row_size;
      x[at] = x[at] - drift[row] * gradient[at] + noise[row] * xi.v[i];
    }
  }
};

}  // namespace

void langevin_step_rows(Tensor& x, const Tensor& gradient, const LangevinRows& rows, const RandomKey& key,
                        uint64_t first_element) {
  check_same_shape("langevin_step_rows", x, gradient);
  const int64_t n = x.extent(0);
  check_shape("langevin_step_rows", "drift", rows.drift, {n});
  check_shape("langevin_step_rows", "noise", rows.noise, {n});
  EBM_CHECK(first_element % 4 == 0, "langevin_step_rows", "first element " + std::to_string(first_element),
            "a multiple of 4, as noise is drawn");
  map(x.device(), (x.size() + 3) / 4,
      RowsUpdate{x.mutable_data(), gradient.data(), rows.drift.data(), rows.noise.data(), x.size(), x.size() / n,
                 first_element / 4, key},
      16);
}

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
