// The trainer's state as named host tensors and back: what a checkpoint holds and a rollback restores.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/check.h"
#include "kernels/reduce.h"
#include "train/files/tensor_entry.h"
#include "train/learner.h"
#include "train/networks_json.h"
#include "train/trainer.h"

namespace ebm {
namespace {

constexpr char kOp[] = "checkpoint";
constexpr char kFitting[] = "a checkpoint of these networks";

int64_t read_count(const SafetensorsFile& file, const std::string& name) {
  const std::string text = read_metadata(file, name, kOp, "a checkpoint of a training run");
  EBM_CHECK(!text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos, kOp,
            name + " \"" + text + "\"", "a whole number");
  return std::stoll(text);
}

double read_factor(const SafetensorsFile& file, const std::string& name) {
  const std::string text = read_metadata(file, name, kOp, "a checkpoint of a training run");
  const double factor = std::strtod(text.c_str(), nullptr);
  EBM_CHECK(factor > 0 && factor <= 1, kOp, name + " \"" + text + "\"", "a number in (0, 1]");
  return factor;
}

std::string factor_text(double factor) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", factor);
  return text;
}

// A buffer of that network's, the flat parameters or their average, as tensors by name: "energy.conv1.weight".
std::vector<Parts::Entry> named_parameters(const LearnerBase& learner, const Tensor& flat) {
  std::vector<Parts::Entry> list;
  const Parameters& parameters = learner.parameters();
  for (size_t i = 0; i < parameters.entries().size(); ++i)
    list.push_back({learner.name() + "." + parameters.entries()[i].name, parameters.view(flat, i)});
  return list;
}

// Parts::entries as a checkpoint has them: parameters one by one, by their own names.
std::vector<Parts::Entry> named_tensors(const Parts& parts) {
  std::vector<Parts::Entry> list;
  for (const Parts::Entry& entry : parts.entries()) {
    const auto learner = std::find_if(parts.learners().begin(), parts.learners().end(),
                                      [&](const LearnerBase* each) { return each->name() == entry.name; });
    if (learner == parts.learners().end()) {
      list.push_back(entry);
      continue;
    }
    for (Parts::Entry& named : named_parameters(**learner, entry.tensor)) list.push_back(std::move(named));
  }
  return list;
}

}  // namespace

// "energy_lr_scale": of the group whose rates are lowered.
std::string Trainer::slowed_key() const {
  for (const LearnerBase* learner : parts_.learners())
    if (learner->slowed()) return learner->group() + "_lr_scale";
  return "lr_scale";
}

SafetensorsFile Trainer::state() const {
  SafetensorsFile file;
  for (const Parts::Entry& named : named_tensors(parts_)) file.tensors[named.name] = to_entry(named.tensor);
  for (LearnerBase* learner : parts_.learners())
    file.metadata[learner->name() + ".adam_steps"] = std::to_string(learner->adam().steps());
  file.metadata["iteration"] = std::to_string(iteration_);
  file.metadata[slowed_key()] = factor_text(slowed_);
  return file;
}

SafetensorsFile Trainer::model() const {
  SafetensorsFile file;
  for (LearnerBase* learner : parts_.learners()) {
    const Tensor& flat = learner->adam().has_average() ? learner->adam().average() : learner->parameters().flat();
    for (const Parts::Entry& named : named_parameters(*learner, flat))
      file.tensors[named.name] = to_entry(named.tensor);
  }
  file.metadata["iteration"] = std::to_string(iteration_);
  file.metadata["networks"] = networks_json(parts_);
  return file;
}

void Trainer::load_state(const SafetensorsFile& file) {
  // Read and check everything first: a bad file changes nothing.
  std::vector<Parts::Entry> targets = named_tensors(parts_);
  std::vector<std::vector<float>> values;
  for (const Parts::Entry& named : targets) values.push_back(read_entry(file, named.name, named.tensor, kOp, kFitting));
  std::vector<int64_t> adam_steps;
  for (const LearnerBase* learner : parts_.learners())
    adam_steps.push_back(read_count(file, learner->name() + ".adam_steps"));
  const int64_t iteration = read_count(file, "iteration");
  const double slowed = read_factor(file, slowed_key());

  for (size_t i = 0; i < targets.size(); ++i) targets[i].tensor.copy_from_host(values[i]);
  for (size_t i = 0; i < adam_steps.size(); ++i) parts_.learners()[i]->adam().set_steps(adam_steps[i]);
  iteration_ = iteration;
  slowed_ = slowed;
}

void Trainer::save(Snapshot& snapshot) const {
  const std::vector<Parts::Entry> entries = parts_.entries();
  if (snapshot.tensors.empty()) {
    for (const Parts::Entry& entry : entries) snapshot.tensors.push_back(Tensor::empty(entry.tensor.shape(), device()));
  }
  for (size_t i = 0; i < entries.size(); ++i) snapshot.tensors[i].copy_from(entries[i].tensor);
  snapshot.adam_steps.clear();
  for (LearnerBase* learner : parts_.learners()) snapshot.adam_steps.push_back(learner->adam().steps());
  snapshot.iteration = iteration_;
  snapshot.slowed = slowed_;
}

void Trainer::restore(const Snapshot& snapshot) {
  unread_.clear();
  sent_.clear();
  finished_.clear();
  std::vector<Parts::Entry> entries = parts_.entries();
  for (size_t i = 0; i < entries.size(); ++i) entries[i].tensor.copy_from(snapshot.tensors[i]);
  for (size_t i = 0; i < snapshot.adam_steps.size(); ++i)
    parts_.learners()[i]->adam().set_steps(snapshot.adam_steps[i]);
  iteration_ = snapshot.iteration;
  slowed_ = snapshot.slowed;
}

std::vector<float> Trainer::sums() const {
  std::vector<float> sums;
  for (const Parts::Entry& entry : parts_.entries()) sums.push_back(sum(entry.tensor).item());
  return sums;
}

bool Trainer::is_finite() const {
  const std::vector<float> all = sums();
  return std::all_of(all.begin(), all.end(), [](float sum) { return std::isfinite(sum); });
}

void Trainer::write_snapshot(const Snapshot& snapshot, const std::string& prefix, SafetensorsFile& file) const {
  const std::vector<Parts::Entry> entries = parts_.entries();
  for (size_t i = 0; i < entries.size(); ++i) file.tensors[prefix + entries[i].name] = to_entry(snapshot.tensors[i]);
  for (size_t i = 0; i < snapshot.adam_steps.size(); ++i)
    file.metadata[prefix + parts_.learners()[i]->name() + ".adam_steps"] = std::to_string(snapshot.adam_steps[i]);
  file.metadata[prefix + "iteration"] = std::to_string(snapshot.iteration);
  file.metadata[prefix + slowed_key()] = factor_text(snapshot.slowed);
}

Trainer::Snapshot Trainer::read_snapshot(const SafetensorsFile& file, const std::string& prefix) const {
  Snapshot snapshot;
  for (const Parts::Entry& entry : parts_.entries()) {
    Tensor tensor = Tensor::empty(entry.tensor.shape(), device());
    tensor.copy_from_host(read_entry(file, prefix + entry.name, tensor, kOp, kFitting));
    snapshot.tensors.push_back(tensor);
  }
  for (const LearnerBase* learner : parts_.learners())
    snapshot.adam_steps.push_back(read_count(file, prefix + learner->name() + ".adam_steps"));
  snapshot.iteration = read_count(file, prefix + "iteration");
  snapshot.slowed = read_factor(file, prefix + slowed_key());
  return snapshot;
}

}  // namespace ebm
