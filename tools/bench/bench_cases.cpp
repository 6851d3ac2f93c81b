#include "tools/bench/bench_cases.h"

#include <fmt/format.h>

#include <numeric>
#include <set>
#include <sstream>

#include "core/check.h"
#include "kernels/batch_norm.h"
#include "kernels/chain/langevin.h"
#include "kernels/chain/langevin_conv.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/conv_plan.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/optimizer.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "models/encoder.h"
#include "models/energy.h"
#include "models/generator.h"
#include "models/sequence.h"
#include "tools/bench/bench_clock.h"
#include "train/chains/langevin.h"

namespace ebm {
namespace {

std::set<std::string> plan_lines() {
  std::istringstream text(cpu::plans_to_string());
  std::set<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.insert(line);
  return lines;
}

int64_t all_convolutions() {
  const ConvCalls calls = conv_calls();
  return calls.forward + calls.backward_data + calls.backward_weight;
}

class OpTable {
 public:
  explicit OpTable(Device device) : device_(device) {}

  template <class F>
  void add(const std::string& name, double flops, double bytes, F&& run) {
    const std::set<std::string> before = plan_lines();
    const int64_t convolutions = all_convolutions();
    const OpTime time = op_time(device_, run);
    Measurement m{.part = "ops",
                  .name = name,
                  .milliseconds = 1e3 * time.seconds,
                  .flops = flops,
                  .bytes = bytes,
                  .calls = calls_of(run),
                  .kernels = time.kernels,
                  .plan = ""};
    for (const std::string& line : plan_lines())
      if (!before.contains(line)) m.plan = line.substr(line.rfind(' ') + 1);
    if (device_.is_cuda() && all_convolutions() != convolutions) m.plan = cuda::last_conv_plan();
    rows_.push_back(m);
  }
  std::vector<Measurement> rows() && { return std::move(rows_); }

 private:
  Device device_;
  std::vector<Measurement> rows_;
};

double bytes_of(std::initializer_list<const Tensor*> tensors) {
  double bytes = 0;
  for (const Tensor* t : tensors) bytes += static_cast<double>(t->bytes());
  return bytes;
}

// A Langevin step's last launch where that begins at the first layer's output (train/chains/langevin.cpp).
void add_fused_step(OpTable& table, const std::string& name, Tensor x, const Tensor& y, const Tensor& w, double flops,
                    const ConvGeometry& geometry, float slope, const LangevinStep& step) {
  if (!langevin_step_conv_applies(x.shape(), w.shape(), geometry)) return;
  const Tensor df_dh = random_tensor(y.shape(), y.device());  // (N,P,Q,K)
  table.add(name + " backward data, mask and update", flops, bytes_of({&df_dh, &y, &w, &x, &x}), [&] {
    langevin_step_conv(x, df_dh, {y, slope}, w, geometry, step, {1, Stream::langevin, 0, 0});
  });
}

// All three directions of each convolution, and what stands between them.
void add_energy_ops(OpTable& table, const NetworkConfig& config, const LangevinStep& step, int64_t batch,
                    Device device) {
  const std::vector<PlacedLayer> convs = convolutions_of(config, batch);
  for (const PlacedLayer& at : convs) {
    const bool first = &at == &convs.front();
    const ConvGeometry& geometry = at.geometry;
    const float slope = at.slope;
    const Tensor x = random_tensor(at.x, device);            // (N,H,W,C)
    const Tensor w = random_tensor(at.weight, device);       // (K,R,S,C)
    const Tensor b = random_tensor({at.weight[0]}, device);  // (K)
    const Tensor y = conv2d(x, w, {}, geometry);             // (N,P,Q,K)
    const double flops = 2 * at.macs();
    const std::string name = fmt::format("{} {}x{}/{} {}x{}x{}->{}", at.name, w.shape()[1], w.shape()[2],
                                         geometry.stride_h, at.x[1], at.x[2], at.x[3], w.shape()[0]);
    table.add(name + " forward", flops, bytes_of({&x, &w, &y}), [&] { conv2d(x, w, b, geometry, slope); });
    table.add(name + " backward data", flops, bytes_of({&x, &w, &y}),
              [&] { conv2d_backward_data(y, w, x.shape(), geometry); });
    if (first)
      add_fused_step(table, name, x.clone(), y, w, flops, geometry, slope, step);
    else  // x is the leaky ReLU of the layer above
      table.add(name + " backward data and mask", flops, bytes_of({&x, &x, &w, &y}), [&] {
        conv2d_backward_data(y, w, x.shape(), geometry, LeakyMask{x, slope});
      });
    table.add(name + " backward weight", flops, bytes_of({&x, &w, &y}),
              [&] { conv2d_backward_weight(x, y, w.shape(), geometry); });
    table.add(fmt::format("leaky_relu {} backward", to_string(y.shape())), 0, bytes_of({&y, &y, &y}),
              [&] { unary_backward(Unary::leaky_relu, {}, y, y, slope); });
    table.add(fmt::format("bias gradient {}", to_string(y.shape())), 0, bytes_of({&y}), [&] { sum_columns(y); });
  }
  const int64_t features = convs.back().y.size() / batch;
  const Tensor h = random_tensor({batch, features}, device), w = random_tensor({1, features}, device);
  const Tensor b = random_tensor({1}, device), dy = random_tensor({batch, 1}, device);
  const double head_flops = 2.0 * static_cast<double>(batch * features);
  table.add(fmt::format("head {}->1 forward", features), head_flops, bytes_of({&h, &w}), [&] { linear(h, w, b); });
  table.add(fmt::format("head {}->1 backward data", features), head_flops, bytes_of({&h, &w}),
            [&] { linear_backward_data(dy, w); });
  table.add(fmt::format("head {}->1 backward weight", features), head_flops, bytes_of({&h, &w}),
            [&] { linear_backward_weight(h, dy); });
}

void add_generator_norms(OpTable& table, const NetworkConfig& config, int64_t batch, Device device) {
  const std::vector<PlacedLayer> places = walk(config, batch);
  for (size_t i = 0; i < places.size(); ++i) {
    if (!std::holds_alternative<BatchNorm>(config.layers[i])) continue;
    const Shape& map = places[i].x;
    const Tensor x = random_tensor(map, device), beta = random_tensor({map[3]}, device);
    constexpr float kEps = 1e-3f;
    BatchNormSaved saved;
    batch_norm(x, {}, beta, kEps, saved);
    table.add(fmt::format("batch_norm {} forward", to_string(map)), 0, bytes_of({&x, &x, &x}),
              [&] { batch_norm(x, {}, beta, kEps, saved); });
    table.add(fmt::format("batch_norm {} backward", to_string(map)), 0, bytes_of({&x, &x, &x, &x, &x}),
              [&] { batch_norm_backward(x, {}, x, saved); });
  }
}

// Of layers with weights; what follows them, as a batch normalisation's parameters, counts as theirs. `outputs`: of dense
// layers that follow the list and take what it makes, together; 0: none.
std::vector<LayerCost> costs_of(const NetworkConfig& config, const Parameters& parameters, double outputs) {
  std::vector<LayerCost> costs;
  std::vector<size_t> first;  // entries
  const std::vector<PlacedLayer> places = walk(config);
  for (const PlacedLayer& at : places) {
    if (at.weight.rank() == 0) continue;
    costs.push_back({0, at.macs()});
    first.push_back(at.entry);
  }
  if (outputs > 0) {
    costs.push_back({0, outputs * static_cast<double>(places.back().y.size())});
    first.push_back(Sequence(config).parameters().entries().size());
  }
  for (size_t layer = 0, i = 0; i < parameters.entries().size(); ++i) {
    if (layer + 1 < first.size() && i == first[layer + 1]) ++layer;
    costs[layer].parameters += parameters.entries()[i].shape.size();
  }
  return costs;
}

}  // namespace

std::vector<PlacedLayer> convolutions_of(const NetworkConfig& energy, int64_t n) {
  std::vector<PlacedLayer> convs;
  for (const PlacedLayer& at : walk(energy, n))
    if (at.weight.rank() > 0) convs.push_back(at);
  convs.pop_back();  // the head
  return convs;
}

ParameterCounts parameter_counts(const TeachingSettings& settings) {
  const LayerCosts layers = layer_costs(settings);
  const auto sum = [](const std::vector<LayerCost>& of) {
    return std::accumulate(of.begin(), of.end(), int64_t{0},
                           [](int64_t n, const LayerCost& c) { return n + c.parameters; });
  };
  return {.energy = sum(layers.energy), .generator = sum(layers.generator), .encoder = sum(layers.encoder)};
}

ImageMacs image_macs(const TeachingSettings& settings) {
  const LayerCosts layers = layer_costs(settings);
  const auto sum = [](const std::vector<LayerCost>& of) {
    return std::accumulate(of.begin(), of.end(), 0.0, [](double n, const LayerCost& c) { return n + c.macs; });
  };
  return {.energy = sum(layers.energy), .generator = sum(layers.generator), .encoder = sum(layers.encoder)};
}

LayerCosts layer_costs(const TeachingSettings& settings) {
  const TeachingNetworks n = networks(settings);
  const EnergyNet energy(n.energy, kCpu, 1);
  const Generator generator(n.generator, kCpu, 1);
  const Encoder encoder(n.encoder, settings.latent, kCpu, 1);
  LayerCosts costs{costs_of(n.energy, energy.parameters(), 0), costs_of(n.generator, generator.parameters(), 0),
                   costs_of(n.encoder, encoder.parameters(), 2.0 * static_cast<double>(settings.latent))};
  costs.energy.back().macs = static_cast<double>(walk(n.energy).back().x.size());  // the head's outputs summed into one
  return costs;
}

Tensor random_tensor(const Shape& shape, Device device) {
  static uint32_t count = 0;
  Tensor x = Tensor::empty(shape, device);
  fill_uniform(x, {1, Stream::init, count++}, -1.0f, 1.0f);
  return x;
}

TeachingSettings bench_settings(const std::string& net) {
  if (net == "mnist" || net == "cifar10") return teaching_recipe(net, Profile::paper);
  if (net == "laptop") return teaching_recipe("mnist", Profile::laptop);
  if (net == "tiny") {
    TeachingSettings s = teaching_recipe("mnist", Profile::laptop);
    s.width = s.encoder_width = s.batch = s.chains = 8;
    s.generator_width = 32;
    s.chain.steps = 4;
    return s;
  }
  EBM_FAIL("--net", "\"" + net + "\"", "mnist, cifar10, laptop or tiny");
}

std::vector<Measurement> measure_ops(const TeachingSettings& settings, int64_t batch, Device device) {
  const TeachingNetworks configs = networks(settings);
  OpTable table(device);
  const LangevinStep step = langevin_step_of(settings.chain);
  add_energy_ops(table, configs.energy, step, batch, device);
  add_generator_norms(table, configs.generator, batch, device);

  const ImageShape image = image_of(configs.energy.input);
  Tensor x = random_tensor({batch, image.height, image.width, image.channels}, device);  // (N,H,W,C)
  const Tensor df_dx = random_tensor(x.shape(), device);
  const RandomKey key{1, Stream::langevin, 0, 0};
  table.add(fmt::format("langevin update {}", to_string(x.shape())), 0, bytes_of({&x, &x, &x}),
            [&] { langevin_step(x, df_dx, step, key); });
  // the same where memory decides: a chain's x alone fits a cache
  const int64_t large = int64_t{1} << (settings.chains < 64 ? 10 : 25);  // a trial's net is to take no time
  Tensor x_large = random_tensor({large}, device);
  const Tensor df_dx_large = random_tensor({large}, device);
  table.add(fmt::format("langevin update {}", to_string(x_large.shape())), 0, bytes_of({&x_large, &x_large, &x_large}),
            [&] { langevin_step(x_large, df_dx_large, step, key); });
  table.add(fmt::format("normals {}", to_string(x.shape())), 0, bytes_of({&x}),
            [&] { fill_normal(x, key, 0.0f, 1.0f); });
  table.add(fmt::format("tanh {} forward", to_string(x.shape())), 0, bytes_of({&x, &x}),
            [&] { unary(Unary::tanh, df_dx); });
  table.add(fmt::format("sum of squares {}", to_string(x.shape())), 0, bytes_of({&x}), [&] { sum_squares(df_dx); });

  const int64_t size = EnergyNet(configs.energy, device, 1).parameters().size();
  Tensor parameters = random_tensor({size}, device), m = Tensor::zeros({size}, device);
  Tensor v = Tensor::zeros({size}, device);
  const Tensor gradient = random_tensor({size}, device);
  table.add(fmt::format("adam ({})", size), 0, 7.0 * static_cast<double>(gradient.bytes()),
            [&] { adam_step(parameters, gradient, m, v, {}, adam_at({}, 1000), {}, 0.0f); });
  return std::move(table).rows();
}

}  // namespace ebm
