#include <fmt/format.h>

#include "core/check.h"
#include "core/words.h"
#include "tools/command_line.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "train/data/fetch.h"

namespace ebm {

void add_fetch_command(CLI::App& app) {
  struct Flags {
    std::string name, data;
  };
  auto flags = std::make_shared<Flags>();
  std::vector<std::string> fetched;
  for (const std::string& name : dataset_names())
    if (!dataset_record(name).files.empty()) fetched.push_back(name);
  CLI::App* command = app.add_subcommand("fetch", "put a data set into the data folder, or verify it there");
  command->add_option("name", flags->name, either(fetched))->required()->type_name("");
  add_data_option(*command, flags->data);
  command->callback([flags, fetched] {
    check_dataset_name("data set", flags->name);
    EBM_CHECK(!dataset_record(flags->name).files.empty(), "fetch", flags->name,
              either(fetched) + ": " + flags->name + " is computed, not fetched");
    const std::filesystem::path root = data_root(flags->data);
    fetch(flags->name, root, [](const std::string& line) {
      fmt::print("{}\n", line);
      std::fflush(stdout);
    });
    fmt::print("{} is in {}\n", flags->name, (root / flags->name).string());
  });
}

}  // namespace ebm
