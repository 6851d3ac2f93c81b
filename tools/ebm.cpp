// ./ebm: training, data sets, samples, energies, scores, diagnoses, checkpoints, reports, pictures, measurements.
#include <algorithm>
#include <string_view>

#include "tools/bench/bench.h"
#include "tools/command_line.h"
#include "tools/ebm_commands.h"
#include "tools/world.h"

namespace {

// The commands that several processes run together; training has a main of its own.
bool is_shared_out(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  return command == "evaluate" || (command == "bench" && std::any_of(argv + 2, argv + argc, [](std::string_view word) {
                                     return word == "--comm";
                                   }));
}

int run_command(int argc, char** argv, ebm::World& world) {
  CLI::App app{"Trains energy-based models and works with what training leaves.", "ebm"};
  app.require_subcommand(1);
  ebm::add_train_command(app);
  ebm::add_fetch_command(app);
  ebm::add_sample_command(app);
  ebm::add_energy_command(app);
  ebm::add_info_command(app);
  ebm::add_export_command(app);
  ebm::add_complete_command(app);
  ebm::add_evaluate_command(app, world);
  ebm::add_fd_command(app);
  ebm::add_report_command(app);
  ebm::add_interpolate_command(app);
  ebm::add_trace_command(app);
  ebm::add_reconstruct_command(app);
  ebm::add_neighbours_command(app);
  ebm::add_mean_command(app);
  ebm::add_diagnose_command(app);
  ebm::add_loglik_command(app);
  ebm::add_ood_command(app);
  ebm::add_bench_command(app, world);
  ebm::add_precision_command(app);
  return ebm::run_program(app, argc, argv, [] { return 0; });
}

}  // namespace

int main(int argc, char** argv) {
  ebm::limit_spinning(argv);
  if (argc > 1 && std::string_view(argv[1]) == "train") return ebm::train_main(argc - 1, argv + 1);
  if (ebm::World::is_one_of_several() && !is_shared_out(argc, argv))
    return ebm::fail(
        "one of several processes of a launcher: only train, evaluate and bench --comm are shared out; start this "
        "command by itself");
  return ebm::run_in_world([&](ebm::World& world) { return run_command(argc, argv, world); });
}
