#include "tools/ebm_picture.h"

#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/settings_flags.h"
#include "train/files/file_io.h"

namespace ebm {

namespace fs = std::filesystem;

void PictureFlags::add_to(CLI::App& command, const char* name) {
  model.add_to(command);
  chain.add_steps_to(command);
  chain.add_noise_and_seed_to(command);
  command
      .add_option("--out", out, fmt::format("the picture [{}.png in the run's folder, where a report shows it]", name))
      ->type_name("FILE.png");
}

fs::path PicturePlan::beside(const char* ending) const { return fs::path(out).replace_extension(ending); }

PicturePlan plan_picture(const PictureFlags& flags, const char* name, std::initializer_list<Ability> needed,
                         std::initializer_list<const char*> beside) {
  PicturePlan plan;
  plan.out = output_path(flags.out, flags.model.run, fmt::format("{}.png", name));
  EBM_CHECK(plan.out.extension() == ".png", "--out", plan.out.string(), "a name that ends in .png");
  plan.key = {flags.chain.key_seed(), Stream::sample, 0, 0};
  plan.trainer = load_model(flags.model, needed);
  need(plan.trainer->settings().method, Ability::draw, "--run");
  check_writable(plan.out);
  for (const char* ending : beside) check_writable(plan.beside(ending));
  plan.num_steps = flags.chain.num_steps(*plan.trainer);
  plan.noise_scale = flags.chain.noise(*plan.trainer);
  return plan;
}

Picture square_grid(std::span<const float> images, ImageShape image, int64_t scale) {
  const int64_t n = static_cast<int64_t>(images.size()) / image.elements();
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  return image_grid(images, image, (n + columns - 1) / columns, columns, scale);
}

std::vector<float> first_images(const ImageSet& images, int64_t count) {
  std::vector<float> x;
  x.reserve(static_cast<size_t>(count * images.image_elements()));
  for (int64_t i = 0; i < count * images.image_elements(); ++i)
    x.push_back(to_float(images.pixels[static_cast<size_t>(i)]));
  return x;
}

Dataset load_own_data(const Trainer& model, const std::string& data, Split split) {
  Dataset dataset = load_own(model.settings(), data, split, [](const std::string& line) { fmt::print("{}\n", line); });
  if (!dataset.note.empty()) fmt::print("note: {}\n", dataset.note);
  EBM_CHECK(dataset.images.shape() == model.abilities().image, "data set",
            dataset.name + " with images of another size", "the model's");
  return dataset;
}

}  // namespace ebm
