#include "autograd/tape.h"

#include <atomic>
#include <unordered_map>
#include <unordered_set>

#include "core/check.h"
#include "kernels/elementwise.h"

namespace ebm {
namespace {

thread_local Tape* innermost = nullptr;

uint64_t next_var_id() {
  static std::atomic<uint64_t> next{1};
  return next++;
}

}  // namespace

Var::Var(Tensor value) : state_(std::make_shared<State>(State{std::move(value), next_var_id()})) {}

Tape::Tape() : outer_(innermost) { innermost = this; }
Tape::~Tape() { innermost = outer_; }
Tape* Tape::current() { return innermost; }

void Tape::record(std::vector<Var> inputs, const Var& output, Backward backward) {
  nodes_.push_back({std::move(inputs), output, std::move(backward)});
}

std::vector<Tensor> Tape::gradient(const Var& loss, const std::vector<Var>& targets) {
  EBM_CHECK(loss.value().size() == 1, "gradient", "a loss of shape " + to_string(loss.shape()), "one element");

  // Forward over the tape: which values depend on a target?
  std::unordered_set<uint64_t> dependent;
  for (const Var& target : targets) dependent.insert(target.id());
  const auto depends = [&](const Var& v) { return v.defined() && dependent.contains(v.id()); };
  for (const Node& node : nodes_) {
    for (const Var& input : node.inputs) {
      if (depends(input)) dependent.insert(node.output.id());
    }
  }

  // Backward over it: pass each value's gradient on to the inputs that depend on a target.
  std::unordered_map<uint64_t, Tensor> gradients;  // by Var id
  gradients[loss.id()] = full(loss.shape(), 1.0f, loss.value().device());
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    const auto dy = gradients.find(node->output.id());
    if (dy == gradients.end() || !depends(node->output)) continue;

    std::vector<bool> needs(node->inputs.size());
    for (size_t i = 0; i < needs.size(); ++i) needs[i] = depends(node->inputs[i]);
    Gradients result(dy->second, std::move(needs));
    node->backward(result);

    for (size_t i = 0; i < node->inputs.size(); ++i) {
      if (!result.needs(i)) continue;
      Tensor& sum = gradients[node->inputs[i].id()];
      // never in place: one tensor may be the gradient of several values
      sum = sum.defined() ? binary(Binary::add, sum, result[i]) : result[i];
    }
  }

  std::vector<Tensor> out;
  for (const Var& target : targets) {
    const auto found = gradients.find(target.id());
    out.push_back(found != gradients.end() ? found->second
                                           : Tensor::zeros(target.shape(), target.value().device()));
  }
  return out;
}

}  // namespace ebm
