#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/ebm_commands.h"
#include "tools/settings_flags.h"
#include "train/files/file_io.h"
#include "train/files/image_grid.h"
#include "train/files/npy.h"

namespace ebm {
namespace {

constexpr int64_t kMostSamples = 1'000'000, kMostInGrid = 10'000;
constexpr int64_t kGridScale = 2;

struct SampleFlags {
  ModelFlags model;
  ChainFlags chain;
  std::string n = "64", out;
  bool generator_only = false;
};

void write_samples(const std::filesystem::path& path, const Tensor& x, ImageShape image) {
  const std::vector<float> values = x.to_host();  // (n, H, W, C)
  const int64_t n = x.extent(0);
  for (size_t i = 0; i < values.size(); ++i)
    EBM_CHECK(std::isfinite(values[i]), "sample",
              fmt::format("{} in image {}", values[i], static_cast<int64_t>(i) / image.elements()),
              "numbers: the model, or its Langevin chain at this step size, has diverged");
  if (path.extension() == ".npy") return write_npy(path, values, {n, image.height, image.width, image.channels});
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  write_png(path, image_grid(values, image, (n + columns - 1) / columns, columns, kGridScale));
}

void sample(const SampleFlags& flags) {
  const std::filesystem::path out = output_path(flags.out, flags.model.run, "samples.png");
  EBM_CHECK(out.extension() == ".png" || out.extension() == ".npy", "--out", out.string(),
            "a name that ends in .png or .npy");
  const int64_t n = parse_count("n", flags.n, 1, kMostSamples);
  const uint64_t seed = flags.chain.key_seed();
  EBM_CHECK(out.extension() == ".npy" || n <= kMostInGrid, "--n", flags.n + " for a picture",
            fmt::format("at most {}, or a name that ends in .npy", kMostInGrid));
  const auto trainer = load_model(flags.model);
  const Settings& s = trainer->settings();
  if (flags.generator_only) need(s.method, Ability::generate, "--generator-only");
  const int64_t steps = flags.generator_only ? 0 : flags.chain.num_steps(*trainer);
  check_writable(out);
  const Samples samples = trainer->sample(n, {seed, Stream::sample, 0, 0}, steps, flags.chain.noise(*trainer));
  write_samples(out, samples.last(), trainer->abilities().image);
  fmt::print("{} samples of {} at iteration {}, {}{}, in {}\n", n, s.recipe, trainer->iteration(),
             method_record(s.method).start, steps > 0 ? fmt::format(" after {} Langevin steps", steps) : "",
             out.string());
}

}  // namespace

void add_sample_command(CLI::App& app) {
  auto flags = std::make_shared<SampleFlags>();
  CLI::App* command = app.add_subcommand("sample", "draw images from a trained model");
  flags->model.add_to(*command);
  command->add_option("--n", flags->n, "how many [64]")->type_name("N");
  flags->chain.add_steps_to(*command);
  flags->chain.add_noise_and_seed_to(*command);
  command
      ->add_option("--out", flags->out, "a grid, or (N, H, W, C) floats in [-1, 1] [samples.png in the run's folder]")
      ->type_name("FILE.png|FILE.npy");
  command->add_flag("--generator-only", flags->generator_only, "the generator's images, without Langevin steps");
  command->callback([flags] { sample(*flags); });
}

}  // namespace ebm
