#include "kernels/chain/metropolis.h"

#include "kernels/map.h"

namespace ebm {
namespace {

struct Decide {
  const float *u_before, *p_before, *u_after, *p_after;
  float *probability, *accepted;
  double temperature;
  RandomKey key;
  uint64_t first_chain;
  EBM_HD void load() { key.load(); }
  EBM_HD void operator()(int64_t i) const {
    const double p = acceptance(hamiltonian(u_before[i], p_before[i], temperature),
                                hamiltonian(u_after[i], p_after[i], temperature));
    probability[i] = static_cast<float>(p);
    accepted[i] = uniform1(key, first_chain + static_cast<uint64_t>(i)) < p ? 1.0f : 0.0f;
  }
};

}  // namespace

MetropolisDecision metropolis(const Tensor& u_before, const Tensor& p_squared_before, const Tensor& u_after,
                              const Tensor& p_squared_after, double temperature, const RandomKey& key,
                              uint64_t first_chain) {
  check_same_shape("metropolis", u_before, p_squared_before);
  check_same_shape("metropolis", u_before, u_after);
  check_same_shape("metropolis", u_before, p_squared_after);
  MetropolisDecision d{Tensor::empty(u_before.shape(), u_before.device()),
                       Tensor::empty(u_before.shape(), u_before.device())};
  map(u_before.device(), u_before.size(),
      Decide{u_before.data(), p_squared_before.data(), u_after.data(), p_squared_after.data(),
             d.probability.mutable_data(), d.accepted.mutable_data(), temperature, key, first_chain},
      64);
  return d;
}

}  // namespace ebm
