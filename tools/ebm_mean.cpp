#include <cmath>

#include <fmt/format.h>

#include "tools/data.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/results.h"
#include "tools/settings_flags.h"
#include "train/files/image_grid.h"

namespace ebm {
namespace {

constexpr char kName[] = "mean";
constexpr int64_t kMeanScale = 4;
constexpr int64_t kDefaultImages = 1000;

struct MeanFlags {
  PictureFlags picture;
  std::string n, data;
};

// Of each pixel over the images.
struct PixelMoments {
  std::vector<float> mean, deviation;  // (H, W, C)
};

PixelMoments pixel_moments(const std::vector<float>& images, int64_t elements) {
  const int64_t n = static_cast<int64_t>(images.size()) / elements;
  PixelMoments m;
  for (int64_t pixel = 0; pixel < elements; ++pixel) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double x = images[static_cast<size_t>(i * elements + pixel)];
      sum += x;
      squares += x * x;
    }
    const double mean = sum / static_cast<double>(n);
    m.mean.push_back(static_cast<float>(mean));
    m.deviation.push_back(static_cast<float>(std::sqrt(std::max(0.0, squares / static_cast<double>(n) - mean * mean))));
  }
  return m;
}

double root_mean_square_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

void mean(const MeanFlags& flags) {
  const PicturePlan plan = plan_picture(flags.picture, kName, {}, {".json"});
  const Dataset test = load_own_data(*plan.trainer, flags.data, Split::test);
  const int64_t n =
      flags.n.empty() ? std::min(kDefaultImages, test.count()) : parse_count("n", flags.n, 2, test.count());
  const Samples samples = plan.trainer->sample(n, plan.key, plan.num_steps, plan.noise_scale);
  const int64_t elements = plan.image().elements();
  const PixelMoments of_test = pixel_moments(first_images(test.images, n), elements);
  const PixelMoments of_generated = pixel_moments(samples.first().to_host(), elements);
  const PixelMoments of_revised = pixel_moments(samples.last().to_host(), elements);

  std::vector<float> cells;  // a row of means, a row of deviations
  for (const PixelMoments* m : {&of_test, &of_generated, &of_revised})
    cells.insert(cells.end(), m->mean.begin(), m->mean.end());
  for (const PixelMoments* m : {&of_test, &of_generated, &of_revised})
    for (const float deviation : m->deviation) cells.push_back(2 * deviation - 1);  // 0 is black, 1 white
  write_png(plan.out, image_grid(cells, plan.image(), 2, 3, kMeanScale));

  const char* start = method_record(plan.trainer->settings().method).start;
  ResultSection section{"Difference of each pixel's mean and deviation from the test images'", {}};
  for (const auto& [name, m] : {std::pair{start, &of_generated}, {"revised", &of_revised}}) {
    section.rows.push_back({fmt::format("{}, mean", name), {root_mean_square_difference(m->mean, of_test.mean)}, ""});
    section.rows.push_back(
        {fmt::format("{}, deviation", name), {root_mean_square_difference(m->deviation, of_test.deviation)}, ""});
  }
  section.rows[0].note = fmt::format(
      "root mean square over pixels in [-1, 1]; {} samples and {} test images of {}, {} {}, noise "
      "scale {}, seed {}",
      n, n, test.name, plan.num_steps, method_record(plan.trainer->settings().method).steps, plan.noise_scale,
      plan.key.seed);
  write_results(plan.beside(".json"), {{section}});
  fmt::print(
      "mean images of {} in {} (columns: test images, {}, revised; below: deviations); off the test images' "
      "mean by {:.4g} and {:.4g} a pixel\n",
      n, plan.out.string(), start, section.rows[0].value[0], section.rows[2].value[0]);
}

}  // namespace

void add_mean_command(CLI::App& app) {
  auto flags = std::make_shared<MeanFlags>();
  CLI::App* command = app.add_subcommand(kName, "mean image of samples beside that of test images");
  flags->picture.add_to(*command, kName);
  command->add_option("--n", flags->n, "samples, and test images [1000, or all there are]")->type_name("N");
  add_data_option(*command, flags->data);
  command->callback([flags] { mean(*flags); });
}

}  // namespace ebm
