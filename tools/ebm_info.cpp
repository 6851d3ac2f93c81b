#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/ebm_commands.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

bool reduced_precision(const std::string& line) {
  return line.starts_with("precision = ") && line != "precision = \"fp32\"";
}

void info(const std::string& what) {
  // A file of another program is shown too; what bears a checkpoint's name must be one.
  Checkpoint checkpoint;
  if (fs::is_directory(what) || checkpoint_iteration(what) >= 0 || !fs::exists(what))
    checkpoint = read_checkpoint(what);
  else
    checkpoint = {what, read_safetensors(what)};
  const SafetensorsFile& file = checkpoint.file;
  fmt::print("{}, {} bytes\n", checkpoint.path.string(), fs::file_size(checkpoint.path));
  for (const auto& [key, value] : file.metadata) {
    if (key == kCheckpointConfig || key == kCheckpointPlans) continue;
    fmt::print("{}: {}\n", key, value);
  }
  if (const auto config = file.metadata.find(kCheckpointConfig); config != file.metadata.end()) {
    fmt::print("\nsettings\n");
    std::istringstream lines(config->second);
    for (std::string line; std::getline(lines, line);)
      if (!line.empty() && line[0] != '#')
        fmt::print("  {}{}\n", line, reduced_precision(line) ? "  (emulated where the run is on the CPU)" : "");
  }
  if (const auto plans = file.metadata.find(kCheckpointPlans); plans != file.metadata.end() && !plans->second.empty()) {
    fmt::print("\nconvolution plans\n");
    std::istringstream lines(plans->second);
    for (std::string line; std::getline(lines, line);) fmt::print("  {}\n", line);
  }
  fmt::print("\n{} tensors\n", file.tensors.size());
  size_t width = 0;
  for (const auto& [name, entry] : file.tensors) width = std::max(width, name.size());
  for (const auto& [name, entry] : file.tensors)
    fmt::print("  {:<{}}  {} ({})\n", name, width, entry.dtype, fmt::join(entry.shape, ", "));
}

}  // namespace

void add_info_command(CLI::App& app) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("info", "what a checkpoint holds");
  command->add_option("file", *file, "a checkpoint, another safetensors file, or the folder of a run")
      ->required()
      ->type_name("");
  command->callback([file] { info(*file); });
}

}  // namespace ebm
