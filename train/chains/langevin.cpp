#include "train/chains/langevin.h"

#include "kernels/chain/langevin_conv.h"
#include "kernels/elementwise.h"
#include "kernels/reduce.h"
#include "kernels/to_bf16.h"

namespace ebm {

namespace {

// Σ (∂U/∂x)² (1), ∂U/∂x = x/σ_ref² − ∂f/∂x, of x and df_dx (N,H,W,C).
Tensor squared_gradient(const Tensor& x, const Tensor& df_dx, const LangevinStep& step) {
  Tensor gradient = x.clone();
  scale_in_place(gradient, step.inv_sigma_ref_sq);
  add_scaled(gradient, df_dx, -1.0f);
  return sum_squares(gradient);
}

// ∂f/∂x (N,H,W,C) from ∂f/∂h (N,P,Q,K), h = leaky_relu(conv(x, w) + b) being the mask's y: what the fused
// step computes without keeping it.
Tensor through_first_layer(const Tensor& df_dh, const LeakyMask& mask, const ConvParameters& conv1,
                           const Shape& x_shape) {
  const Tensor ds = unary_backward(Unary::leaky_relu, {}, to_fp32(mask.y), to_fp32(df_dh), mask.negative_slope);
  return conv2d_backward_data(ds, conv1.weight.value(), x_shape, conv1.geometry);
}

}  // namespace

ElementType chain_maps(Device device) {
  const bool multiplies = device.is_cuda() || cpu::multiplies_bf16();
  return multiplies && chain_precision() == Precision::bf16 ? ElementType::bf16 : ElementType::fp32;
}

void langevin_chain(const EnergyNet& energy, Tensor& x, int64_t num_steps, const LangevinStep& step,
                    const RandomKey& key, int64_t first_chain, int64_t first_step, Tensor* grad_sq, const Tensor& c) {
  // without noise there is nothing that an error is small beside
  const PrecisionScope mode(step.noise != 0 ? chain_precision() : precision());
  const ElementType maps = chain_maps(x.device());
  const EnergyNet::Frozen f(energy, maps, c);
  const uint64_t first_element = static_cast<uint64_t>(first_chain) * (x.size() / x.extent(0));
  const ConvParameters& conv1 = f.first_layer();
  const Tensor w1 = conv1.weight.value();  // (K, R, S, C)
  const bool fuse = prefer_langevin_step_conv(x.device(), x.shape(), w1.shape(), conv1.geometry);
  // What the first convolution reads: x, or x as bf16, which the fused step writes beside it.
  Tensor image = fuse && maps == ElementType::bf16 ? to_bf16(x) : x;  // (N, H, W, C)
  Tensor* const rounded = image.type() == ElementType::bf16 ? &image : nullptr;
  for (int64_t t = 0; t < num_steps; ++t) {
    const bool watched = grad_sq && t + 1 == num_steps;
    RandomKey step_key = key;
    step_key.step = static_cast<uint32_t>(first_step + t);
    if (fuse) {
      const Tensor h = f.first(image);                 // (N, P, Q, K)
      const Tensor df_dh = f.gradient_after_first(h);  // (N, P, Q, K)
      const LeakyMask mask{h, f.first_layer().negative_slope};
      if (watched) *grad_sq = squared_gradient(x, through_first_layer(df_dh, mask, conv1, x.shape()), step);
      langevin_step_conv(x, df_dh, mask, w1, conv1.geometry, step, step_key, first_element, rounded);  // (6)
    } else {
      const Tensor df_dx = f.gradient(x);  // (N, H, W, C)
      if (watched) *grad_sq = squared_gradient(x, df_dx, step);
      langevin_step(x, df_dx, step, step_key, first_element);  // (6)
    }
  }
}

void langevin_chain(const Potential& u, Tensor& x, int64_t num_steps, const LangevinRows& step, const RandomKey& key,
                    int64_t first_chain, int64_t first_step, PotentialValue* last) {
  const uint64_t first_element = static_cast<uint64_t>(first_chain) * (x.size() / x.extent(0));
  for (int64_t t = 0; t < num_steps; ++t) {
    RandomKey step_key = key;
    step_key.step = static_cast<uint32_t>(first_step + t);
    const PotentialValue at = u(x);
    langevin_step_rows(x, at.gradient, step, step_key, first_element);
    if (last && t + 1 == num_steps) *last = at;
  }
}

LangevinRows same_step(int64_t n, float drift, float noise, Device device) {
  return {full({n}, drift, device), full({n}, noise, device)};
}

}  // namespace ebm
