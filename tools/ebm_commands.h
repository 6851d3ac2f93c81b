// The subcommands of ./ebm. Each runs as its subcommand's callback and throws Error.
#pragma once

#include <memory>
#include <string>

#include <CLI/App.hpp>

#include "train/checkpoint.h"
#include "train/trainer.h"

namespace ebm {

void add_fetch_command(CLI::App& app);
void add_sample_command(CLI::App& app);
void add_energy_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);
void add_info_command(CLI::App& app);
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

// What commands that compute with a trained model share.
struct ModelFlags {
  std::string run, device = "auto", threads, precision = "auto";

  void add_to(CLI::App& command);
};

// The networks of a run's folder or checkpoint file, with their settings, ready to compute.
std::unique_ptr<Trainer> load_model(const ModelFlags& flags);

// What --steps says, or, where it says nothing, the run's Langevin steps for samples.
int64_t langevin_steps(const std::string& flag, const Settings& settings);

}  // namespace ebm
