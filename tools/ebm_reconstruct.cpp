#include <cmath>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/data.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/results.h"
#include "tools/settings_flags.h"
#include "train/files/image_grid.h"

namespace ebm {
namespace {

constexpr char kName[] = "reconstruct";
constexpr int64_t kBatch = 100, kColumns = 10;
constexpr int64_t kDefaultImages = 1000;

struct ReconstructFlags {
  PictureFlags picture;
  std::string n = "20", images, data;
};

struct Reconstructions {
  std::vector<float> x, decoded;  // (N, H, W, C) each
  std::vector<float> revised;     // the same; empty where chains run in z: encode() ran one
};

Reconstructions reconstruct(const PicturePlan& plan, const ImageSet& images, int64_t count) {
  Reconstructions r;
  r.x = first_images(images, count);
  const ImageShape shape = plan.image();
  for (int64_t first = 0; first < count; first += kBatch) {
    const int64_t n = std::min(kBatch, count - first);
    const Tensor x = Tensor::from_host(std::span(r.x).subspan(first * shape.elements(), n * shape.elements()),
                                       {n, shape.height, shape.width, shape.channels}, plan.trainer->device());
    Tensor y = plan.trainer->generate(plan.trainer->encode(x));  // g(μ(x)) (n, H, W, C)
    const std::vector<float> decoded = y.to_host();
    r.decoded.insert(r.decoded.end(), decoded.begin(), decoded.end());
    if (plan.trainer->abilities().chains_in_z) continue;
    RandomKey key = plan.key;
    key.iteration = static_cast<uint32_t>(first / kBatch);  // noise of its own for every batch
    plan.trainer->revise(y, key, plan.num_steps, plan.noise_scale);
    const std::vector<float> revised = y.to_host();
    r.revised.insert(r.revised.end(), revised.begin(), revised.end());
  }
  return r;
}

// Rows of x, g(μ(x)) and its revision, where there is one, below each other, ten images wide.
Picture rows_below_each_other(const Reconstructions& r, int64_t n, ImageShape image) {
  const int64_t columns = std::min(kColumns, n), blocks = (n + columns - 1) / columns;
  std::vector<const std::vector<float>*> rows{&r.x, &r.decoded};
  if (!r.revised.empty()) rows.push_back(&r.revised);
  std::vector<float> cells;
  for (int64_t block = 0; block < blocks; ++block)
    for (const std::vector<float>* row : rows)
      for (int64_t i = block * columns; i < (block + 1) * columns; ++i) {
        const float* x = row->data() + i * image.elements();
        if (i < n)
          cells.insert(cells.end(), x, x + image.elements());
        else
          cells.insert(cells.end(), static_cast<size_t>(image.elements()), -1.0f);
      }
  return image_grid(cells, image, static_cast<int64_t>(rows.size()) * blocks, columns, kPictureScale);
}

double mean_squared_distance(const std::vector<float>& a, const std::vector<float>& b, int64_t images) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return sum / static_cast<double>(images);
}

void reconstruct_command(const ReconstructFlags& flags) {
  const int64_t n = parse_count("n", flags.n, 1, kMostImagesAcross);
  const PicturePlan plan = plan_picture(flags.picture, kName, {Ability::encode, Ability::generate}, {".json"});
  const ChainFlags& chain = flags.picture.chain;
  EBM_CHECK(!plan.trainer->abilities().chains_in_z || (chain.steps.empty() && chain.noise_scale.empty()), kName,
            "--steps or --noise-scale for a model whose chains run in z", "none: nothing is revised after g(z)");
  const Dataset test = load_own_data(*plan.trainer, flags.data, Split::test);
  const int64_t images = flags.images.empty() ? std::min(kDefaultImages, test.count())
                                              : parse_count("images", flags.images, 1, test.count());
  EBM_CHECK(n <= images, "--n", flags.n, fmt::format("at most the {} images that are measured", images));
  const Reconstructions r = reconstruct(plan, test.images, images);
  const double decoded = mean_squared_distance(r.x, r.decoded, images);
  write_png(plan.out, rows_below_each_other(r, n, plan.image()));
  const bool has_revised = !r.revised.empty();
  const std::string of = fmt::format("{} test images of {}", images, test.name);
  const std::string note = !has_revised ? of
                                        : fmt::format("{}, {} Langevin steps, noise scale {}, seed {}", of,
                                                      plan.num_steps, plan.noise_scale, plan.key.seed);
  const auto per_pixel = [&](double squared) {
    return std::sqrt(squared / static_cast<double>(plan.image().elements()));
  };
  constexpr const char* kPixels = "pixels in [-1, 1]";
  ResultSection section{"Reconstruction",
                        {{"mean |x - g(mu(x))|^2", {decoded}, note},
                         {"root mean square of a pixel, g(mu(x))", {per_pixel(decoded)}, kPixels}}};
  std::string after;
  if (has_revised) {
    const double revised = mean_squared_distance(r.x, r.revised, images);
    section.rows.insert(section.rows.begin() + 1, {"the same after revision", {revised}, note});
    section.rows.push_back({"root mean square of a pixel, revised", {per_pixel(revised)}, kPixels});
    after = fmt::format(", after revision {:.4g}", revised);
  }
  write_results(plan.beside(".json"), {{section}});
  fmt::print("{} test images in {} (rows: x, g(mu(x)){}); mean |x - g(mu(x))|^2 {:.4g}{}, of {} images\n", n,
             plan.out.string(), has_revised ? ", revised" : "", decoded, after, images);
}

}  // namespace

void add_reconstruct_command(CLI::App& app) {
  auto flags = std::make_shared<ReconstructFlags>();
  CLI::App* command = app.add_subcommand(kName, "test images x, g(mu(x)) and its revision");
  flags->picture.add_to(*command, kName);
  command->add_option("--n", flags->n, "images shown [20]")->type_name("N");
  command->add_option("--images", flags->images, "images measured [1000, or all there are]")->type_name("N");
  add_data_option(*command, flags->data);
  command->callback([flags] { reconstruct_command(*flags); });
}

}  // namespace ebm
