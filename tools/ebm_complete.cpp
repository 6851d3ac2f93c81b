// `ebm complete`: fills a hole of a photo with what a conditional model makes of the rest.
#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/ebm_commands.h"
#include "tools/evaluate/completion.h"
#include "tools/evaluate/fills.h"
#include "tools/evaluate/pixels.h"
#include "tools/settings_flags.h"
#include "train/data/dataset.h"
#include "train/data/mask.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"
#include "train/files/resize_image.h"

namespace ebm {
namespace {

constexpr int64_t kMostSamples = 1000;

struct CompleteFlags {
  ModelFlags model;
  ChainFlags chain;
  std::string image, mask, out, samples = "0";
};

// The hole as the model sees it: wherever a pixel of the photo's hole is part of one of its own.
std::vector<uint8_t> seen_hole(std::span<const uint8_t> hole, ImageShape photo, ImageShape model) {
  std::vector<uint8_t> seen(static_cast<size_t>(model.height * model.width), 0);
  const auto part = [](int64_t i, int64_t of, int64_t extent) {  // of the photo, along one edge
    const int64_t first = i * extent / of;
    return std::pair(first, std::max(first + 1, ((i + 1) * extent + of - 1) / of));
  };
  for (int64_t h = 0; h < model.height; ++h)
    for (int64_t w = 0; w < model.width; ++w) {
      const auto [top, bottom] = part(h, model.height, photo.height);
      const auto [left, right] = part(w, model.width, photo.width);
      for (int64_t y = top; y < bottom; ++y)
        for (int64_t x = left; x < right; ++x)
          seen[static_cast<size_t>(h * model.width + w)] |= hole[static_cast<size_t>(y * photo.width + x)];
    }
  return seen;
}

void complete_command(const CompleteFlags& flags) {
  const std::filesystem::path out = output_path(flags.out, flags.model.run, "completed.png");
  EBM_CHECK(out.extension() == ".png", "--out", out.string(), "a name that ends in .png");
  const int64_t draws = parse_count("samples", flags.samples, 0, kMostSamples);
  const uint64_t seed = flags.chain.key_seed();
  const auto trainer = load_model(flags.model, {Ability::complete});
  const Settings& s = trainer->settings();
  const ImageShape seen = trainer->abilities().image;
  const int64_t steps = flags.chain.steps.empty() ? trainer->abilities().usual.steps
                                                  : parse_count("steps", flags.chain.steps, 0, kMostLangevinSteps);
  EBM_CHECK(draws == 0 || trainer->abilities().latent > 0, "--samples", flags.samples + " of a model without z",
            "none: it has one completion");
  const ImageSet photo = decode_image(read_file(flags.image, kMaxImageFileBytes), flags.image, {0, 0, seen.channels});
  const ImageShape full = photo.shape();
  const std::string text = flags.mask.empty() ? s.hole() : flags.mask;
  const std::vector<uint8_t> hole = Mask(text, full).hole(seed, 0, 0);  // (H, W)
  check_writable(out);

  // What stands in the hole may be anything: it is kept out of the pixels beside it, which shrinking would mix it into.
  ImageSet known = photo;
  std::vector<float> levels = from_levels(photo.pixels);
  levels = row_linear_fill(levels, full, hole);
  known.pixels = to_levels(levels, 1, "photo", 0);
  const ImageSet small = resize_image(known, seen.height, seen.width);
  const std::vector<float> given = from_levels(small.pixels);
  const std::vector<uint8_t> small_hole = seen_hole(hole, full, seen);
  EBM_CHECK(std::find(small_hole.begin(), small_hole.end(), 0) != small_hole.end(), "--mask",
            "a hole that leaves nothing", "a part of the photo that is known");

  const auto write = [&](const std::filesystem::path& path, std::span<const float> completed) {
    ImageSet filled = small;
    filled.pixels = to_levels(completed, 1, "completion", 0);
    const ImageSet large = resize_image(filled, full.height, full.width);
    std::vector<uint8_t> pixels = photo.pixels;
    for (size_t i = 0; i < pixels.size(); ++i)
      if (hole[i / static_cast<size_t>(full.channels)]) pixels[i] = large.pixels[i];
    write_png(path, pixels, full);
  };
  write(out, complete(*trainer, given, small_hole, steps, seed, 0).revised);
  for (int64_t draw = 1; draw <= draws; ++draw)
    write(std::filesystem::path(out).replace_extension(fmt::format("{}.png", draw)),
          complete(*trainer, given, small_hole, steps, seed, draw).revised);

  if (text != s.hole()) fmt::print("note: the model learned holes of {}, this one is {}\n", s.hole(), text);
  fmt::print("{} completed by {} of {} at iteration {}, {} Langevin steps, in {}{}\n", flags.image, s.method, s.recipe,
             trainer->iteration(), steps, out.string(),
             draws > 0 ? fmt::format("; {} drawn completions beside it", draws) : "");
  if (full.height != seen.height || full.width != seen.width)
    fmt::print("the model saw {}x{} pixels of the photo's {}x{}; outside the hole the photo is as it was\n",
               seen.height, seen.width, full.height, full.width);
}

}  // namespace

void add_complete_command(CLI::App& app) {
  auto flags = std::make_shared<CompleteFlags>();
  CLI::App* command = app.add_subcommand("complete", "fill a hole of a photo by a conditional model");
  flags->model.add_to(*command);
  command->add_option("--image", flags->image, "the photo: PNG, JPEG or BMP, of any size")
      ->required()
      ->type_name("FILE");
  command
      ->add_option(
          "--mask", flags->mask,
          "the hole: center:SHARE of each edge, left, right, random, stroke, or a PNG of the photo's size whose "
          "white it is [as the run learned it]")
      ->type_name("MASK");
  command
      ->add_option("--samples", flags->samples,
                   "completions drawn beside the prediction, which is begun at z = 0: NAME.1.png, NAME.2.png … [0]")
      ->type_name("N");
  command->add_option("--out", flags->out, "the photo with its hole filled [completed.png in the run's folder]")
      ->type_name("FILE.png");
  flags->chain.add_steps_to(*command);
  command->add_option("--seed", flags->chain.seed, "of drawn completions and drawn holes [1]")->type_name("N");
  command->callback([flags] { complete_command(*flags); });
}

}  // namespace ebm
