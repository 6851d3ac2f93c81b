// ./train_ebm_vae RECIPE: `./ebm train ebm-vae RECIPE`, and --method for the baselines that are compared with it.
#include <algorithm>

#include <fmt/ranges.h>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "core/check.h"
#include "core/words.h"
#include "tools/command_line.h"
#include "tools/train_program.h"
#include "train/recipes.h"

namespace {

// Those whose settings are ebm-vae's.
const std::vector<std::string> kMethods{"ebm-vae", "vae", "coopnets", "short-run", "persistent"};

}  // namespace

int main(int argc, char** argv) {
  ebm::limit_spinning(argv);
  CLI::App app{
      "Trains an energy-based model, a generator and an encoder by variational MCMC teaching.\n"
      "The run's folder gets checkpoints, sample pictures, metrics.csv and, at its end, report.html.\n"
      "Signs: f = -U up to the reference; energy gap = mean f(data) - mean f(samples).",
      "train_ebm_vae"};
  ebm::TrainFlags flags;
  if (const std::string resumed = ebm::resumed_method(argc, argv); !resumed.empty()) flags.method = resumed;
  flags.add_to(app, ebm::word_among(argc, argv, ebm::recipe_names(flags.method), "mnist"), argc, argv);
  app.add_option("--method", flags.method, "what is trained: ebm-vae, or a baseline over the same networks [ebm-vae]")
      ->type_name(fmt::format("{}", fmt::join(kMethods, "|")));
  return ebm::run_in_world([&](ebm::World& world) {
    return ebm::run_program(app, argc, argv, [&] {
      flags.method_given = app.count("--method") > 0;
      EBM_CHECK(std::find(kMethods.begin(), kMethods.end(), flags.method) != kMethods.end(), "--method", flags.method,
                ebm::either(kMethods) + "; `ebm train METHOD RECIPE` trains any");
      return ebm::train_program(flags, argc, argv, ebm::Door::train_ebm_vae, world);
    });
  });
}
