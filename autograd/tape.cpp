#include "autograd/tape.h"

#include <atomic>
#include <unordered_map>
#include <unordered_set>

#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/reduce.h"

namespace ebm {
namespace {

thread_local Tape* innermost = nullptr;

uint64_t next_var_id() {
  static std::atomic<uint64_t> next{1};
  return next++;
}

Tensor through(const LeakyMask& mask, const Tensor& dy) {
  return mask.y.defined() ? unary_backward(Unary::leaky_relu, {}, mask.y, dy, mask.negative_slope) : dy;
}

// What `walk` gives, by the targets' places.
template <class F>
std::vector<Tensor> collected(size_t targets, const F& walk) {
  std::vector<Tensor> all(targets);
  walk([&](size_t target, const Tensor& gradient) { all[target] = gradient; });
  return all;
}

}  // namespace

Var::Var(Tensor value) : state_(std::make_shared<State>(State{std::move(value), next_var_id()})) {}

Tape::Tape() : outer_(innermost) { innermost = this; }
Tape::~Tape() { innermost = outer_; }
Tape* Tape::current() { return innermost; }

void Tape::record(std::vector<Var> inputs, const Var& output, Backward backward, float negative_slope) {
  nodes_.push_back({std::move(inputs), output, std::move(backward), negative_slope});
}

std::vector<Tensor> Tape::gradient(const Var& loss, const std::vector<Var>& targets) {
  return collected(targets.size(), [&](const Take& take) { gradient(loss, targets, take); });
}

void Tape::gradient(const Var& loss, const std::vector<Var>& targets, const Take& take) {
  EBM_CHECK(loss.value().size() == 1, "gradient", "a loss of shape " + to_string(loss.shape()), "one element");
  const Tensor one = full(loss.shape(), 1.0f, loss.value().device());
  backward(
      loss, [&](const LeakyMask& mask) { return through(mask, one); }, targets, take);
}

std::vector<Tensor> Tape::gradient(const Var& y, const Tensor& dy, const std::vector<Var>& targets) {
  const auto seed = [&](const LeakyMask& mask) { return expand_first(dy, y.shape(), mask); };
  return collected(targets.size(), [&](const Take& take) { backward(y, seed, targets, take); });
}

void Tape::backward(const Var& y, const std::function<Tensor(const LeakyMask&)>& seed, const std::vector<Var>& targets,
                    const Take& take) {
  // Forward over the tape: which values depend on a target?
  std::unordered_set<uint64_t> dependent;
  for (const Var& target : targets) dependent.insert(target.id());
  const auto depends = [&](const Var& v) { return v.defined() && dependent.contains(v.id()); };
  for (const Node& node : nodes_) {
    for (const Var& input : node.inputs) {
      if (depends(input)) dependent.insert(node.output.id());
    }
  }

  // The gradient of a value that a leaky ReLU made is kept as of before that leaky ReLU: each contribution is
  // passed through early, where the op that makes it may do so in its own kernel. Targets are asked for as
  // they are; theirs is passed through late, when their own op's turn comes.
  std::unordered_set<uint64_t> asked_for;
  for (const Var& target : targets) asked_for.insert(target.id());
  std::unordered_map<uint64_t, LeakyMask> early, late;  // by Var id
  for (const Node& node : nodes_) {
    const uint64_t id = node.output.id();
    if (node.negative_slope != 1.0f && depends(node.output))
      (asked_for.contains(id) ? late : early)[id] = {node.output.value(), node.negative_slope};
  }
  const auto mask_of = [](const std::unordered_map<uint64_t, LeakyMask>& masks, const Var& v) {
    const auto found = v.defined() ? masks.find(v.id()) : masks.end();
    return found != masks.end() ? found->second : LeakyMask{};
  };

  // A target's gradient is known when the walk is past its first use.
  std::unordered_map<uint64_t, const Node*> first_use;  // by Var id
  for (const Node& node : nodes_) {
    for (const Var& input : node.inputs) {
      if (input.defined() && asked_for.contains(input.id())) first_use.try_emplace(input.id(), &node);
    }
  }
  std::unordered_map<const Node*, std::vector<size_t>> known_after;  // places in targets; nullptr: never used
  for (size_t i = 0; i < targets.size(); ++i) {
    const auto found = first_use.find(targets[i].id());
    known_after[found != first_use.end() ? found->second : nullptr].push_back(i);
  }

  // Backward over it: pass each value's gradient on to the inputs that depend on a target.
  std::unordered_map<uint64_t, Tensor> gradients;  // by Var id
  gradients[y.id()] = seed(mask_of(early, y));
  const auto pass_on = [&](const Node& node) {
    const auto dy = gradients.find(node.output.id());
    if (dy == gradients.end() || !depends(node.output)) return;

    std::vector<bool> needs(node.inputs.size());
    for (size_t i = 0; i < needs.size(); ++i) needs[i] = depends(node.inputs[i]);
    std::vector<LeakyMask> input_masks;
    for (const Var& input : node.inputs) input_masks.push_back(mask_of(early, input));
    Gradients result(through(mask_of(late, node.output), dy->second), std::move(needs), std::move(input_masks));
    node.backward(result);

    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!result.needs(i)) continue;
      const Tensor dx = through(result.take_mask(i), result[i]);
      Tensor& sum = gradients[node.inputs[i].id()];
      // never in place: one tensor may be the gradient of several values
      sum = sum.defined() ? binary(Binary::add, sum, dx) : dx;
    }
  };
  const auto give = [&](const Node* node) {
    for (const size_t i : known_after[node]) {
      const auto found = gradients.find(targets[i].id());
      const Var& target = targets[i];
      take(i, found != gradients.end() ? found->second : Tensor::zeros(target.shape(), target.value().device()));
    }
  };
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    pass_on(*node);
    give(&*node);
  }
  give(nullptr);
}

}  // namespace ebm
