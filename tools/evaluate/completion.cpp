#include "tools/evaluate/completion.h"

#include <algorithm>

#include "kernels/random_fill.h"
#include "tools/evaluate/fills.h"
#include "train/data/masked_images.h"

namespace ebm {
namespace {

constexpr int64_t kBatch = 32;

// The fill of each image by its own hole; images that have the same one after the other are filled together.
std::vector<float> filled(std::span<const float> images, std::span<const uint8_t> holes, ImageShape image,
                          std::vector<float> (*fill)(std::span<const float>, ImageShape, std::span<const uint8_t>)) {
  const auto pixels = static_cast<size_t>(image.height * image.width), elements = static_cast<size_t>(image.elements());
  std::vector<float> all;
  for (size_t first = 0, n = holes.size() / pixels, last = 0; first < n; first = last) {
    const std::span<const uint8_t> hole = holes.subspan(first * pixels, pixels);
    for (last = first + 1; last < n && std::ranges::equal(hole, holes.subspan(last * pixels, pixels));) ++last;
    const std::vector<float> part = fill(images.subspan(first * elements, (last - first) * elements), image, hole);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

Completions complete(const Trainer& model, std::span<const float> images, std::span<const uint8_t> holes, int64_t steps,
                     uint64_t seed, int64_t draw) {
  const Abilities& can = model.abilities();
  const ImageShape image = can.image;
  const std::vector<float> c = conditions(images, image, holes);
  const int64_t count = static_cast<int64_t>(images.size()) / image.elements();
  const int64_t of_c = image.height * image.width * (image.channels + 1);
  Completions all;
  for (int64_t first = 0; first < count; first += kBatch) {
    const int64_t n = std::min(kBatch, count - first);
    const Tensor given = Tensor::from_host(std::span(c).subspan(first * of_c, n * of_c),
                                           {n, image.height, image.width, image.channels + 1}, model.device());
    Tensor z;
    if (can.latent > 0) z = Tensor::zeros({n, can.latent}, model.device());  // (n, d)
    const RandomKey key{seed, Stream::sample, static_cast<uint32_t>(first / kBatch), static_cast<uint32_t>(draw)};
    if (draw > 0 && z.defined()) fill_normal(z, key, 0.0f, 1.0f);
    // a chain's steps count in its key, draws in its seed
    const Samples samples =
        can.complete(given, z, {seed + static_cast<uint64_t>(draw), Stream::langevin, key.iteration},
                     {steps, draw > 0 ? can.chain.noise_scale * can.chain.sample_noise : 0.0});
    for (const auto& [to, from] :
         {std::pair(&all.generated, &samples.first()), std::pair(&all.revised, &samples.last())}) {
      const std::vector<float> part = from->to_host();
      to->insert(to->end(), part.begin(), part.end());
    }
  }
  return all;
}

CompletionEvaluation evaluate_completions(const Trainer& model, std::span<const float> images,
                                          std::span<const uint8_t> holes, int64_t steps, uint64_t seed, int64_t draws,
                                          const std::function<void(const char*, int64_t, int64_t)>& progress) {
  const ImageShape image = model.abilities().image;
  CompletionEvaluation result;
  const auto add = [&](const char* name, std::vector<float> output) {
    const CompletionScores scores = score_completions(images, output, holes, image);
    result.rows.push_back({name, std::move(output), scores});
  };
  add("grey fill", filled(images, holes, image, grey_fill));
  add("row-linear fill", filled(images, holes, image, row_linear_fill));
  add("harmonic fill", filled(images, holes, image, harmonic_fill));
  Completions predicted = complete(model, images, holes, steps, seed, 0);
  const bool revises = predicted.generated != predicted.revised;
  add("g(c, 0)", std::move(predicted.generated));
  if (revises) add("revised", std::move(predicted.revised));
  if (model.abilities().latent == 0) return result;
  for (int64_t draw = 1; draw <= draws; ++draw) {
    progress("completions drawn", draw - 1, draws);
    result.drawn.push_back(complete(model, images, holes, steps, seed, draw).revised);
  }
  if (draws >= 2) result.diversity = score_diversity(images, result.drawn, holes, image);
  return result;
}

}  // namespace ebm
