#include "tools/evaluate/chain_quality.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/fused_step.h"
#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "tools/evaluate/classifier_recipes.h"
#include "tools/evaluate/evaluation.h"
#include "tools/evaluate/reference_images.h"
#include "train/data/synthetic.h"

using namespace ebm;
using namespace ebm::test;

namespace {

Dataset shapes(int64_t count, uint32_t stream) { return {"synthetic", synthetic_images(count, stream), ""}; }

}  // namespace

TEST_CASE("the quality of chains at a length is the evaluation's score of samples of that length") {
  const FusedStep steps = separate_then_fused_steps();
  const FixedPlans fixed;
  const OneThread one_thread;
  TeachingSettings settings = tiny_settings(1);
  settings.chain.drift *= 100;  // so that an untrained energy moves the images
  Trainer trainer(settings, test_device());
  const Classifier classifier(classifier_recipe("synthetic").network, test_device(), 1);
  const Dataset train = shapes(120, 1), test = shapes(20, 2);
  std::vector<int64_t> done;
  const ChainQuality quality =
      chain_quality(trainer, classifier, train, {60, {0, 3, 70}, 1, 5}, [&](int64_t steps) { done.push_back(steps); });
  CHECK(done == std::vector<int64_t>{3, 53, 70});
  REQUIRE(quality.at.size() == 3);
  const auto evaluated = [&](int64_t steps) {
    EvaluationOptions options;
    options.metrics = {.frechet = true, .kernel = true};
    options.n = 60;
    options.num_steps = steps;
    options.seed = 5;
    return evaluate(trainer, &classifier, train, test, options, {});
  };
  const Evaluation three = evaluated(3), seventy = evaluated(70);
  const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-3 * std::abs(b); };
  CHECK(same(quality.at[0].frechet, *three.generated.frechet));
  CHECK(same(quality.at[1].frechet, *three.revised.frechet));
  CHECK(same(quality.at[1].kernel.value, three.revised.kernel->value));
  CHECK(same(quality.at[2].frechet, *seventy.revised.frechet));
  CHECK(same(quality.real.frechet, *three.real.frechet));
  CHECK(!same(quality.at[1].frechet, quality.at[0].frechet));  // the steps do something
  CHECK(!same(quality.at[2].frechet, quality.at[1].frechet));
}

TEST_CASE("words on the quality of chains name the best length, the run's and the last") {
  ChainQuality quality;
  quality.plan.lengths = {0, 20, 60, 2000};
  for (const double frechet : {150, 75, 35, 240}) quality.at.push_back({frechet, {}});
  quality.real.frechet = 12;
  const std::string of = "FD-cls of 128 chains, which compares lengths and nothing else: least 35 after 60 steps";
  CHECK(in_words(quality, 20) == of + "; 75 after 20 steps, the run's own; 240 after 2000 steps");
  CHECK(in_words(quality, 60) == of + ", the run's own; 240 after 2000 steps");
  CHECK(in_words(quality, 30) == of + "; 240 after 2000 steps");
  quality.at[1].frechet = 36;
  CHECK(in_words(quality, 20) == of + "; 36 after 20 steps, the run's own, as good; 240 after 2000 steps");
}

TEST_CASE("reference images are drawn without repetition, and more chains than half of them are refused") {
  const Dataset train = shapes(30, 1);
  const std::vector<uint8_t> all = reference_images(train, 0, 30), later = reference_images(train, 10, 20);
  CHECK(std::equal(later.begin(), later.end(), all.begin() + 10 * 784));
  std::vector<uint8_t> sorted = all, given = train.images.pixels;
  std::sort(sorted.begin(), sorted.end());
  std::sort(given.begin(), given.end());
  CHECK(sorted == given);
  CHECK(all != train.images.pixels);
  CHECK(contains(error_of([&] { reference_images(train, 11, 20); }), "11 to 31, expected at most the 30"));

  Trainer trainer(tiny_settings(1), test_device());
  const Classifier classifier(classifier_recipe("synthetic").network, test_device(), 1);
  CHECK(contains(error_of([&] {
                   chain_quality(trainer, classifier, train, {16, {1}, 1, 1});
                 }),
                 "16 chains, expected 10 to 15, half of the images of synthetic"));
}
