#include <fmt/format.h>

#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "tools/evaluate/image_energies.h"
#include "tools/image_input.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

// A field of the table: quoted where it must be.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

struct EnergyFlags {
  ModelFlags model;
  std::string images, data, range, out;
};

void energy(const EnergyFlags& flags) {
  const auto trainer = load_model(flags.model, {Ability::energy});
  const std::filesystem::path out = output_path(flags.out, flags.model.run, "energies.csv");
  check_writable(out);
  const ImageInput images = load_image_input("--images", flags.images, flags.data, flags.range,
                                             trainer->abilities().image, trainer->settings().of_folder());
  const std::vector<float> u = image_energies(*trainer, images.pixels);
  std::string table = fmt::format("# {}, low = plausible\n", trainer->abilities().energy_says);
  table += images.column.empty() ? "index,U\n" : "index," + images.column + ",U\n";
  double sum = 0;
  for (size_t i = 0; i < u.size(); ++i) {
    table += images.column.empty() ? fmt::format("{},{}\n", i, u[i])
                                   : fmt::format("{},{},{}\n", i, csv_field(images.names[i]), u[i]);
    sum += u[i];
  }
  write_file_atomically(out, std::as_bytes(std::span(table)));
  fmt::print("U of {} images, mean {:.6g}, in {}\n", u.size(), sum / static_cast<double>(u.size()), out.string());
}

}  // namespace

void add_energy_command(CLI::App& app) {
  auto flags = std::make_shared<EnergyFlags>();
  CLI::App* command = app.add_subcommand("energy", "U(x) of images under a trained model");
  flags->model.add_to(*command);
  command
      ->add_option("--images", flags->images,
                   "an image, a .npy file, a folder of images, or a data set (its test images)")
      ->required()
      ->type_name("FILE|FOLDER|DATASET");
  add_range_option(*command, flags->range);
  add_data_option(*command, flags->data);
  command->add_option("--out", flags->out, "the table [energies.csv in the run's folder]")->type_name("FILE");
  command->callback([flags] { energy(*flags); });
}

}  // namespace ebm
