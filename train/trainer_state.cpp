// The trainer's state as named host tensors and back: what a checkpoint holds and a rollback restores.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/check.h"
#include "kernels/reduce.h"
#include "train/tensor_entry.h"
#include "train/trainer.h"

namespace ebm {
namespace {

constexpr char kOp[] = "checkpoint";

int64_t read_count(const SafetensorsFile& file, const std::string& name) {
  const std::string text = read_metadata(file, name, kOp, "a checkpoint of a training run");
  EBM_CHECK(!text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos, kOp,
            name + " \"" + text + "\"", "a whole number");
  return std::stoll(text);
}

}  // namespace

SafetensorsFile Trainer::state() const {
  SafetensorsFile file;
  for (const Network& network : networks_) {
    const std::string prefix = std::string(network.name) + ".";
    const Parameters& parameters = *network.parameters;
    for (size_t i = 0; i < parameters.entries().size(); ++i)
      file.tensors[prefix + parameters.entries()[i].name] = to_entry(parameters.vars()[i].value());
    file.tensors[prefix + "adam_m"] = to_entry(network.adam->m());
    file.tensors[prefix + "adam_v"] = to_entry(network.adam->v());
    if (network.adam->has_average()) file.tensors[prefix + "average"] = to_entry(network.adam->average());
    file.metadata[prefix + "adam_steps"] = std::to_string(network.adam->steps());
  }
  if (buffer_.defined()) file.tensors["replay_buffer"] = to_entry(buffer_);
  file.metadata["iteration"] = std::to_string(iteration_);
  char scale[32];
  std::snprintf(scale, sizeof scale, "%.17g", energy_lr_scale_);
  file.metadata["energy_lr_scale"] = scale;
  return file;
}

void Trainer::load_state(const SafetensorsFile& file) {
  // Read and check everything first: a bad file changes nothing.
  struct Pending {
    Tensor target;
    std::vector<float> values;
  };
  std::vector<Pending> pending;
  const auto read = [&](const std::string& name, const Tensor& target) {
    pending.push_back({target, read_entry(file, name, target, kOp, "a checkpoint of these networks")});
  };
  std::vector<int64_t> adam_steps;
  for (const Network& network : networks_) {
    const std::string prefix = std::string(network.name) + ".";
    const Parameters& parameters = *network.parameters;
    for (size_t i = 0; i < parameters.entries().size(); ++i)
      read(prefix + parameters.entries()[i].name, parameters.vars()[i].value());
    read(prefix + "adam_m", network.adam->m());
    read(prefix + "adam_v", network.adam->v());
    if (network.adam->has_average()) read(prefix + "average", network.adam->average());
    adam_steps.push_back(read_count(file, prefix + "adam_steps"));
  }
  if (buffer_.defined()) read("replay_buffer", buffer_);
  const int64_t iteration = read_count(file, "iteration");
  const std::string scale_text = read_metadata(file, "energy_lr_scale", kOp, "a checkpoint of a training run");
  const double scale = std::strtod(scale_text.c_str(), nullptr);
  EBM_CHECK(scale > 0 && scale <= 1, kOp, "energy_lr_scale \"" + scale_text + "\"", "a number in (0, 1]");

  for (Pending& p : pending) p.target.copy_from_host(p.values);
  for (size_t i = 0; i < networks_.size(); ++i) networks_[i].adam->set_steps(adam_steps[i]);
  iteration_ = iteration;
  energy_lr_scale_ = scale;
}

std::vector<Tensor> Trainer::buffer_list() const {
  std::vector<Tensor> list;
  for (const Network& network : networks_) {
    list.insert(list.end(), {network.parameters->flat(), network.adam->m(), network.adam->v()});
    if (network.adam->has_average()) list.push_back(network.adam->average());
  }
  if (buffer_.defined()) list.push_back(buffer_);
  return list;
}

void Trainer::save(Snapshot& snapshot) const {
  const std::vector<Tensor> list = buffer_list();
  if (snapshot.buffers.empty()) {
    for (const Tensor& buffer : list) snapshot.buffers.push_back(Tensor::empty(buffer.shape(), device_));
  }
  for (size_t i = 0; i < list.size(); ++i) snapshot.buffers[i].copy_from(list[i]);
  snapshot.adam_steps.clear();
  for (const Network& network : networks_) snapshot.adam_steps.push_back(network.adam->steps());
  snapshot.iteration = iteration_;
  snapshot.energy_lr_scale = energy_lr_scale_;
}

bool Trainer::is_finite() const {
  const std::vector<Tensor> list = buffer_list();
  return std::all_of(list.begin(), list.end(),
                     [](const Tensor& buffer) { return std::isfinite(sum(buffer).item()); });
}

void Trainer::restore(const Snapshot& snapshot) {
  unread_.clear();
  sent_.clear();
  finished_.clear();
  std::vector<Tensor> list = buffer_list();
  for (size_t i = 0; i < list.size(); ++i) list[i].copy_from(snapshot.buffers[i]);
  for (size_t i = 0; i < networks_.size(); ++i) networks_[i].adam->set_steps(snapshot.adam_steps[i]);
  iteration_ = snapshot.iteration;
  energy_lr_scale_ = snapshot.energy_lr_scale;
}

}  // namespace ebm
