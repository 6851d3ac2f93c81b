#include <algorithm>

#include "core/precision.h"
#include "kernels/conv/conv_plan.h"
#include "tools/ebm_commands.h"
#include "tools/settings_flags.h"

namespace ebm {

CLI::Option* add_run_option(CLI::App& command, std::string& run) {
  return command.add_option("run,--run", run, "folder of a run, or a checkpoint file, by --run or alone")
      ->required()
      ->type_name("DIR|FILE");
}

void ModelFlags::add_to(CLI::App& command) {
  add_run_option(command, run);
  command.add_option("--device", device, "auto: a GPU if there is one")->type_name("auto|cpu|cuda|cuda:N");
  command.add_option("--threads", threads, "CPU threads [all cores]")->type_name("N");
  command
      .add_option(
          "--precision", precision,
          "arithmetic of convolutions and products; auto: fp32 on the CPU, which emulates the others by rounding, "
          "slowly, but for bf16 chains on a CPU that multiplies bf16; tf32 on a GPU, its chains in bf16 where the "
          "recipe bears that [auto]")
      ->type_name("auto|fp32|tf32|bf16|bf16-chains");
  command.add_flag("--no-graph", no_graph, "GPU: launch each kernel apart instead of replaying a CUDA graph");
}

std::filesystem::path output_path(const std::string& out, const std::filesystem::path& run, const std::string& name) {
  if (!out.empty()) return out;
  std::error_code error;
  return (std::filesystem::is_directory(run, error) ? run : run.parent_path()) / name;
}

std::unique_ptr<Trainer> load_model(const ModelFlags& flags, std::initializer_list<Ability> needed) {
  apply_threads(flags.threads);
  const Device device = parse_device(flags.device);
  const Checkpoint checkpoint = read_checkpoint(flags.run);
  const Config config = read_config(checkpoint.config(), checkpoint.path.string());
  set_precisions(choose_precisions(flags.precision, device, *config.settings));
  for (const Ability network : needed) need(config.settings->method, network, "--run");
  auto trainer = std::make_unique<Trainer>(*config.settings, device, !flags.no_graph);
  trainer->load_state(checkpoint.file);
  // the run's own choice of kernels, and a rule's for new shapes: the same command gives the same
  // bits
  conv_plans_from_string(checkpoint.file.metadata.at(kCheckpointPlans));
  cpu::set_plan_timing(false);
  return trainer;
}

void ChainFlags::add_steps_to(CLI::App& command) {
  command.add_option("--steps", steps, "l: Langevin steps [the run's sample-steps, else its steps]")->type_name("N");
}

void ChainFlags::add_noise_and_seed_to(CLI::App& command) {
  command.add_option("--noise-scale", noise_scale, "factor of the noise; 0: gradient descent [the run's]")
      ->type_name("X");
  command.add_option("--seed", seed, "seed of the latent vectors and the noise [1]")->type_name("N");
}

int64_t ChainFlags::num_steps(const Trainer& model) const {
  if (steps.empty()) return model.abilities().usual.steps;
  const int64_t count = parse_count("steps", steps, 0, kMostLangevinSteps);
  if (count > 0) need(model.settings().method, Ability::chains, "--steps above 0");
  return count;
}

double ChainFlags::noise(const Trainer& model) const {
  return noise_scale.empty() ? model.abilities().usual.noise_scale : parse_factor("noise-scale", noise_scale);
}

uint64_t ChainFlags::key_seed() const { return static_cast<uint64_t>(parse_count("seed", seed, 0)); }

}  // namespace ebm
