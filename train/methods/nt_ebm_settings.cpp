#include "train/methods/nt_ebm_settings.h"

#include <charconv>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int64_t kMostSteps = 256;  // of a level

// "4,8" -> {4, 8}
std::vector<int64_t> steps_of(const std::string& text) {
  std::vector<int64_t> steps;
  for (const char *at = text.data(), *end = at + text.size(); at < end;) {
    int64_t count = 0;
    const auto [stop, error] = std::from_chars(at, end, count);
    EBM_CHECK(error == std::errc() && count >= 1 && count <= kMostSteps && (stop == end || *stop == ','),
              "--flow-steps", "\"" + text + "\"", "a number of steps from 1 to 256 for each level, as in 4,8");
    steps.push_back(count);
    at = stop == end ? end : stop + 1;
  }
  EBM_CHECK(!steps.empty(), "--flow-steps", "\"\"", "a number of steps for each level, as in 4,8");
  return steps;
}

}  // namespace

void LatentMoves::describe(SettingVisitor& v) {
  v("sampler", sampler, "", "hmc, or langevin: one leapfrog step a move, never refused");
  v("moves", moves, "K", "moves of a chain in an iteration", langevin_steps());
  v("sample-steps", sample_moves, "", "moves of samples, pictures and scores; 0: 50", langevin_steps());
  v("leapfrog-steps", leapfrog_steps, "L", "leapfrog steps of a move", whole(1, 1000));
  v("step-size", step_size, "ε", "size of a leapfrog step at the start; it adapts while training", more_than_zero());
  v("target-acceptance", target_acceptance, "", "share of moves that are accepted, to which the step size adapts",
    fraction(false, "a share"));
  v("independent-every", independent_every, "", "each n-th move proposes a fresh z ~ N(0, I); 0: none",
    whole(0, 1'000'000));
}

void NtEbmSettings::describe(SettingVisitor& v) {
  Settings::describe(v);
  v("flow-iterations", flow_iterations, "", "iterations of the flow by maximum likelihood; the rest tilt it",
    whole(1, 1'000'000'000));
  v("flow-lr", flow_lr, "", "Adam's learning rate of the flow", learning_rate());
  v("flow-warmup", flow_warmup, "", "iterations over which that rate rises to its value", whole(0, 1'000'000'000));
  v("flow-clip-norm", flow_clip_norm, "", "largest gradient norm of the flow; 0: no clipping", not_negative());
  v("flow-steps", flow_steps, "", "steps of each level of the flow, as in 4,8", {}, Fixed::network);
  v("flow-width", flow_width, "", "channels within the flow's couplings", whole(1, 4096), Fixed::network);
  v("nce-iterations", nce_iterations, "", "first iterations of the tilt, by telling data from the flow's samples",
    whole(0, 1'000'000'000));
  v("chains", chains, "", "chains of an iteration", whole(1, 1 << 20));
  v("chain-start", chain_start, "", "fresh z ~ N(0, I), or persistent: where the last iteration's ended", {},
    Fixed::network);
  v.group("", chain);
  v("energy-lr", energy_lr, "η_θ", "Adam's learning rate of the tilt f", learning_rate());
  v("energy-decay", energy_decay, "", "weight decay of the tilt, times its learning rate", not_negative());
  v("energy-l2", energy_l2, "", "weight of mean f² in the tilt's loss", not_negative());
  v("adam-beta1", adam_beta1, "β₁", "Adam's decay of the first moment", below_one());
  v("adam-beta2", adam_beta2, "β₂", "Adam's decay of the second moment", below_one());
  v("ema-decay", ema_decay, "", "decay of the parameters' moving average, used for samples; 0: none", below_one(),
    Fixed::on_or_off);
  v("width", width, "", "channels of the tilt's first layer", whole(1, 4096), Fixed::network);
}

void NtEbmSettings::check_together() const {
  const auto one_of = [](const char* flag, const std::string& value, const char* a, const char* b) {
    EBM_CHECK(value == a || value == b, flag, "\"" + value + "\"", fmt::format("{} or {}", a, b));
  };
  one_of("--sampler", chain.sampler, "hmc", "langevin");
  one_of("--chain-start", chain_start, "fresh", "persistent");
  steps_of(flow_steps);
}

void NtEbmSettings::take_fact(const std::string& name, const std::string& text) {
  if (name == "network")
    network = text;
  else
    Settings::take_fact(name, text);
}

NtEbmNetworks networks(const NtEbmSettings& s) {
  NetworkConfig energy = network(s.network + ".energy", {.width = s.width, .image = s.folder.image()});
  const ImageShape image = image_of(energy.input);
  FlowConfig flow{.image = image, .steps = steps_of(s.flow_steps), .width = s.flow_width};
  if (s.of_points()) flow.squeeze = false, flow.kernel = 1;
  return {std::move(flow), std::move(energy)};
}

}  // namespace ebm
