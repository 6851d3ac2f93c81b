#include "tools/evaluate/evaluation.h"

#include <algorithm>
#include <chrono>
#include <tuple>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/evaluate/image_scores.h"
#include "tools/evaluate/pixels.h"
#include "tools/evaluate/reference_images.h"

namespace ebm {
namespace {

constexpr int64_t kPart = 1000;  // samples and images that are held at once

class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Reference images in parts.
template <class Take>
void for_parts(const Dataset& dataset, int64_t first, int64_t count, const Take& take) {
  for (int64_t i = first; i < first + count; i += kPart)
    take(i, reference_images(dataset, i, std::min(kPart, first + count - i)));
}

ReconstructionScores score_reconstructions(Trainer& trainer, const Dataset& dataset, const EvaluationOptions& options,
                                           double& model_seconds) {
  const ImageShape image = dataset.images.shape();
  const auto elements = static_cast<size_t>(image.elements());
  double psnr_sum = 0, ssim_sum = 0;
  for_parts(dataset, 0, options.n, [&](int64_t first, const std::vector<uint8_t>& x) {
    const int64_t count = static_cast<int64_t>(x.size() / elements);
    std::vector<uint8_t> y;  // (count, H, W, C)
    {
      const Stopwatch watch(model_seconds);
      y = to_levels(trainer.generate(trainer.encode(Tensor::from_host(
                        from_levels(x), {count, image.height, image.width, image.channels}, trainer.device()))),
                    "reconstruction", first);
    }
    for (size_t i = 0; i < x.size(); i += elements) {
      const auto a = std::span(x).subspan(i, elements), b = std::span<const uint8_t>(y).subspan(i, elements);
      if (options.metrics.psnr) psnr_sum += psnr(a, b);
      if (options.metrics.ssim) ssim_sum += ssim(a, b, image);
    }
  });
  ReconstructionScores scores;
  const double n = static_cast<double>(options.n);
  if (options.metrics.psnr) scores.psnr = psnr_sum / n;
  if (options.metrics.ssim) scores.ssim = ssim_sum / n;
  return scores;
}

}  // namespace

void check_options(const EvaluationOptions& options, const Settings& model, const Dataset& train, const Dataset& test) {
  const Dataset& reference = options.split == Split::train ? train : test;
  EBM_CHECK(options.n >= kFewestImages && options.n <= reference.count(), "evaluate", fmt::format("n = {}", options.n),
            fmt::format("{} to {}, the {} images of {}", kFewestImages, reference.count(),
                        options.split == Split::train ? "training" : "test", reference.name));
  const int64_t most = method_record(model.method).most_samples;
  EBM_CHECK(most == 0 || options.n <= most, "evaluate",
            fmt::format("n = {}, a model of --method {}", options.n, model.method),
            fmt::format("at most {}, the chains that it keeps: there are no more different samples", most));
  if (options.metrics.reconstructions())
    for (const Ability network : {Ability::encode, Ability::generate}) need(model.method, network, "psnr, ssim");
}

namespace {

// The statistics of features: of the reference, of other real images, and of samples before and after revision.
struct Statistics {
  FeatureStatistics reference, real, generated, revised;
};

// The real ones of them: n images of the reference's split, and as many others.
Statistics real_statistics(const FeatureNetwork& network, const Dataset& same, const Dataset& other, int64_t real_same,
                           const EvaluationOptions& options, const EvaluationObserver& observer, Evaluation& result) {
  const Stopwatch watch(result.score_seconds);
  const ImageShape image = same.images.shape();
  const int64_t n = options.n;
  const auto of = [&](int64_t count) { return FeatureStatistics(network, image, options.metrics, count); };
  Statistics s{of(n), of(result.real_images), of(n), of(n)};
  const auto add_to = [&](FeatureStatistics& set) {
    return [&](int64_t, const std::vector<uint8_t>& levels) {
      set.add(levels);
      if (observer.progress)
        observer.progress("real images", s.reference.count() + s.real.count(), n + result.real_images);
    };
  };
  for_parts(same, 0, n, add_to(s.reference));
  for_parts(same, n, real_same, add_to(s.real));
  for_parts(other, 0, result.real_other_split, add_to(s.real));
  return s;
}

// Of the samples from `first` on.
RandomKey part_key(uint64_t seed, int64_t first) {
  return {seed, Stream::sample, static_cast<uint32_t>(first / kPart), 0};
}

// Draws the samples in parts and shows them to whom they concern.
void draw_samples(Trainer& trainer, const EvaluationOptions& options, const EvaluationObserver& observer,
                  Statistics* statistics, Evaluation& result) {
  const int64_t n = options.n;
  for (int64_t first = 0; first < n; first += kPart) {
    const RandomKey key = part_key(options.seed, first);
    std::vector<uint8_t> x_hat, x_tilde;  // (count, H, W, C)
    {
      const Stopwatch watch(result.model_seconds);
      const Samples part =
          trainer.sample(std::min(kPart, n - first), key, options.num_steps, options.noise_scale, first);
      x_hat = to_levels(part.first(), "generated sample", first);
      x_tilde = to_levels(part.last(), "revised sample", first);
    }
    if (observer.samples) observer.samples(first, x_hat, x_tilde);
    if (statistics) {
      const Stopwatch watch(result.score_seconds);
      statistics->generated.add(x_hat);
      statistics->revised.add(x_tilde);
    }
    if (observer.progress) observer.progress("samples", std::min(first + kPart, n), n);
  }
}

}  // namespace

Evaluation evaluate(Trainer& trainer, const FeatureNetwork* network, const Dataset& train, const Dataset& test,
                    const EvaluationOptions& options, const EvaluationObserver& observer) {
  check_options(options, trainer.settings(), train, test);
  const auto& [same, other] = options.split == Split::train ? std::tie(train, test) : std::tie(test, train);
  const MetricSet& metrics = options.metrics;
  EBM_CHECK(network || !metrics.features(), "evaluate", "no network", "one: the wanted scores need features");
  Evaluation result;
  const int64_t real_same = std::min(options.n, same.count() - options.n);
  result.real_other_split = std::min(options.n - real_same, other.count());
  result.real_images = real_same + result.real_other_split;

  std::optional<Statistics> statistics;
  if (metrics.features())
    statistics.emplace(real_statistics(*network, same, other, real_same, options, observer, result));
  if (statistics || observer.samples)
    draw_samples(trainer, options, observer, statistics ? &*statistics : nullptr, result);
  if (statistics) {
    const Stopwatch watch(result.score_seconds);
    const FeatureReference images(statistics->reference, metrics);
    result.generated = images.score(statistics->generated);
    result.revised = images.score(statistics->revised);
    result.real = images.score(statistics->real);
  }
  if (metrics.reconstructions()) {
    double seconds = 0;
    const double model_before = result.model_seconds;
    {
      const Stopwatch watch(seconds);
      result.reconstruction = score_reconstructions(trainer, same, options, result.model_seconds);
    }
    result.score_seconds += seconds - (result.model_seconds - model_before);
  }
  return result;
}

SampleScores::SampleScores(const FeatureNetwork& network, const Dataset& images, const EvaluationOptions& options)
    : network_(network), options_(options) {
  auto statistics = std::make_unique<FeatureStatistics>(network, images.images.shape(), options.metrics, options.n);
  for_parts(images, 0, options.n, [&](int64_t, const std::vector<uint8_t>& levels) { statistics->add(levels); });
  images_ = std::move(statistics);
  reference_ = std::make_unique<FeatureReference>(*images_, options.metrics);
}

FeatureScores SampleScores::operator()(const Trainer& trainer) const {
  const Abilities& model = trainer.abilities();
  FeatureStatistics samples(network_, model.image, options_.metrics, options_.n);
  for (int64_t first = 0; first < options_.n; first += kPart) {
    SampleOptions usual = model.usual;
    usual.first_row = first;
    const Samples part = model.sample(std::min(kPart, options_.n - first), part_key(options_.seed, first), usual);
    samples.add(to_levels(part.last(), "sample", first));
  }
  return reference_->score(samples);
}

}  // namespace ebm
