// Reverse-mode differentiation. A Tape is a scope: while one is alive, every op of autograd/ops.h called on
// this thread is recorded on it; with none alive ops are plain evaluation.
//
//   Tape tape;
//   Var x(image);                                   // (N, H, W, C)
//   Var f = sum(energy(x));                         // (1)
//   Tensor df_dx = tape.gradient(f, {x})[0];        // (N, H, W, C): no weight gradient is computed
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "kernels/leaky_relu.h"

namespace ebm {

// A value in a computation. Copies are the same Var. Made from a tensor it is a leaf, which gradient() may
// be asked for.
class Var {
 public:
  Var() = default;
  explicit Var(Tensor value);

  bool defined() const { return state_ != nullptr; }
  const Tensor& value() const { return state_->value; }
  const Shape& shape() const { return state_->value.shape(); }
  uint64_t id() const { return state_->id; }

 private:
  struct State {
    Tensor value;
    uint64_t id;
  };
  std::shared_ptr<const State> state_;
};

// What the backward function of an op reads and fills: input i wants a gradient only if needs(i).
class Gradients {
 public:
  Gradients(const Tensor& dy, std::vector<bool> needs, std::vector<LeakyMask> masks)
      : dy_(dy), needs_(std::move(needs)), masks_(std::move(masks)), dx_(needs_.size()) {}

  const Tensor& dy() const { return dy_; }
  bool needs(size_t input) const { return needs_[input]; }
  void set(size_t input, Tensor dx) { dx_[input] = std::move(dx); }
  const Tensor& operator[](size_t input) const { return dx_[input]; }

  // The leaky ReLU that made the input, if its gradient has to go through it next. An op that takes it passes
  // its dx through, in the kernel that makes dx; for all others the tape does so in a pass of its own.
  LeakyMask take_mask(size_t input) { return std::exchange(masks_[input], {}); }

 private:
  Tensor dy_;
  std::vector<bool> needs_;
  std::vector<LeakyMask> masks_;  // y undefined: none, or taken
  std::vector<Tensor> dx_;
};

using Backward = std::function<void(Gradients&)>;

class Tape {
 public:
  Tape();   // becomes this thread's innermost tape
  ~Tape();  // what was recorded is dropped
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // d(loss)/d(target) for each target, in order, zeros where loss does not depend on it. loss has one
  // element. Only ops between a target and the loss are walked, and each computes only what the targets
  // need. May be called again for other targets.
  std::vector<Tensor> gradient(const Var& loss, const std::vector<Var>& targets);
  // The same, each given to `take` with its target's place as soon as nothing more can be added to it: targets that were
  // first used late come early. What takes them may go to work beside the rest of the walk.
  using Take = std::function<void(size_t target, const Tensor& gradient)>;
  void gradient(const Var& loss, const std::vector<Var>& targets, const Take& take);
  // The same of the loss Σ_i ⟨dy, y_i⟩ over the rows of y (N, …), dy being (1, …). The loss itself is not computed.
  std::vector<Tensor> gradient(const Var& y, const Tensor& dy, const std::vector<Var>& targets);

  // The innermost tape of this thread, or nullptr.
  static Tape* current();
  // Called by ops. An op whose last act is a leaky ReLU gives its slope: its backward function is then given
  // the gradient before that leaky ReLU.
  void record(std::vector<Var> inputs, const Var& output, Backward backward, float negative_slope = 1.0f);

 private:
  struct Node {
    std::vector<Var> inputs;
    Var output;
    Backward backward;
    float negative_slope;  // 1: no leaky ReLU at the end
  };
  // From the gradient of y, which `seed` gives passed through the leaky ReLU that made y, where one is to be.
  void backward(const Var& y, const std::function<Tensor(const LeakyMask&)>& seed, const std::vector<Var>& targets,
                const Take& take);

  std::vector<Node> nodes_;
  Tape* outer_;
};

}  // namespace ebm
