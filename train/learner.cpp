#include "train/learner.h"

#include "core/check.h"

namespace ebm {

LearnerBase::LearnerBase(Parts& parts, const char* name, const char* group, const OptimiserSettings& optimiser,
                         Parameters& parameters, const NetworkConfig* layers)
    : name_(name),
      group_(group),
      optimiser_(optimiser),
      parameters_(parameters),
      layers_(layers),
      adam_(parameters, parts.scalars(), optimiser.beta1, optimiser.beta2, optimiser.clip_norm, optimiser.ema_decay,
            optimiser.weight_decay) {
  parts.learners_.push_back(this);
}

void LearnerBase::prepare(int64_t iteration, double slowed) {
  const double factor = optimiser_.slow ? optimiser_.slow(slowed) : 1;
  lr_ = static_cast<float>(optimiser_.lr(iteration) * factor);
  adam_.prepare(lr_);
}

void begin_learning(Tape& tape, const Var& loss, std::initializer_list<LearnerBase*> learners) {
  std::vector<Var> targets;
  std::vector<std::pair<LearnerBase*, size_t>> entries;  // of the targets
  for (LearnerBase* learner : learners) {
    const std::vector<Var>& vars = learner->parameters().vars();
    targets.insert(targets.end(), vars.begin(), vars.end());
    for (size_t i = 0; i < vars.size(); ++i) entries.emplace_back(learner, i);
  }
  tape.gradient(loss, targets, [&](size_t target, const Tensor& gradient) {
    const auto [learner, entry] = entries[target];
    learner->adam().take(entry, gradient);
  });
}

void end_learning(std::initializer_list<LearnerBase*> learners) {
  for (LearnerBase* learner : learners) learner->squared_gradient() = learner->adam().step();
}

void learn(Tape& tape, const Var& loss, std::initializer_list<LearnerBase*> learners) {
  begin_learning(tape, loss, learners);
  end_learning(learners);
}

UseAverages::UseAverages(const std::vector<LearnerBase*>& learners) {
  for (LearnerBase* learner : learners) {
    if (!learner->adam().has_average()) continue;
    learners_.push_back(learner);
    current_.push_back(learner->parameters().flat().clone());
  }
  for (LearnerBase* learner : learners_) learner->parameters().flat().copy_from(learner->adam().average());
}

UseAverages::~UseAverages() {
  try {
    for (size_t i = 0; i < learners_.size(); ++i) learners_[i]->parameters().flat().copy_from(current_[i]);
  } catch (const Error&) {
    // the device is lost, and whoever asks it for anything is told so
  }
}

}  // namespace ebm
