#include <fmt/format.h>

#include "tools/ebm_commands.h"
#include "tools/model_export.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

struct ExportFlags {
  std::string run, out;
};

void export_model(const ExportFlags& flags) {
  const Checkpoint checkpoint = read_checkpoint(flags.run);
  const std::filesystem::path out = output_path(flags.out, flags.run, kModelName);
  check_writable(out);
  write_model(checkpoint, out);
  fmt::print("the networks of iteration {}, as ebm computes with them, in {}\n",
             checkpoint.file.metadata.at("iteration"), out.string());
}

}  // namespace

void add_export_command(CLI::App& app) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command = app.add_subcommand(
      "export", "the trained networks by name for other programs; tools/scripts/open_run.py opens them in PyTorch");
  add_run_option(*command, flags->run);
  command->add_option("--out", flags->out, "a safetensors file [model.safetensors in the run's folder]")
      ->type_name("FILE");
  command->callback([flags] { export_model(*flags); });
}

}  // namespace ebm
