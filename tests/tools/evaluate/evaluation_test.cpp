#include "tools/evaluate/evaluation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "core/precision.h"
#include "tests/logical_ranks.h"
#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "tools/evaluate/classifier_recipes.h"
#include "tools/evaluate/frechet.h"
#include "tools/evaluate/image_scores.h"
#include "tools/evaluate/pixels.h"
#include "train/data/synthetic.h"

using namespace ebm;
using namespace ebm::test;

namespace {

constexpr ImageShape kImage{28, 28, 1};
constexpr MetricSet kAll{true, true, true, true, true, true, true, true};

Dataset shapes(int64_t count, uint32_t stream) { return {"synthetic", synthetic_images(count, stream), ""}; }

// Random weights do for features that are compared with themselves.
Classifier random_classifier() { return Classifier(classifier_recipe("synthetic").network, test_device(), 1); }

std::vector<float> features_of(const Classifier& classifier, std::span<const uint8_t> levels) {
  const int64_t n = static_cast<int64_t>(levels.size()) / 784;
  return classifier(Var(Tensor::from_host(from_levels(levels), {n, 28, 28, 1}, test_device())))
      .features.value()
      .to_host();
}

Gaussian gaussian_of(const std::vector<float>& features) {
  Moments moments(16);
  moments.add(features);
  return moments.gaussian();
}

EvaluationOptions options(int64_t n, MetricSet metrics) {
  EvaluationOptions o;
  o.metrics = metrics;
  o.n = n;
  o.num_steps = 2;
  return o;
}

// Makes all parameters of a network NaN.
void poison(Trainer& trainer, const std::string& network) {
  SafetensorsFile state = trainer.state();
  for (auto& [name, entry] : state.tensors) {
    if (!name.starts_with(network + ".")) continue;
    const std::vector<float> nan(entry.data.size() / sizeof(float), NAN);
    std::memcpy(entry.data.data(), nan.data(), entry.data.size());
  }
  trainer.load_state(state);
}

}  // namespace

TEST_CASE("the network is sure of an image where one class has nine tenths of its probability") {
  struct Told : FeatureNetwork {  // two classes, the first one's logit being the image's only pixel over 100
    int64_t features() const override { return 1; }
    int64_t classes() const override { return 2; }
    int64_t batch() const override { return 4; }
    Values values(std::span<const uint8_t> levels, ImageShape) const override {
      Values v;
      for (const uint8_t level : levels) {
        v.features.push_back(0);
        v.logits.insert(v.logits.end(), {static_cast<float>(level) / 100, 0});
      }
      return v;
    }
  } told;
  const MetricSet metrics{.sure = true};
  FeatureStatistics x(told, {1, 1, 1}, metrics, 5);
  x.add(std::vector<uint8_t>{0, 100, 219, 220, 255});  // log 9 = 2.197
  CHECK(FeatureReference(x, metrics).score(x).sure == doctest::Approx(0.4));
  CHECK_FALSE(FeatureReference(x, MetricSet{.classes = true}).score(x).sure.has_value());
}

TEST_CASE("feature statistics hold what the wanted scores need, and no features otherwise") {
  const Classifier classifier = random_classifier();
  const Dataset a = shapes(120, 1), b = shapes(90, 2);
  FeatureStatistics x(classifier, kImage, kAll, 120), y(classifier, kImage, kAll, 90);
  x.add(std::span(a.images.pixels).first(70 * 784));
  x.add(std::span(a.images.pixels).subspan(70 * 784));
  y.add(b.images.pixels);
  const std::vector<float> fx = features_of(classifier, a.images.pixels), fy = features_of(classifier, b.images.pixels);
  CHECK(x.count() == 120);
  CHECK(relative_error(x.features(), fx) < 1e-5);
  const FeatureScores scores = FeatureReference(x, kAll).score(y);
  CHECK(*scores.frechet == doctest::Approx(frechet_distance(gaussian_of(fx), gaussian_of(fy))).epsilon(1e-4));
  CHECK(scores.kernel->value == doctest::Approx(kernel_distance(fx, fy, 16).value).epsilon(1e-3));
  CHECK(scores.neighbours->precision == doctest::Approx(neighbour_scores(fx, fy, 16).precision).epsilon(0.02));
  CHECK(scores.inception->mean > 1);
  CHECK(scores.inception->mean < 4);
  CHECK(std::abs(*FeatureReference(x, kAll).score(x).frechet) < 1e-6);

  // of each class as many as have their largest logit there
  const std::vector<double> shares = y.class_shares();
  const Tensor images = Tensor::from_host(from_levels(b.images.pixels), {90, 28, 28, 1}, test_device());
  const std::vector<float> logits = classifier(Var(images)).logits.value().to_host();  // (90, classes)
  std::vector<int> counts(shares.size());
  for (auto row = logits.begin(); row != logits.end(); row += static_cast<int64_t>(counts.size()))
    ++counts[std::max_element(row, row + static_cast<int64_t>(counts.size())) - row];
  CHECK(*std::max_element(counts.begin(), counts.end()) < 90);
  for (size_t i = 0; i < shares.size(); ++i) CHECK(shares[i] == doctest::Approx(counts[i] / 90.0));
  CHECK(FeatureReference(x, MetricSet{.frechet = true}).score(y).class_shares.empty());

  {  // a score is of the samples, whatever the arithmetic that made them
    const PrecisionScope reduced(Precision::bf16);
    FeatureStatistics same(classifier, kImage, kAll, 90);
    same.add(b.images.pixels);
    CHECK(std::equal(same.features().begin(), same.features().end(), y.features().begin(), y.features().end()));
    CHECK(precision() == Precision::bf16);
  }

  FeatureStatistics small(classifier, kImage, MetricSet{.frechet = true, .inception = true}, 120);
  small.add(a.images.pixels);
  CHECK(small.features().empty());
  CHECK(small.moments().count() == 120);
}

TEST_CASE("an evaluation scores the samples it shows, generated and revised, against the reference and the floor") {
  const FixedPlans fixed;
  const OneThread one_thread;
  Trainer trainer(tiny_settings(1), test_device());
  const Classifier classifier = random_classifier();
  const Dataset train = shapes(150, 1), test = shapes(60, 2);
  std::vector<uint8_t> generated, revised;
  using Progress = std::pair<int64_t, int64_t>;  // of how many
  std::vector<Progress> real_done;
  EvaluationObserver observer;
  observer.progress = [&](const char* what, int64_t done, int64_t all) {
    if (std::string(what) == "real images") real_done.emplace_back(done, all);
  };
  observer.samples = [&](int64_t first, std::span<const uint8_t> g, std::span<const uint8_t> r) {
    CHECK(first * 784 == static_cast<int64_t>(generated.size()));
    generated.insert(generated.end(), g.begin(), g.end());
    revised.insert(revised.end(), r.begin(), r.end());
  };
  const Evaluation e = evaluate(trainer, &classifier, train, test, options(100, kAll), observer);
  REQUIRE(generated.size() == 100 * 784);
  CHECK(real_done == std::vector<Progress>{{100, 200}, {150, 200}, {200, 200}});

  const Samples samples = trainer.sample(100, {1, Stream::sample, 0, 0}, 2, 1);
  CHECK(generated == to_levels(samples.first(), "", 0));
  CHECK(revised == to_levels(samples.last(), "", 0));
  CHECK(generated != revised);

  // the reference: 100 of the 150 in a fixed random order; the floor: the other 50, and 50 test images
  std::vector<uint8_t> reference, floor;
  for (int64_t i = 0; i < 150; ++i) {
    const auto image = train.images.pixels.begin() + permuted_index(0, 0, i, 150) * 784;
    (i < 100 ? reference : floor).insert((i < 100 ? reference : floor).end(), image, image + 784);
  }
  for (int64_t i = 0; i < 50; ++i) {
    const auto image = test.images.pixels.begin() + permuted_index(0, 0, i, 60) * 784;
    floor.insert(floor.end(), image, image + 784);
  }
  CHECK(e.real_images == 100);
  CHECK(e.real_other_split == 50);
  const Gaussian expected = gaussian_of(features_of(classifier, reference));
  const auto distance = [&](const std::vector<uint8_t>& images) {
    return frechet_distance(expected, gaussian_of(features_of(classifier, images)));
  };
  CHECK(*e.generated.frechet == doctest::Approx(distance(generated)).epsilon(1e-4));
  CHECK(*e.revised.frechet == doctest::Approx(distance(revised)).epsilon(1e-4));
  CHECK(*e.real.frechet == doctest::Approx(distance(floor)).epsilon(1e-3));
  CHECK(*e.real.frechet < *e.generated.frechet);  // untrained samples are no shapes
  CHECK(e.real.neighbours->precision > e.generated.neighbours->precision);

  const std::vector<uint8_t> y = to_levels(
      trainer.generate(trainer.encode(Tensor::from_host(from_levels(reference), {100, 28, 28, 1}, test_device()))), "",
      0);
  double psnr_sum = 0, ssim_sum = 0;
  for (size_t i = 0; i < reference.size(); i += 784) {
    psnr_sum += psnr(std::span(reference).subspan(i, 784), std::span(y).subspan(i, 784));
    ssim_sum += ssim(std::span(reference).subspan(i, 784), std::span(y).subspan(i, 784), {28, 28, 1});
  }
  CHECK(*e.reconstruction.psnr == doctest::Approx(psnr_sum / 100).epsilon(1e-9));
  CHECK(*e.reconstruction.ssim == doctest::Approx(ssim_sum / 100).epsilon(1e-9));
}

TEST_CASE("the floor takes other images of the split while there are, then the other split, as far as both go") {
  const FixedPlans fixed;
  Trainer trainer(tiny_settings(1), test_device());
  const Classifier classifier = random_classifier();
  const Dataset train = shapes(50, 1), test = shapes(20, 2);
  const auto real = [&](int64_t n, Split split) {
    EvaluationOptions o = options(n, {.frechet = true});
    o.split = split;
    o.num_steps = 0;
    const Evaluation e = evaluate(trainer, &classifier, train, test, o, {});
    return std::pair(e.real_images, e.real_other_split);
  };
  CHECK(real(25, Split::train) == std::pair<int64_t, int64_t>(25, 0));
  CHECK(real(40, Split::train) == std::pair<int64_t, int64_t>(30, 20));
  CHECK(real(50, Split::train) == std::pair<int64_t, int64_t>(20, 20));
  CHECK(real(20, Split::test) == std::pair<int64_t, int64_t>(20, 20));
}

TEST_CASE("more samples than are held at once differ from part to part") {
  const FixedPlans fixed;
  Trainer trainer(tiny_settings(1), test_device());
  const Dataset train = shapes(1100, 1), test = shapes(20, 2);
  std::vector<int64_t> firsts, done;
  std::vector<uint8_t> starts;  // the first pixels of each part
  EvaluationObserver observer;
  observer.samples = [&](int64_t first, std::span<const uint8_t> generated, std::span<const uint8_t>) {
    firsts.push_back(first);
    starts.insert(starts.end(), generated.begin(), generated.begin() + 784);
  };
  observer.progress = [&](const char* what, int64_t so_far, int64_t all) {
    CHECK(std::string(what) == "samples");
    CHECK(all == 1100);
    done.push_back(so_far);
  };
  EvaluationOptions o = options(1100, {.psnr = true});
  o.num_steps = 0;
  evaluate(trainer, nullptr, train, test, o, observer);
  CHECK(firsts == std::vector<int64_t>{0, 1000});
  CHECK(done == std::vector<int64_t>{1000, 1100});
  CHECK(!std::equal(starts.begin(), starts.begin() + 784, starts.begin() + 784));
}

TEST_CASE("ranks that share an evaluation find the scores and samples of one, bit for bit") {
  const FixedPlans fixed;
  const OneThread one_thread;
  const Classifier classifier(classifier_recipe("synthetic").network, kCpu, 1);
  const Dataset train = shapes(2400, 1), test = shapes(60, 2);
  struct Found {
    Evaluation scores;
    std::vector<uint8_t> samples;
  };
  const auto found_by = [&](Communicator* ranks) {
    Found found;
    EvaluationObserver observer;
    observer.samples = [&](int64_t, std::span<const uint8_t> g, std::span<const uint8_t> r) {
      found.samples.insert(found.samples.end(), g.begin(), g.end());
      found.samples.insert(found.samples.end(), r.begin(), r.end());
    };
    Trainer trainer(tiny_settings(1), kCpu);
    EvaluationOptions o =
        options(2100, {.frechet = true, .kernel = true, .inception = true, .classes = true, .psnr = true});
    found.scores = evaluate(trainer, &classifier, train, test, o, observer, ranks);
    return found;
  };
  const Found alone = found_by(nullptr);
  for (const int ranks : {2, 4}) {  // three parts
    CAPTURE(ranks);
    on_ranks(ranks, [&](Communicator& world) {
      const Found found = found_by(&world);
      if (world.rank() != 0) {
        CHECK(found.samples.empty());
        return;
      }
      CHECK(found.samples == alone.samples);
      const auto same = [](const FeatureScores& a, const FeatureScores& b) {
        return a.frechet == b.frechet && a.kernel->value == b.kernel->value && a.inception->mean == b.inception->mean &&
               a.class_shares == b.class_shares;
      };
      CHECK(same(found.scores.generated, alone.scores.generated));
      CHECK(same(found.scores.revised, alone.scores.revised));
      CHECK(same(found.scores.real, alone.scores.real));
      CHECK(found.scores.reconstruction.psnr == alone.scores.reconstruction.psnr);
    });
  }
}

TEST_CASE("persistent chains' samples do not repeat from part to part, and no more are asked for than there are") {
  const FixedPlans fixed;
  TeachingSettings s = tiny_settings(1);
  s.method = "persistent";
  Trainer trainer(s, test_device());
  const Dataset train = shapes(1100, 1), test = shapes(20, 2);
  std::set<std::vector<uint8_t>> different;
  EvaluationObserver observer;
  observer.samples = [&](int64_t, std::span<const uint8_t> generated, std::span<const uint8_t>) {
    for (size_t i = 0; i < generated.size(); i += 784)
      different.emplace(generated.begin() + static_cast<int64_t>(i), generated.begin() + static_cast<int64_t>(i + 784));
  };
  EvaluationOptions o = options(1100, {});
  o.num_steps = 0;
  evaluate(trainer, nullptr, train, test, o, observer);
  CHECK(different.size() == 1100);

  const Dataset large{"synthetic", {kReplayImages + 1, 1, 1, 1, std::vector<uint8_t>(kReplayImages + 1), {}}, ""};
  CHECK_NOTHROW(check_options(options(kReplayImages, {}), s, large, test));
  CHECK(contains(error_of([&] { check_options(options(kReplayImages + 1, {}), s, large, test); }),
                 "n = 10001, a model of --method persistent, expected at most 10000"));
}

TEST_CASE("reconstructions are scored where encoder and generator were trained") {
  const Dataset train = shapes(30, 1), test = shapes(20, 2);
  TeachingSettings s = tiny_settings(1);
  for (const auto& [method, encodes] :
       {std::pair{"ebm-vae", true}, {"vae", true}, {"coopnets", false}, {"short-run", false}, {"persistent", false}}) {
    CAPTURE(method);
    s.method = method;
    const auto error = [&](MetricSet metrics) {
      return error_of([&] { check_options(options(20, metrics), s, train, test); });
    };
    CHECK(contains(error({.psnr = true}), "does not train its encoder") == !encodes);
    CHECK(contains(error({.ssim = true}), "does not train its encoder") == !encodes);
    CHECK(error({.frechet = true}).empty());
  }
}

TEST_CASE("an evaluation refuses more images than there are, NaN, and features without a network") {
  const FixedPlans fixed;
  const Dataset train = shapes(30, 1), test = shapes(20, 2);
  const Classifier classifier = random_classifier();
  const auto error = [&](Trainer& trainer, const EvaluationOptions& o, const FeatureNetwork* network) {
    return error_of([&] { evaluate(trainer, network, train, test, o, {}); });
  };
  Trainer trainer(tiny_settings(1), test_device());
  CHECK(contains(error(trainer, options(31, kAll), &classifier), "n = 31, expected 10 to 30, the training images"));
  EvaluationOptions on_test = options(21, kAll);
  on_test.split = Split::test;
  CHECK(contains(error(trainer, on_test, &classifier), "10 to 20, the test images"));
  CHECK(contains(error(trainer, options(9, kAll), &classifier), "n = 9"));
  CHECK(contains(error(trainer, options(20, kAll), nullptr), "no network"));

  TeachingSettings current = tiny_settings(1);
  current.ema_decay = 0;  // the parameters themselves are used, not their averages
  Trainer energy(current, test_device()), generator(current, test_device()), encoder(current, test_device());
  poison(energy, "energy");
  CHECK(contains(error(energy, options(20, {.frechet = true}), &classifier), "NaN in revised sample 0"));
  poison(generator, "generator");
  CHECK(contains(error(generator, options(20, {.frechet = true}), &classifier), "NaN in generated sample 0"));
  poison(encoder, "encoder");
  CHECK(contains(error(encoder, options(20, {.ssim = true}), nullptr), "NaN in reconstruction 0"));
}
