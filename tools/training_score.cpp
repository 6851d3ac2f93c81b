#include "tools/training_score.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "core/check.h"
#include "tools/evaluate/evaluation.h"
#include "tools/judge.h"

namespace ebm {
namespace {

constexpr int64_t kSamples = 1000;

}  // namespace

RunScore training_score(const Settings& settings, const Dataset& images, const std::string& data_option, Device device,
                        const std::function<void(const std::string&)>& say) {
  const int64_t most = method_record(settings.method).most_samples;
  EvaluationOptions options;
  options.metrics.frechet = options.metrics.sure = true;
  options.n = std::min({kSamples, images.count(), most > 0 ? most : kSamples});
  options.seed = settings.seed;
  need(settings.method, Ability::draw, "--score-every");
  EBM_CHECK(options.n >= kFewestImages, "--score-every", fmt::format("{} images or kept chains", options.n),
            fmt::format("{} at least", kFewestImages));
  struct State {
    Judge judge;
    SampleScores scores;
  };
  Judge judge = classifier_judge(settings.data, data_option, device, say);
  SampleScores scores(*judge.network, images, options);
  RunScore score;
  score.says = fmt::format("{} samples after {} {} against as many training images, {}", options.n,
                           settings.sample_steps(), method_record(settings.method).steps, judge.source->name);
  score.names = {"FD-cls", "sure-cls"};
  score.measure = [state =
                       std::make_shared<State>(State{std::move(judge), std::move(scores)})](const Trainer& trainer) {
    const FeatureScores values = state->scores(trainer);
    return std::vector<double>{*values.frechet, *values.sure};
  };
  return score;
}

}  // namespace ebm
