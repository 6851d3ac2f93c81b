#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/nearest.h"
#include "tools/evaluate/results.h"
#include "tools/settings_flags.h"
#include "train/files/image_grid.h"

namespace ebm {
namespace {

constexpr char kName[] = "neighbours";
constexpr int64_t kDefaultSamples = 1000;
constexpr double kNear = 0.05;  // the share of test images that count as near to the training images

struct NeighboursFlags {
  PictureFlags picture;
  std::string n = "10", k = "7", samples, data;
};

// Left the samples, right of each its nearest training images.
Picture neighbours_picture(const std::vector<float>& samples, const Neighbours& found, const ImageSet& train,
                           int64_t n) {
  const ImageShape image = train.shape();
  std::vector<float> nearest;
  for (int64_t i = 0; i < n * found.k; ++i) {
    const auto pixels = train.pixels.begin() + found.index[static_cast<size_t>(i)] * image.elements();
    std::transform(pixels, pixels + image.elements(), std::back_inserter(nearest), to_float);
  }
  return side_by_side(
      image_grid(std::span(samples).first(static_cast<size_t>(n * image.elements())), image, n, 1, kPictureScale),
      image_grid(nearest, image, n, found.k, kPictureScale));
}

std::vector<ResultRow> distance_rows(const std::string& whose, const std::vector<double>& distances) {
  std::vector<ResultRow> rows;
  for (const auto& [what, share] : {std::pair{"least", 0.0}, {"5 %", kNear}, {"median", 0.5}, {"95 %", 0.95}})
    rows.push_back({fmt::format("{}, {}", whose, what), {quantile(distances, share)}, ""});
  return rows;
}

void neighbours(const NeighboursFlags& flags) {
  const int64_t n = parse_count("n", flags.n, 1, kMostImagesAcross);
  const int64_t k = parse_count("k", flags.k, 1, kMostImagesAcross);
  const PicturePlan plan = plan_picture(flags.picture, kName, {}, {".json"});
  const Dataset train = load_own_data(*plan.trainer, flags.data, Split::train);
  const Dataset test = load_own_data(*plan.trainer, flags.data, Split::test);
  const int64_t count = flags.samples.empty() ? std::min(kDefaultSamples, test.count())
                                              : parse_count("samples", flags.samples, 1, test.count());
  EBM_CHECK(n <= count, "--n", flags.n, fmt::format("at most the {} samples that are compared", count));
  EBM_CHECK(k <= train.count(), "--k", flags.k, fmt::format("at most the {} training images", train.count()));

  const std::vector<float> samples =
      plan.trainer->sample(count, plan.key, plan.num_steps, plan.noise_scale).last().to_host();
  const Neighbours of_samples = nearest_images(samples, train.images, k);
  const Neighbours of_test = nearest_images(first_images(test.images, count), train.images, 1);
  const std::vector<double> sample_distances = of_samples.nearest_distances(),
                            test_distances = of_test.nearest_distances();
  const double near = quantile(test_distances, kNear);
  const auto nearer =
      std::count_if(sample_distances.begin(), sample_distances.end(), [&](double d) { return d < near; });
  const double share = static_cast<double>(nearer) / static_cast<double>(count);

  write_png(plan.out, neighbours_picture(samples, of_samples, train.images, n));
  ResultSection section{"Distance to the nearest training image", distance_rows("samples", sample_distances)};
  for (ResultRow& row : distance_rows("test images", test_distances)) section.rows.push_back(std::move(row));
  section.rows[0].note = fmt::format(
      "{} revised samples and {} test images against {} training images of {}; |a - b| of "
      "pixels in [-1, 1]; {} {}, noise scale {}, seed {}",
      count, count, train.count(), train.name, plan.num_steps, method_record(plan.trainer->settings().method).steps,
      plan.noise_scale, plan.key.seed);
  section.rows.push_back(
      {"samples nearer than 95 % of the test images are",
       {share},
       "0.05 where samples lie as far from the training images as test images do; copies give 1, and "
       "smooth images raise it too"});
  write_results(plan.beside(".json"), {{section}});
  fmt::print(
      "{} samples with their {} nearest training images in {}; median distance {:.4g}, of test images {:.4g}; "
      "{:.1f} % of the samples are nearer than 95 % of the test images\n",
      n, k, plan.out.string(), quantile(sample_distances, 0.5), quantile(test_distances, 0.5), 100 * share);
}

}  // namespace

void add_neighbours_command(CLI::App& app) {
  auto flags = std::make_shared<NeighboursFlags>();
  CLI::App* command = app.add_subcommand(kName, "samples beside their nearest training images: is it memorising?");
  flags->picture.add_to(*command, kName);
  command->add_option("--n", flags->n, "samples shown [10]")->type_name("N");
  command->add_option("--k", flags->k, "training images beside each [7]")->type_name("N");
  command
      ->add_option("--samples", flags->samples,
                   "samples, and test images, whose distances are compared [1000, or all there are]")
      ->type_name("N");
  add_data_option(*command, flags->data);
  command->callback([flags] { neighbours(*flags); });
}

}  // namespace ebm
