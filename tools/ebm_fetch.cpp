#include <fmt/format.h>

#include "core/check.h"
#include "core/words.h"
#include "tools/command_line.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "train/data/facades.h"

namespace ebm {

void add_fetch_command(CLI::App& app) {
  struct Flags {
    std::string name, data;
  };
  auto flags = std::make_shared<Flags>();
  std::vector<std::string> fetched;
  for (const std::string& name : dataset_names())
    if (!dataset_record(name).files.empty()) fetched.push_back(name);
  fetched.push_back(kFacades);
  CLI::App* command = app.add_subcommand("fetch", "put a data set into the data folder, or verify it there");
  command->add_option("name", flags->name, either(fetched))->required()->type_name("");
  add_data_option(*command, flags->data);
  command->callback([flags, fetched] {
    const auto say = [](const std::string& line) {
      fmt::print("{}\n", line);
      std::fflush(stdout);
    };
    const std::filesystem::path root = data_root(flags->data);
    if (flags->name == kFacades) {
      fetch_facades(root, say);
      fmt::print("train with: ./ebm train conditional facades, or ./ebm train ebm-vae folder --images {}\n",
                 (root / kFacades).string());
      return;
    }
    check_dataset_name("data set", flags->name);
    EBM_CHECK(!dataset_record(flags->name).files.empty(), "fetch", flags->name,
              either(fetched) + ": " + flags->name + " is computed, not fetched");
    fetch(flags->name, root, say);
    fmt::print("{} is in {}\n", flags->name, (root / flags->name).string());
  });
}

}  // namespace ebm
