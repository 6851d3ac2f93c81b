// ./train_ebm_vae RECIPE: `./ebm train ebm-vae RECIPE`, and --method for the baselines that are compared with it.
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/command_line.h"
#include "tools/train_program.h"
#include "train/recipes.h"

int main(int argc, char** argv) {
  ebm::limit_spinning(argv);
  CLI::App app{
      "Trains an energy-based model, a generator and an encoder by variational MCMC teaching.\n"
      "The run's folder gets checkpoints, sample pictures, metrics.csv and, at its end, report.html.\n"
      "Signs: f = -U up to the reference; energy gap = mean f(data) - mean f(samples).",
      "train_ebm_vae"};
  ebm::TrainFlags flags;
  flags.add_to(app, ebm::word_among(argc, argv, ebm::recipe_names(flags.method), "mnist"));
  app.add_option("--method", flags.method, "what is trained: ebm-vae, or a baseline over the same networks [ebm-vae]")
      ->type_name("ebm-vae|vae|coopnets|short-run|persistent");
  return ebm::run_program(app, argc, argv, [&] {
    flags.method_given = app.count("--method") > 0;
    return ebm::train_program(flags, argc, argv, ebm::Door::train_ebm_vae);
  });
}
