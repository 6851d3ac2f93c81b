#include "tools/evaluate/evaluation.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <tuple>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/evaluate/image_scores.h"
#include "tools/evaluate/pixels.h"
#include "tools/evaluate/reference_images.h"

namespace ebm {
namespace {

constexpr int64_t kPart = 1000;         // samples and images that are held at once
constexpr double kScoreSeconds = 3600;  // that other ranks wait for rank 0's scores

class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Numbers on their way from a rank to rank 0.
class Parcel {
 public:
  Parcel() = default;
  explicit Parcel(std::string bytes) : bytes_(std::move(bytes)) {}
  const std::string& bytes() const { return bytes_; }

  void put(const auto& values) {
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(*values.data()));
  }
  // The next `count` of those that were put.
  template <class T>
  std::vector<T> take(int64_t count) {
    std::vector<T> values(static_cast<size_t>(count));
    std::memcpy(values.data(), bytes_.data() + taken_, values.size() * sizeof(T));
    taken_ += values.size() * sizeof(T);
    return values;
  }

 private:
  std::string bytes_;
  size_t taken_ = 0;
};

// Does work in parts that ranks share: each computes its parcels, compute(first, count), and rank 0 takes all of them in order,
// take(first, count, parcel).
template <class Compute, class Take>
void share_parts(Communicator& ranks, int64_t n, const Compute& compute, const Take& take) {
  const auto count = [n](int64_t first) { return std::min(kPart, n - first); };
  for (int64_t round = 0; round < n; round += kPart * ranks.size()) {
    Parcel mine;
    ranks.together([&] {
      const int64_t first = round + kPart * ranks.rank();
      if (first < n) mine = compute(first, count(first));
    });
    int64_t first = round;
    for (std::string& bytes : ranks.gather_to_first(mine.bytes())) {
      Parcel parcel(std::move(bytes));
      if (first < n) take(first, count(first), parcel);
      first += kPart;
    }
  }
}

Parcel values_parcel(const FeatureNetwork& network, std::span<const uint8_t> levels, ImageShape image) {
  Parcel parcel;
  const auto [features, logits] = values_of(network, levels, image);
  parcel.put(features);
  parcel.put(logits);
  return parcel;
}

FeatureNetwork::Values take_values(Parcel& parcel, int64_t count, const FeatureNetwork& network) {
  return {parcel.take<float>(count * network.features()), parcel.take<float>(count * network.classes())};
}

ReconstructionScores score_reconstructions(Trainer& trainer, const Dataset& dataset, const EvaluationOptions& options,
                                           Communicator& ranks, double& model_seconds) {
  const ImageShape image = dataset.images.shape();
  const auto elements = static_cast<size_t>(image.elements());
  double psnr_sum = 0, ssim_sum = 0;
  const auto compute = [&](int64_t first, int64_t count) {
    const std::vector<uint8_t> x = reference_images(dataset, first, count);
    std::vector<uint8_t> y;  // (count, H, W, C)
    {
      const Stopwatch watch(model_seconds);
      y = to_levels(trainer.generate(trainer.encode(Tensor::from_host(
                        from_levels(x), {count, image.height, image.width, image.channels}, trainer.device()))),
                    "reconstruction", first);
    }
    std::vector<double> scores;  // (count, 2)
    for (size_t i = 0; i < x.size(); i += elements) {
      const auto a = std::span(x).subspan(i, elements), b = std::span<const uint8_t>(y).subspan(i, elements);
      scores.push_back(options.metrics.psnr ? psnr(a, b) : 0);
      scores.push_back(options.metrics.ssim ? ssim(a, b, image) : 0);
    }
    Parcel parcel;
    parcel.put(scores);
    return parcel;
  };
  share_parts(ranks, options.n, compute, [&](int64_t, int64_t count, Parcel& parcel) {
    const std::vector<double> scores = parcel.take<double>(2 * count);
    for (size_t i = 0; i < scores.size(); i += 2) psnr_sum += scores[i], ssim_sum += scores[i + 1];
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
                           const EvaluationOptions& options, const EvaluationObserver& observer, Communicator& ranks,
                           Evaluation& result) {
  const Stopwatch watch(result.score_seconds);
  const ImageShape image = same.images.shape();
  const int64_t n = options.n;
  const auto of = [&](int64_t count) { return FeatureStatistics(network, image, options.metrics, count); };
  Statistics s{of(n), of(result.real_images), of(n), of(n)};
  const auto add = [&](const Dataset& dataset, int64_t begin, int64_t images, FeatureStatistics& set) {
    const auto compute = [&](int64_t first, int64_t count) {
      return values_parcel(network, reference_images(dataset, begin + first, count), image);
    };
    share_parts(ranks, images, compute, [&](int64_t, int64_t count, Parcel& parcel) {
      set.add(take_values(parcel, count, network));
      if (observer.progress)
        observer.progress("real images", s.reference.count() + s.real.count(), n + result.real_images);
    });
  };
  add(same, 0, n, s.reference);
  add(same, n, real_same, s.real);
  add(other, 0, result.real_other_split, s.real);
  return s;
}

// Of the samples from `first` on.
RandomKey part_key(uint64_t seed, int64_t first) {
  return {seed, Stream::sample, static_cast<uint32_t>(first / kPart), 0};
}

// Draws the samples in parts and shows them to whom they concern. network: where statistics are.
void draw_samples(Trainer& trainer, const FeatureNetwork* network, const EvaluationOptions& options,
                  const EvaluationObserver& observer, Communicator& ranks, Statistics* statistics, Evaluation& result) {
  const ImageShape image = trainer.abilities().image;
  const auto compute = [&](int64_t first, int64_t count) {
    std::array<std::vector<uint8_t>, 2> levels;  // of generated and revised samples, (count, H, W, C)
    {
      const Stopwatch watch(result.model_seconds);
      const Samples part =
          trainer.sample(count, part_key(options.seed, first), options.num_steps, options.noise_scale, first);
      levels = {to_levels(part.first(), "generated sample", first), to_levels(part.last(), "revised sample", first)};
    }
    Parcel parcel;
    for (const std::vector<uint8_t>& x : levels) {
      parcel.put(x);
      if (!statistics) continue;
      const Stopwatch watch(result.score_seconds);
      parcel.put(values_parcel(*network, x, image).bytes());
    }
    return parcel;
  };
  share_parts(ranks, options.n, compute, [&](int64_t first, int64_t count, Parcel& parcel) {
    const auto take = [&](FeatureStatistics* set) {
      std::vector<uint8_t> x = parcel.take<uint8_t>(count * image.elements());
      if (set) set->add(take_values(parcel, count, *network));
      return x;
    };
    const std::vector<uint8_t> generated = take(statistics ? &statistics->generated : nullptr),
                               revised = take(statistics ? &statistics->revised : nullptr);
    if (observer.samples) observer.samples(first, generated, revised);
    if (observer.progress) observer.progress("samples", first + count, options.n);
  });
}

}  // namespace

Evaluation evaluate(Trainer& trainer, const FeatureNetwork* network, const Dataset& train, const Dataset& test,
                    const EvaluationOptions& options, const EvaluationObserver& observer, Communicator* others) {
  Communicator alone;
  Communicator& ranks = others ? *others : alone;
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
    statistics.emplace(real_statistics(*network, same, other, real_same, options, observer, ranks, result));
  if (statistics || observer.samples)
    draw_samples(trainer, network, options, observer, ranks, statistics ? &*statistics : nullptr, result);
  const auto score = [&] {
    const Stopwatch watch(result.score_seconds);
    const FeatureReference images(statistics->reference, metrics);
    result.generated = images.score(statistics->generated);
    result.revised = images.score(statistics->revised);
    result.real = images.score(statistics->real);
  };
  if (statistics) ranks.by_first(score, kScoreSeconds);
  if (metrics.reconstructions()) {
    double seconds = 0;
    const double model_before = result.model_seconds;
    {
      const Stopwatch watch(seconds);
      result.reconstruction = score_reconstructions(trainer, same, options, ranks, result.model_seconds);
    }
    result.score_seconds += seconds - (result.model_seconds - model_before);
  }
  return result;
}

SampleScores::SampleScores(const FeatureNetwork& network, const Dataset& images, const EvaluationOptions& options)
    : network_(network), options_(options) {
  auto statistics = std::make_unique<FeatureStatistics>(network, images.images.shape(), options.metrics, options.n);
  for (int64_t first = 0; first < options.n; first += kPart)
    statistics->add(reference_images(images, first, std::min(kPart, options.n - first)));
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
