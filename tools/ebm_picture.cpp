#include "tools/ebm_picture.h"

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/settings_flags.h"
#include "train/file_io.h"

namespace ebm {

namespace fs = std::filesystem;

void PictureFlags::add_to(CLI::App& command, const char* name) {
  model.add_to(command);
  command.add_option("--steps", steps, "l: Langevin steps [the run's sample-steps, else its steps]")->type_name("N");
  command.add_option("--noise-scale", noise_scale, "factor of the noise; 0: gradient descent [the run's]")
      ->check(CLI::NonNegativeNumber)
      ->type_name("X");
  command.add_option("--seed", seed, "seed of the latent vectors and the noise [1]")->type_name("N");
  command
      .add_option("--out", out, fmt::format("the picture [{}.png in the run's folder, where a report shows it]", name))
      ->type_name("FILE.png");
}

fs::path PicturePlan::beside(const char* ending) const { return fs::path(out).replace_extension(ending); }

PicturePlan plan_picture(const PictureFlags& flags, const char* name, std::initializer_list<const char*> beside) {
  PicturePlan plan;
  const fs::path run = flags.model.run;
  std::error_code error;
  const fs::path folder = fs::is_directory(run, error) ? run : run.parent_path();
  plan.out = flags.out.empty() ? folder / fmt::format("{}.png", name) : fs::path(flags.out);
  EBM_CHECK(plan.out.extension() == ".png", "--out", plan.out.string(), "a name that ends in .png");
  plan.key = {static_cast<uint64_t>(parse_count("seed", flags.seed, 0)), Stream::sample, 0, 0};
  if (!flags.steps.empty()) plan.num_steps = parse_count("steps", flags.steps, 0);
  plan.trainer = load_model(flags.model);
  check_writable(plan.out);
  for (const char* ending : beside) check_writable(plan.beside(ending));
  const Settings& s = plan.trainer->settings();
  if (flags.steps.empty()) plan.num_steps = langevin_steps(flags.steps, s);
  plan.noise_scale = flags.noise_scale < 0 ? s.noise_scale : flags.noise_scale;
  return plan;
}

int64_t count_within(const std::string& flag, const std::string& text, int64_t least, int64_t most) {
  const int64_t count = parse_count(flag, text, least);
  EBM_CHECK(count <= most, "--" + flag, text, fmt::format("{} to {}", least, most));
  return count;
}

std::vector<float> first_images(const ImageSet& images, int64_t count) {
  std::vector<float> x;
  x.reserve(static_cast<size_t>(count * images.image_elements()));
  for (int64_t i = 0; i < count * images.image_elements(); ++i)
    x.push_back(to_float(images.pixels[static_cast<size_t>(i)]));
  return x;
}

Dataset load_own_data(const PicturePlan& plan, const std::string& data, Split split) {
  Dataset dataset = load_or_fetch(plan.trainer->settings().recipe, data, split,
                                  [](const std::string& line) { fmt::print("{}\n", line); });
  if (!dataset.note.empty()) fmt::print("note: {}\n", dataset.note);
  EBM_CHECK(dataset.images.shape() == plan.image(), "data set", dataset.name + " with images of another size",
            "the model's");
  return dataset;
}

}  // namespace ebm
