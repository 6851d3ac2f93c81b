#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/pixels.h"
#include "tools/image_input.h"
#include "tools/judge.h"
#include "tools/progress.h"
#include "tools/settings_flags.h"
#include "train/files/file_io.h"
#include "train/files/npy.h"

namespace ebm {
namespace {

constexpr int64_t kUsualSamples = 64, kMostSamples = 1'000'000, kMostInGrid = 10'000;
// --class draws so many at once, and gives up after so many for each that is wanted, or after so many in all.
constexpr int64_t kPart = 1000, kMostDrawsPerSample = 100, kLeastDraws = 20'000;
constexpr int64_t kGridScale = 2;

struct SampleFlags {
  ModelFlags model;
  ChainFlags chain;
  std::string n, out, from, range, data, kind;
  bool generator_only = false;
};

// Images to write, with what they are.
struct Drawn {
  std::vector<float> x;      // (n, H, W, C)
  std::vector<float> start;  // likewise, of chains that begin at given images; else empty
  int64_t n = 0;
  std::string what, how;  // "64 samples", "images of the generator after 15 Langevin steps"
};

void check_finite(const std::vector<float>& x, ImageShape image) {
  for (size_t i = 0; i < x.size(); ++i)
    EBM_CHECK(std::isfinite(x[i]), "sample",
              fmt::format("{} in image {}", x[i], static_cast<int64_t>(i) / image.elements()),
              "numbers: the model, or its Langevin chain at this step size, has diverged");
}

void write_samples(const std::filesystem::path& path, const Drawn& drawn, ImageShape image) {
  check_finite(drawn.x, image);
  if (path.extension() == ".npy") return write_npy(path, drawn.x, {drawn.n, image.height, image.width, image.channels});
  const auto grid = [&](const std::vector<float>& x) { return square_grid(x, image, kGridScale); };
  write_png(path, drawn.start.empty() ? grid(drawn.x) : side_by_side(grid(drawn.start), grid(drawn.x)));
}

// How samples are drawn.
struct Draw {
  uint64_t seed;
  int64_t steps;
  double noise_scale;
  const char* steps_say;  // "Langevin steps"

  RandomKey key(int64_t part = 0) const { return {seed, Stream::sample, static_cast<uint32_t>(part), 0}; }
  std::string after() const {
    return steps > 0 ? fmt::format(" after {} {}{}", steps, steps_say, noise_scale == 0 ? " without noise" : "") : "";
  }
};

// Chains that begin at given images, taken in turn; of a model whose chains live in z, at the z that fit them.
Drawn revise_images(const Trainer& trainer, const SampleFlags& flags, const Draw& draw, int64_t n) {
  const Settings& s = trainer.settings();
  need(s.method, Ability::chains, "--from");
  const Abilities& model = trainer.abilities();
  if (model.chains_in_z) need(s.method, Ability::encode, "--from");
  const ImageInput images = load_image_input("--from", flags.from, flags.data, flags.range, model.image, s.of_folder());
  const int64_t per_image = model.image.elements(), count = static_cast<int64_t>(images.pixels.size()) / per_image;
  Drawn drawn;
  drawn.n = flags.n.empty() ? std::min(count, n) : n;
  for (int64_t i = 0; i < drawn.n; ++i) {
    const auto image = images.pixels.begin() + i % count * per_image;
    drawn.start.insert(drawn.start.end(), image, image + per_image);
  }
  const Tensor x = Tensor::from_host(
      drawn.start, {drawn.n, model.image.height, model.image.width, model.image.channels}, trainer.device());
  Tensor state = model.chains_in_z ? trainer.encode(x) : x;
  trainer.revise(state, draw.key(), draw.steps, draw.noise_scale);
  drawn.x = model.shown(state).to_host();
  drawn.what = fmt::format("{} images", drawn.n);
  drawn.how = fmt::format("chains from {}{}", flags.from, draw.after());
  return drawn;
}

// Samples that the data set's classifier surely takes for one class: others are drawn and left out.
Drawn draw_class(const Trainer& trainer, const SampleFlags& flags, const Draw& draw, int64_t n) {
  const Settings& s = trainer.settings();
  need_labels(s, "--class", "samples of all kinds");
  const Judge judge = classifier_judge(s.data, flags.data, trainer.device(), say);
  const int64_t kind = parse_count("class", flags.kind, 0, judge.network->classes() - 1);
  const int64_t kept = method_record(s.method).most_samples;
  const int64_t most = kept > 0 ? kept : std::max(kLeastDraws, n * kMostDrawsPerSample);
  const ImageShape image = trainer.abilities().image;
  Drawn drawn;
  int64_t draws = 0;
  OccasionalLine progress;
  while (drawn.n < n && draws < most) {
    const int64_t count = std::min(kPart, most - draws);
    const Samples part = trainer.sample(count, draw.key(draws / kPart), draw.steps, draw.noise_scale, draws);
    const std::vector<float> x = part.last().to_host();
    check_finite(x, image);
    const std::vector<int64_t> classes =
        sure_classes_of(*judge.network, to_levels(part.last(), "sample", draws), image);
    int64_t looked_at = 0;
    for (; looked_at < count && drawn.n < n; ++looked_at) {
      if (classes[static_cast<size_t>(looked_at)] != kind) continue;
      const auto first = x.begin() + looked_at * image.elements();
      drawn.x.insert(drawn.x.end(), first, first + image.elements());
      ++drawn.n;
    }
    draws += looked_at;
    progress(fmt::format("{} of {} samples of class {}, among {}", drawn.n, n, kind, draws));
    if (looked_at < count) break;
  }
  EBM_CHECK(drawn.n == n, "--class", fmt::format("{} samples of class {} among {}", drawn.n, kind, draws),
            fmt::format("{}: ask for fewer by --n, or train longer", n));
  drawn.what = fmt::format("{} samples of class {}", n, kind);
  drawn.how = fmt::format("of which {} is {:.0f} % sure or more, among {} drawn{}", judge.source->name, 100 * kSure,
                          draws, draw.after());
  return drawn;
}

Drawn draw_samples(const Trainer& trainer, const Draw& draw, int64_t n) {
  Drawn drawn;
  drawn.n = n;
  drawn.x = trainer.sample(n, draw.key(), draw.steps, draw.noise_scale).last().to_host();
  drawn.what = fmt::format("{} samples", n);
  drawn.how = method_record(trainer.settings().method).start + draw.after();
  return drawn;
}

void sample(const SampleFlags& flags) {
  const std::filesystem::path out = output_path(flags.out, flags.model.run, "samples.png");
  EBM_CHECK(out.extension() == ".png" || out.extension() == ".npy", "--out", out.string(),
            "a name that ends in .png or .npy");
  const int64_t n = flags.n.empty() ? kUsualSamples : parse_count("n", flags.n, 1, kMostSamples);
  Draw draw{.seed = flags.chain.key_seed(), .steps = 0, .noise_scale = 1, .steps_say = ""};
  EBM_CHECK(out.extension() == ".npy" || n <= kMostInGrid, "--n", flags.n + " for a picture",
            fmt::format("at most {}, or a name that ends in .npy", kMostInGrid));
  EBM_CHECK(flags.from.empty() || flags.kind.empty(), "--from", "--class too", "one of the two");
  EBM_CHECK(flags.from.empty() || !flags.generator_only, "--from", "--generator-only too", "one of the two");
  EBM_CHECK(flags.range.empty() || !flags.from.empty(), "--range", flags.range + " without --from",
            "images whose floats it explains");
  EBM_CHECK(flags.data.empty() || !flags.from.empty() || !flags.kind.empty(), "--data",
            flags.data + " without --from or --class", "one of the two, which read from there");
  const auto trainer = load_model(flags.model, {Ability::draw});
  const Settings& s = trainer->settings();
  if (flags.generator_only) need(s.method, Ability::generate, "--generator-only");
  draw.steps = flags.generator_only ? 0 : flags.chain.num_steps(*trainer);
  draw.noise_scale = flags.chain.noise(*trainer);
  draw.steps_say = method_record(s.method).steps;
  check_writable(out);
  const Drawn drawn = !flags.from.empty()   ? revise_images(*trainer, flags, draw, n)
                      : !flags.kind.empty() ? draw_class(*trainer, flags, draw, n)
                                            : draw_samples(*trainer, draw, n);
  write_samples(out, drawn, trainer->abilities().image);
  fmt::print("{} of {} at iteration {}, {}, in {}{}\n", drawn.what, s.recipe, trainer->iteration(), drawn.how,
             out.string(),
             drawn.start.empty() || out.extension() == ".npy" ? "" : " (left as given, right after the chain)");
}

}  // namespace

void add_sample_command(CLI::App& app) {
  auto flags = std::make_shared<SampleFlags>();
  CLI::App* command = app.add_subcommand("sample", "draw images from a trained model");
  flags->model.add_to(*command);
  command->add_option("--n", flags->n, "how many [64; of --from no more than there are]")->type_name("N");
  command
      ->add_option("--from", flags->from,
                   "begin the chains at these images, taken in turn, and show both: an image, a folder of images, a "
                   ".npy file or a data set (its test images)")
      ->type_name("FILE|FOLDER|DATASET");
  command
      ->add_option("--class", flags->kind,
                   "samples of one class only: what the data set's classifier is not 90 % sure of is left out; the "
                   "classifier is trained at first use")
      ->type_name("K");
  flags->chain.add_steps_to(*command);
  flags->chain.add_noise_and_seed_to(*command);
  command
      ->add_option("--out", flags->out, "a grid, or (N, H, W, C) floats in [-1, 1] [samples.png in the run's folder]")
      ->type_name("FILE.png|FILE.npy");
  add_range_option(*command, flags->range);
  add_data_option(*command, flags->data);
  command->add_flag("--generator-only", flags->generator_only, "the generator's images, without Langevin steps");
  command->callback([flags] { sample(*flags); });
}

}  // namespace ebm
