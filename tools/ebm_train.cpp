#include <fmt/format.h>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "core/words.h"
#include "tools/command_line.h"
#include "tools/ebm_commands.h"
#include "tools/train_program.h"
#include "train/method.h"
#include "train/recipes.h"

namespace ebm {
namespace {

std::string list_of_methods() {
  std::string text = "methods:";
  for (const MethodRecord& record : methods()) text += fmt::format("\n  {:<12} {}", record.name, record.says);
  return text;
}

}  // namespace

void add_train_command(CLI::App& app) { app.add_subcommand("train", "train a method: `ebm train` lists them"); }

int train_main(int argc, char** argv) {
  std::vector<std::string> names;
  for (const MethodRecord& record : methods()) names.push_back(record.name);
  CLI::App app{
      "Trains a method. The run's folder gets checkpoints, sample pictures, metrics.csv and, at its end, "
      "report.html.",
      "ebm train"};
  app.footer(list_of_methods());
  TrainFlags flags;
  if (const std::string resumed = resumed_method(argc, argv); !resumed.empty()) flags.method = resumed;
  flags.method = word_among(argc, argv, names, flags.method);
  app.add_option("method", flags.method, either(names))->type_name("");
  flags.add_to(app, word_among(argc, argv, recipe_names(flags.method), ""), argc, argv);
  return run_in_world([&](World& world) {
    return run_program(app, argc, argv, [&] {
      flags.method_given = app.count("method") > 0;
      if (!flags.method_given && !flags.resume_given && flags.recipe.empty()) {
        fmt::print("usage: ebm train METHOD RECIPE\n{}\n", list_of_methods());
        return 0;
      }
      method_record(flags.method);  // throws for a word that is none
      return train_program(flags, argc, argv, Door::ebm_train, world);
    });
  });
}

}  // namespace ebm
