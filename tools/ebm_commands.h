// The subcommands of ./ebm. Each runs as its subcommand's callback and throws Error.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>

#include <CLI/App.hpp>

#include "train/checkpoint.h"
#include "train/trainer.h"

namespace ebm {

class World;

void add_train_command(CLI::App& app);  // for the list: train_main() does it
void add_fetch_command(CLI::App& app);
void add_sample_command(CLI::App& app);
void add_energy_command(CLI::App& app);
void add_complete_command(CLI::App& app);
void add_evaluate_command(CLI::App& app, World& world);  // whose processes share it
void add_fd_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_interpolate_command(CLI::App& app);
void add_trace_command(CLI::App& app);
void add_reconstruct_command(CLI::App& app);
void add_neighbours_command(CLI::App& app);
void add_mean_command(CLI::App& app);
void add_precision_command(CLI::App& app);
void add_diagnose_command(CLI::App& app);
void add_loglik_command(CLI::App& app);
void add_ood_command(CLI::App& app);

// `ebm train …`, argv[0] being "train": a command line of its own, whose flags are those of the method among its words.
// Returns main's exit code.
int train_main(int argc, char** argv);

// Where a command puts what it makes: --out, or, where that is empty, a file of this name in the folder of --run, which is
// the folder itself or a checkpoint in it.
std::filesystem::path output_path(const std::string& out, const std::filesystem::path& run, const std::string& name);

// --run, or the path alone: which run a command is about.
CLI::Option* add_run_option(CLI::App& command, std::string& run);

// What commands that compute with a trained model share.
struct ModelFlags {
  std::string run, device = "auto", threads, precision = "auto";
  bool no_graph = false;

  void add_to(CLI::App& command);
};

// The networks of a run's folder or checkpoint file, with their settings, ready to compute. Throws Error where the
// run's method left one of those that the command needs as it began.
std::unique_ptr<Trainer> load_model(const ModelFlags& flags, std::initializer_list<Ability> needed = {});

// How the chains of a command run; where a flag says nothing, as the run's do.
struct ChainFlags {
  std::string steps, noise_scale, seed = "1";

  void add_steps_to(CLI::App& command);
  void add_noise_and_seed_to(CLI::App& command);

  // Throws Error for steps of a model whose method trains no energy net; where the flag says nothing, it has none.
  int64_t num_steps(const Trainer& model) const;
  double noise(const Trainer& model) const;  // noise_scale
  uint64_t key_seed() const;
};

}  // namespace ebm
