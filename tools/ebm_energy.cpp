#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "train/file_io.h"
#include "train/image_file.h"
#include "train/npy.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBatch = 500;
constexpr char kComment[] =
    "# U(x) = |x|^2/(2 sigma_ref^2) - f(x), low = plausible; exp(-U)/Z is the model's density\n";

// Images in [-1, 1] with what identifies each in the table.
struct Images {
  std::vector<float> pixels;       // (N, H, W, C)
  std::string column;              // heading of names, or ""
  std::vector<std::string> names;  // (N), or empty
};

void append(const ImageSet& set, Images& images) {
  for (const uint8_t pixel : set.pixels) images.pixels.push_back(to_float(pixel));
}

// An image or a folder of them, each under its name.
Images load_files(const fs::path& path, ImageShape shape) {
  Images images;
  images.column = "file";
  for (const fs::path& file : image_files(path)) {
    append(load_images(file, shape), images);
    images.names.push_back(file.filename().string());
  }
  return images;
}

Images load_npy(const fs::path& path, ImageShape shape) {
  NpyArray array = read_npy(path);
  const std::vector<int64_t> wanted{array.shape.empty() ? 0 : array.shape[0], shape.height,
                                    shape.width, shape.channels};
  EBM_CHECK(array.shape == wanted && wanted[0] > 0, "--images", path.string() + " of another shape",
            fmt::format("(N, {}, {}, {})", shape.height, shape.width, shape.channels));
  Images images;
  images.pixels = std::move(array.values);
  return images;
}

Images load_any(const std::string& what, const std::string& data, ImageShape shape) {
  const std::vector<std::string>& names = dataset_names();
  if (std::find(names.begin(), names.end(), what) != names.end()) {
    const Dataset dataset = load_or_fetch(
        what, data, Split::test, [](const std::string& line) { fmt::print("{}\n", line); });
    EBM_CHECK(dataset.images.shape() == shape, "--images",
              fmt::format("{} with images of {}x{}x{}", what, dataset.images.height,
                          dataset.images.width, dataset.images.channels),
              fmt::format("{}x{}x{}, the model's", shape.height, shape.width, shape.channels));
    if (!dataset.note.empty()) fmt::print("note: {}\n", dataset.note);
    Images images;
    images.column = "label";
    append(dataset.images, images);
    for (const uint8_t label : dataset.images.labels) images.names.push_back(std::to_string(label));
    return images;
  }
  EBM_CHECK(fs::exists(what), "--images", what + ", which is not there",
            "an image, a .npy file, a folder of images or the name of a data set");
  if (fs::path(what).extension() == ".npy") return load_npy(what, shape);
  return load_files(what, shape);
}

// A field of the table: quoted where it must be.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::vector<float> energies(Trainer& trainer, const std::vector<float>& pixels) {
  const ImageShape shape = trainer.generator().image();
  const int64_t count = static_cast<int64_t>(pixels.size()) / shape.elements();
  const int64_t batch = std::min(kBatch, count);
  std::vector<float> host(static_cast<size_t>(batch * shape.elements())), all;
  Tensor x = Tensor::empty({batch, shape.height, shape.width, shape.channels},
                           trainer.device());  // (batch, H, W, C)
  for (int64_t first = 0; first < count; first += batch) {
    // the last batch is filled up with what is left of the one before: every batch has one shape
    const int64_t part = std::min(batch, count - first);
    std::copy_n(pixels.begin() + first * shape.elements(), part * shape.elements(), host.begin());
    x.copy_from_host(host);
    const std::vector<float> u = trainer.energy(x).to_host();  // (batch)
    all.insert(all.end(), u.begin(), u.begin() + part);
  }
  return all;
}

struct EnergyFlags {
  ModelFlags model;
  std::string images, data, out = "energies.csv";
};

void energy(const EnergyFlags& flags) {
  const auto trainer = load_model(flags.model);
  check_writable(flags.out);
  const Images images = load_any(flags.images, flags.data, trainer->generator().image());
  const std::vector<float> u = energies(*trainer, images.pixels);
  std::string table = kComment;
  table += images.column.empty() ? "index,U\n" : "index," + images.column + ",U\n";
  double sum = 0;
  for (size_t i = 0; i < u.size(); ++i) {
    table += images.column.empty() ? fmt::format("{},{}\n", i, u[i])
                                   : fmt::format("{},{},{}\n", i, csv_field(images.names[i]), u[i]);
    sum += u[i];
  }
  write_file_atomically(flags.out, std::as_bytes(std::span(table)));
  fmt::print("U of {} images, mean {:.6g}, in {}\n", u.size(), sum / static_cast<double>(u.size()),
             flags.out);
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
  command
      ->add_option("--data", flags->data, "folder of the data sets [EBM_DATA, else ~/.cache/ebm]")
      ->type_name("DIR");
  command->add_option("--out", flags->out, "the table [energies.csv]")->type_name("FILE");
  command->callback([flags] { energy(*flags); });
}

}  // namespace ebm
