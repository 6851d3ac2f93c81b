// A network that learns: its parameters, Adam, and the moving average, under one name.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "train/adam.h"
#include "train/parts.h"

namespace ebm {

struct OptimiserSettings {
  std::function<double(int64_t iteration)> lr;  // of iterations done so far, and of nothing else
  double beta1 = 0.9, beta2 = 0.999;
  double clip_norm = 0;     // largest gradient norm; 0: no clipping
  double ema_decay = 0;     // of the moving average; 0: none is kept
  double weight_decay = 0;  // an iteration shrinks the parameters by 1 − lr·weight_decay
  // What becomes of the rate once the guard has taken the run back: a factor, of Trainer::slowed. Empty: nothing.
  std::function<double(double slowed)> slow{};
};

class LearnerBase {
 public:
  LearnerBase(const LearnerBase&) = delete;
  LearnerBase& operator=(const LearnerBase&) = delete;

  const std::string& name() const { return name_; }    // of its tensors in checkpoints: "energy"
  const std::string& group() const { return group_; }  // what rate and gradient norm are logged under: "vae"
  Parameters& parameters() const { return parameters_; }
  const NetworkConfig* layers() const { return layers_; }  // null where the network is no list of layers
  Adam& adam() { return adam_; }
  bool slowed() const { return bool(optimiser_.slow); }
  float lr() const { return lr_; }  // of the iteration that was prepared last
  // Σ of the squared gradient in the iteration that is under way, (1); undefined where it has not learned.
  Tensor& squared_gradient() { return squared_gradient_; }

  void prepare(int64_t iteration, double slowed);

 protected:
  // Registers itself; the parts must outlive it.
  LearnerBase(Parts& parts, const char* name, const char* group, const OptimiserSettings& optimiser,
              Parameters& parameters, const NetworkConfig* layers);
  ~LearnerBase() = default;

 private:
  std::string name_, group_;
  OptimiserSettings optimiser_;
  Parameters& parameters_;
  const NetworkConfig* layers_;
  Adam adam_;
  float lr_ = 0;
  Tensor squared_gradient_;
};

namespace detail {
template <class Net>
struct NetHolder {
  Net net_;
  const NetworkConfig* layers() const {
    if constexpr (requires { net_.config(); })
      return &net_.config();
    else
      return nullptr;
  }
};
}  // namespace detail

template <class Net>
class Learner : private detail::NetHolder<Net>, public LearnerBase {
 public:
  Learner(Parts& parts, const char* name, const char* group, const OptimiserSettings& optimiser, Net net)
      : detail::NetHolder<Net>{std::move(net)},
        LearnerBase(parts, name, group, optimiser, this->net_.parameters(), detail::NetHolder<Net>::layers()) {}

  // The network on these inputs.
  template <class... X>
  auto operator()(const X&... x) const {
    return this->net_(x...);
  }
  const Net& net() const { return this->net_; }
  Net& net() { return this->net_; }
};

// The gradients of a loss in one walk over the tape, and one step of Adam for each learner.
void learn(Tape& tape, const Var& loss, std::initializer_list<LearnerBase*> learners);
// The same in two parts: the gradients, which ranks begin to sum up, and the steps, a network's as soon as its sums are done.
// What is in between must not look at these networks' parameters as the new ones; on several GPUs the sums go on beside it.
void begin_learning(Tape& tape, const Var& loss, std::initializer_list<LearnerBase*> learners);
void end_learning(std::initializer_list<LearnerBase*> learners);

// While alive, these networks compute with their moving averages, where those are kept.
class UseAverages {
 public:
  explicit UseAverages(const std::vector<LearnerBase*>& learners);
  ~UseAverages();
  UseAverages(const UseAverages&) = delete;
  UseAverages& operator=(const UseAverages&) = delete;

 private:
  std::vector<LearnerBase*> learners_;
  std::vector<Tensor> current_;
};

}  // namespace ebm
