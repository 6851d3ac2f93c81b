#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/ebm_commands.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

// What a processor makes of the setting's arithmetic.
const char* remark_on(const std::string& line) {
  if (line == "precision = \"tf32\"") return "  (emulated where the run is on the CPU)";
  if (line.starts_with("precision = \"bf16")) return "  (emulated on a CPU that does not multiply bf16)";
  return "";
}

// Of the states that the divergence guard keeps (train/guard.h).
bool is_of_guard(const std::string& name) { return name.starts_with("guard.state"); }

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
    if (key == kCheckpointConfig || key == kCheckpointPlans || is_of_guard(key)) continue;
    fmt::print("{}: {}\n", key, value);
  }
  if (const auto config = file.metadata.find(kCheckpointConfig); config != file.metadata.end()) {
    fmt::print("\nsettings\n");
    std::istringstream lines(config->second);
    for (std::string line; std::getline(lines, line);)
      if (!line.empty() && line[0] != '#') fmt::print("  {}{}\n", line, remark_on(line));
  }
  if (const auto plans = file.metadata.find(kCheckpointPlans); plans != file.metadata.end() && !plans->second.empty()) {
    fmt::print("\nconvolution plans\n");
    std::istringstream lines(plans->second);
    for (std::string line; std::getline(lines, line);) fmt::print("  {}\n", line);
  }
  size_t width = 0, shown = 0;
  for (const auto& [name, entry] : file.tensors) {
    if (is_of_guard(name)) continue;
    width = std::max(width, name.size());
    ++shown;
  }
  fmt::print("\n{} tensors\n", shown);
  for (const auto& [name, entry] : file.tensors)
    if (!is_of_guard(name)) fmt::print("  {:<{}}  {} ({})\n", name, width, entry.dtype, fmt::join(entry.shape, ", "));
  if (shown < file.tensors.size())
    fmt::print("and {} of earlier states, which the run may go back to\n", file.tensors.size() - shown);
}

}  // namespace

void add_info_command(CLI::App& app) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("info", "what a checkpoint holds");
  add_run_option(*command, *file)
      ->description("folder of a run, a checkpoint or another safetensors file, by --run or alone");
  command->callback([file] { info(*file); });
}

}  // namespace ebm
