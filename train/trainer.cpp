#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.h"
#include "train/learner.h"

namespace ebm {
namespace {

// The places of each group's learners, groups in order of their registration.
std::vector<std::vector<size_t>> groups_of(const Parts& parts) {
  std::vector<std::vector<size_t>> groups;
  std::vector<std::string> names;
  for (size_t i = 0; i < parts.learners().size(); ++i) {
    const auto found = std::find(names.begin(), names.end(), parts.learners()[i]->group());
    const auto group = static_cast<size_t>(found - names.begin());
    if (found == names.end()) {
      names.push_back(parts.learners()[i]->group());
      groups.emplace_back();
    }
    groups[group].push_back(i);
  }
  return groups;
}

struct Collector : ShownVisitor {
  void column(const char* name, const char* curve, std::function<float()> value,
              const ColumnOptions& options) override {
    columns.push_back({name, curve, options});
    values.push_back(std::move(value));
  }
  void quantity(Quantity& q) override { quantities.push_back(&q); }

  ShownColumns columns;
  std::vector<std::function<float()>> values;
  std::vector<Quantity*> quantities;
};

}  // namespace

ShownRows::ShownRows(Method& method, Parts& parts)
    : parts_(parts), groups_(groups_of(parts)), zero_(Tensor::zeros({1}, parts.device())) {
  Collector all;
  method.describe(all);
  quantities_ = std::move(all.quantities);
  values_ = std::move(all.values);
  std::vector<std::string> names;
  for (const std::vector<size_t>& group : groups_) names.push_back(parts.learners()[group.front()]->group());
  for (const std::string& group : names) all.columns.push_back({"grad_" + group, "gradient_norm/" + group, {}});
  for (const std::string& group : names) all.columns.push_back({group + "_lr", "learning_rate/" + group, {}});
  for (const char* phase : method.phases())
    all.columns.push_back(
        {std::string("seconds_") + phase, std::string("seconds/") + phase, {.judged = Judged::not_at_all}});
  columns_ = std::make_shared<const ShownColumns>(std::move(all.columns));
  const auto width = static_cast<int64_t>(quantities_.size() + parts.learners().size());
  rows_ = Tensor::zeros({kRows, width}, parts.device());
  sent_.emplace(rows_.shape(), parts.device());
}

void ShownRows::begin() {
  for (Quantity* q : quantities_) *q = zero_;
  for (LearnerBase* learner : parts_.learners()) learner->squared_gradient() = zero_;
}

void ShownRows::store(Scalar row) {
  std::vector<Tensor> values;
  for (const Quantity* q : quantities_) values.push_back(q->device_);
  for (LearnerBase* learner : parts_.learners()) values.push_back(learner->squared_gradient());
  store_row(values, rows_, row);
}

std::vector<float> ShownRows::of_all_ranks(std::span<const float> rows, size_t count, Communicator& ranks) const {
  const auto width = static_cast<size_t>(rows_.extent(1));
  std::vector<float> all(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count * width));
  std::vector<double> sums, largest;
  const auto for_each = [&](auto&& visit) {
    for (size_t row = 0; row < count; ++row)
      for (size_t i = 0; i < quantities_.size(); ++i) visit(quantities_[i]->over_, all[row * width + i]);
  };
  for_each([&](OverRanks over, float value) {
    if (over == OverRanks::sum) sums.push_back(value);
    if (over == OverRanks::largest) largest.push_back(value);
  });
  ranks.add(sums);
  ranks.largest(largest);
  for_each([&, sum = size_t{0}, most = size_t{0}](OverRanks over, float& value) mutable {
    if (over == OverRanks::sum) value = static_cast<float>(sums[sum++]);
    if (over == OverRanks::largest) value = static_cast<float>(largest[most++]);
  });
  return all;
}

std::vector<double> ShownRows::values(std::span<const float> rows, size_t row) {
  const float* shown = rows.data() + row * static_cast<size_t>(rows_.extent(1));
  for (Quantity* q : quantities_) q->host_ = *shown++;
  std::vector<double> values;
  for (const auto& value : values_) values.push_back(value());
  for (const std::vector<size_t>& group : groups_) {
    float squared = 0;
    for (const size_t learner : group) squared += shown[learner];
    values.push_back(std::sqrt(squared));
  }
  return values;
}

std::vector<float> ShownRows::rates() const {
  std::vector<float> rates;
  for (const std::vector<size_t>& group : groups_) rates.push_back(parts_.learners()[group.front()]->lr());
  return rates;
}

Trainer::Trainer(const Settings& s, Device device, bool use_graph, Communicator* ranks)
    : Trainer(method_record(s.method), s, device, use_graph, ranks) {}

Trainer::Trainer(const MethodRecord& record, const Settings& s, Device device, bool use_graph, Communicator* ranks)
    : settings_(s.clone()),
      ranks_(ranks ? *ranks : alone_),
      parts_(device, s.seed, use_graph),
      method_(record.make(*settings_, parts_)),
      iteration_work_(
          std::make_unique<Iteration>(device, s.seed, parts_.scalars(), method_->batch(), method_->phases(), ranks_)),
      shown_(std::make_unique<ShownRows>(*method_, parts_)),
      abilities_(method_->abilities()),
      row_(parts_.scalars().add()),
      use_graph_(use_graph) {}

Graph& Trainer::graph_of(int stage) {
  return graphs_.try_emplace(stage, device(), use_graph_ && !method_->waits(stage)).first->second;
}

Metrics Trainer::step(std::span<const Tensor> batch) {
  begin_step(batch);
  return finish_steps().back();
}

void Trainer::begin_step(std::span<const Tensor> batch) {
  iteration_work_->check(batch);
  if (static_cast<int64_t>(unread_.size()) == ShownRows::kRows) {
    receive_rows();
    send_rows();
  }
  parts_.prepare(iteration_, slowed_);
  const int stage = method_->stage(iteration_);
  iteration_work_->begin(batch, iteration_, stage);
  parts_.scalars().set(row_, static_cast<float>(unread_.size()));
  parts_.scalars().upload();
  const WorldScope scope(ranks_);
  graph_of(stage).run([this] {
    shown_->begin();
    method_->iterate(*iteration_work_);
    iteration_work_->end();
    shown_->store(parts_.scalars().scalar(row_));
  });
  method_->between(iteration_);

  unread_.push_back({++iteration_, shown_->rates()});
}

void Trainer::send_rows() {
  if (unread_.empty()) return;
  shown_->send();
  sent_ = std::exchange(unread_, {});
}

void Trainer::receive_rows() {
  if (sent_.empty()) return;
  std::span<const float> rows = shown_->receive();  // waits for these iterations
  std::vector<float> of_all;
  if (!ranks_.alone()) rows = of_all = shown_->of_all_ranks(rows, sent_.size(), ranks_);
  if (unread_.empty() || seconds_.empty()) {  // while a phase runs again its time cannot be asked for
    synchronize(device());
    seconds_ = iteration_work_->seconds();
  }
  for (size_t i = 0; i < sent_.size(); ++i) {
    Metrics m{sent_[i].iteration, columns(), shown_->values(rows, i)};
    m.values.insert(m.values.end(), sent_[i].rates.begin(), sent_[i].rates.end());
    m.values.insert(m.values.end(), seconds_.begin(), seconds_.end());
    finished_.push_back(std::move(m));
  }
  sent_.clear();
}

std::vector<Metrics> Trainer::finish_earlier_steps() {
  receive_rows();
  send_rows();
  return std::exchange(finished_, {});
}

std::vector<Metrics> Trainer::finish_steps() {
  receive_rows();
  send_rows();
  receive_rows();
  return std::exchange(finished_, {});
}

Metrics Trainer::no_metrics() const { return {0, columns(), std::vector<double>(columns()->size())}; }

Tensor Trainer::generate(const Tensor& z) const {
  need(settings_->method, Ability::generate, "generate");
  return abilities_.generate(z);
}

Tensor Trainer::encode(const Tensor& x) const {
  need(settings_->method, Ability::encode, "encode");
  return abilities_.encode(x);
}

Tensor Trainer::energy(const Tensor& x) const {
  need(settings_->method, Ability::energy, "energy");
  return abilities_.energy(x);
}

void Trainer::revise(Tensor& x, const RandomKey& key, int64_t steps, double noise_scale, int64_t first_step) const {
  if (steps == 0) return;
  need(settings_->method, Ability::chains, "Langevin steps");
  abilities_.revise(x, key, {steps, noise_scale}, first_step);
}

Potential Trainer::potential() {
  need(settings_->method, Ability::chains, "chains");
  take_averages();
  return abilities_.potential();
}

void Trainer::take_averages() {
  for (LearnerBase* learner : parts_.learners())
    if (learner->adam().has_average()) learner->parameters().flat().copy_from(learner->adam().average());
}

}  // namespace ebm
