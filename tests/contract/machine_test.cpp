// What the machine can do that no method of the table asks for yet, by four small methods.
#include <doctest/doctest.h>
#include <cmath>

#include "autograd/ops.h"
#include "core/check.h"
#include "kernels/chain/langevin.h"
#include "kernels/elementwise.h"
#include "kernels/random_fill.h"
#include "kernels/reduce.h"
#include "tests/test_device.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/chains/hmc.h"
#include "train/learner.h"
#include "train/trainer.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// A vector of parameters, as the smallest network: (1, d).
class Vector {
 public:
  Vector(int64_t d, Device device, uint64_t seed, uint32_t stream) {
    parameters_.add_uniform("w", {1, d}, 0.5f);
    parameters_.allocate(device, seed, stream);
  }
  const Var& operator()() const { return parameters_["w"]; }
  Parameters& parameters() { return parameters_; }

 private:
  Parameters parameters_;
};

OptimiserSettings adam(double lr) {
  return {.lr = [lr](int64_t) { return lr; }};
}

constexpr int64_t kRows = 4, kWidth = 8;

// Two stages: the first moves `a` to the data's mean, the second `b` to a's. Each launches other work.
struct TwoStages : Method {
  TwoStages(const Settings& s, Parts& parts)
      : a(parts, "a", "a", adam(0.05), {kWidth, parts.device(), s.seed, 64}),
        b(parts, "b", "b", adam(0.05), {kWidth, parts.device(), s.seed, 65}) {}
  std::vector<BatchPart> batch() const override { return {{"x", {kRows, kWidth}}}; }
  std::vector<const char*> phases() const override { return {"work"}; }
  int stage(int64_t iteration) const override { return iteration < 6 ? 0 : 1; }
  void between(int64_t) override { ++host_works; }
  void iterate(Iteration& it) override {
    it.phase("work");
    Tape tape;
    if (it.stage() == 0) {
      const Var loss = sum(square(sub(scale(sum_first(Var(it.data())), 1.0f / kRows), a())));
      learn(tape, loss, {&a});
      loss_ = loss.value();
    } else {
      const Var loss = sum(square(sub(Var(a().value()), b())));
      learn(tape, loss, {&b});
      loss_ = loss.value();
    }
  }
  void describe(ShownVisitor& v) override { v("loss", "a/loss", loss_); }
  std::string lowered(double) const override { return ""; }
  std::string advice() const override { return ""; }
  Abilities abilities() override { return {}; }

  Learner<Vector> a, b;
  int64_t host_works = 0;
  Quantity loss_;
};

// Draws twice from one stream.
struct Twice : Method {
  Twice(const Settings&, Parts&) {}
  std::vector<BatchPart> batch() const override { return {{"x", {kRows, kWidth}}}; }
  std::vector<const char*> phases() const override { return {"work"}; }
  void iterate(Iteration& it) override {
    it.phase("work");
    it.normal(Stream{64}, {kRows});
    it.uniform(Stream{64}, {kRows}, 0, 1);
  }
  void describe(ShownVisitor&) override {}
  std::string lowered(double) const override { return ""; }
  std::string advice() const override { return ""; }
  Abilities abilities() override { return {}; }
};

// Chains of several latent tensors, each row at a level of its own: the step's constants are (N) on the device.
struct Levels : Method {
  Levels(const Settings& s, Parts& parts) : w(parts, "w", "w", adam(0.01), {kWidth, parts.device(), s.seed, 64}) {}
  std::vector<BatchPart> batch() const override { return {{"x", {kRows, kWidth}}}; }
  std::vector<const char*> phases() const override { return {"chains"}; }
  void iterate(Iteration& it) override {
    it.phase("chains");
    // levels drawn on the device, and two latent tensors that live through the iteration
    LangevinRows rows{it.uniform(Stream::start, {kRows}, 0, 0.1f), it.uniform(Stream::restart, {kRows}, 0, 0.1f)};
    Tensor first = it.normal(Stream::latent, {kRows, kWidth}), second = it.normal(Stream::posterior, {kRows, kWidth});
    RandomKey key = it.key(Stream::langevin);
    for (uint32_t t = 0; t < 3; ++t) {
      key.step = 2 * t;
      langevin_step_rows(first, binary(Binary::sub, first, second), rows, key);
      key.step = 2 * t + 1;
      langevin_step_rows(second, binary(Binary::sub, second, it.data()), rows, key);
    }
    Tape tape;
    const Var loss = sum(square(sub(scale(sum_first(Var(first)), 1.0f / kRows), w())));
    learn(tape, loss, {&w});
    loss_ = loss.value();
    first_ = sum_squares(first);
    second_ = sum_squares(second);
  }
  void describe(ShownVisitor& v) override {
    v("loss", "a/loss", loss_);
    v("first", "a/first", first_);
    v("second", "a/second", second_);
  }
  std::string lowered(double) const override { return ""; }
  std::string advice() const override { return ""; }
  Abilities abilities() override { return {}; }

  Learner<Vector> w;
  Quantity loss_, first_, second_;
};

// HMC in training: every decision on the device.
struct HmcMethod : Method {
  HmcMethod(const Settings& s, Parts& parts)
      : w(parts, "w", "w", adam(0.01), {kWidth, parts.device(), s.seed, 64}),
        x_(parts.buffer("chains", Tensor::zeros({64, kWidth}, parts.device()))) {}
  std::vector<BatchPart> batch() const override { return {{"x", {kRows, kWidth}}}; }
  std::vector<const char*> phases() const override { return {"chains"}; }
  void iterate(Iteration& it) override {
    it.phase("chains");
    const Potential u = potential([](const Var& x) { return scale(sum_rows(square(x)), 0.5f); });  // N(0, I)
    Tensor x = x_.clone();
    const Tensor acceptance = hmc_chain(u, x, 3, {.step_size = 0.8, .leapfrog_steps = 2}, it.key(Stream::langevin));
    x_.copy_from(x);
    Tape tape;
    learn(tape, sum(square(w())), {&w});
    acceptance_ = sum(acceptance);
    squares_ = sum_squares(x);
  }
  void describe(ShownVisitor& v) override {
    v.quantity(acceptance_);
    v.column("acceptance", "hmc/acceptance", [this] { return acceptance_.value() / 64; });
    v("squares", "hmc/squares", squares_);
  }
  std::string lowered(double) const override { return ""; }
  std::string advice() const override { return ""; }
  Abilities abilities() override { return {}; }

  Learner<Vector> w;
  Tensor x_;  // (64, kWidth), persistent chains
  Quantity acceptance_, squares_;
};

// Two sources of data of different shapes, and a loss that one learner of two groups shares.
struct TwoSources : Method {
  TwoSources(const Settings& s, Parts& parts)
      : a(parts, "a", "both", adam(0.05), {kWidth, parts.device(), s.seed, 64}),
        b(parts, "b", "both", adam(0.05), {kWidth, parts.device(), s.seed, 65}) {}
  std::vector<BatchPart> batch() const override { return {{"a", {kRows, kWidth}}, {"b", {2 * kRows, kWidth}}}; }
  std::vector<const char*> phases() const override { return {"work"}; }
  void iterate(Iteration& it) override {
    it.phase("work");
    Tape tape;
    const Var to_a = sub(scale(sum_first(Var(it.data("a"))), 1.0f / kRows), a());
    const Var to_b = sub(scale(sum_first(Var(it.data("b"))), 0.5f / kRows), b());
    const Var loss = add(sum(square(to_a)), sum(square(to_b)));
    learn(tape, loss, {&a, &b});
    loss_ = loss.value();
  }
  void describe(ShownVisitor& v) override { v("loss", "a/loss", loss_); }
  std::string lowered(double) const override { return ""; }
  std::string advice() const override { return ""; }
  Abilities abilities() override { return {}; }

  Learner<Vector> a, b;
  Quantity loss_;
};

template <class M>
MethodRecord record(const char* name) {
  return {name, "a test's", "", {}, nullptr, nullptr, [](const Settings& s, Parts& p) -> std::unique_ptr<Method> {
            return std::make_unique<M>(s, p);
          }};
}

std::vector<Tensor> batch_of(const Trainer& trainer, int64_t iteration) {
  std::vector<Tensor> batch;
  for (const BatchPart& part : trainer.method().batch()) {
    Tensor x = Tensor::empty(part.shape, trainer.device());
    fill_normal(x, {1, Stream::data_order, static_cast<uint32_t>(iteration % 3), static_cast<uint32_t>(batch.size())},
                1.0f, 0.5f);
    batch.push_back(x);
  }
  return batch;
}

// Trains with and without graphs, and from a state in between: all the same.
std::vector<Metrics> check_machine(const MethodRecord& record, int64_t iterations) {
  const OneThread one_thread;
  const TeachingSettings s = tiny_settings(iterations);
  Trainer graph(record, s, test_device(), true), launches(record, s, test_device(), false);
  SafetensorsFile half;
  std::vector<Metrics> shown;
  for (int64_t i = 0; i < iterations; ++i) {
    if (i == iterations / 2) half = graph.state();
    shown.push_back(graph.step(batch_of(graph, i)));
    const Metrics other = launches.step(batch_of(launches, i));
    for (size_t c = 0; c < other.values.size(); ++c)
      if ((*other.columns)[c].options.judged != Judged::not_at_all) CHECK(shown.back().values[c] == other.values[c]);
  }
  const SafetensorsFile end = graph.state();
  for (const auto& [name, entry] : launches.state().tensors) CHECK(entry.data == end.tensors.at(name).data);
  Trainer resumed(record, s, test_device(), true);
  resumed.load_state(half);
  for (int64_t i = iterations / 2; i < iterations; ++i) resumed.step(batch_of(resumed, i));
  for (const auto& [name, entry] : resumed.state().tensors) CHECK(entry.data == end.tensors.at(name).data);
  return shown;
}

}  // namespace

TEST_CASE("machine: each stage has a graph of its own") {
  const std::vector<Metrics> m = check_machine(record<TwoStages>("two-stages"), 70);
  CHECK(m[5]["grad_a"] > 0);
  CHECK(m[5]["grad_b"] == 0);
  CHECK(m[6]["grad_a"] == 0);
  CHECK(m[6]["grad_b"] > 0);
  CHECK(m[69]["loss"] < 0.1 * m[6]["loss"]);
}

TEST_CASE("machine: rows of a batch at different levels, with several latent tensors") {
  const std::vector<Metrics> m = check_machine(record<Levels>("levels"), 12);
  for (const Metrics& one : m) CHECK(std::isfinite(one["first"]));
  CHECK(m[3]["second"] != m[4]["second"]);  // drawn anew in each iteration
}

TEST_CASE("machine: HMC in training accepts on the device, and keeps its target") {
  const std::vector<Metrics> m = check_machine(record<HmcMethod>("hmc"), 70);
  CHECK(m[0]["squares"] > 0);
  double acceptance = 0, squares = 0;
  for (size_t i = 20; i < m.size(); ++i) {
    acceptance += m[i]["acceptance"] / 50;
    squares += m[i]["squares"] / 50 / (64 * kWidth);
  }
  CHECK(acceptance > 0.5);
  CHECK(acceptance < 0.999);
  CHECK(squares == doctest::Approx(1).epsilon(0.05));  // the variance of N(0, 1)
}

TEST_CASE("machine: two sources of data, and one group of two learners") {
  const std::vector<Metrics> m = check_machine(record<TwoSources>("two-sources"), 70);
  CHECK(m[69]["loss"] < m[0]["loss"]);
  CHECK(m[0]["grad_both"] > 0);
  CHECK(m[0]["both_lr"] == doctest::Approx(0.05));
}

TEST_CASE("machine: a stream gives an iteration's numbers once") {
  const TeachingSettings s = tiny_settings(1);
  const MethodRecord method = record<Twice>("twice");
  Trainer trainer(method, s, test_device(), false);
  CHECK_THROWS_WITH_AS(trainer.step(batch_of(trainer, 0)), doctest::Contains("stream 64 twice"), Error);
}
