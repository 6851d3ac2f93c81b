// The machine that trains any method: gives it iterations, records them as graphs, reads what they show, and keeps,
// gives back and restores its state. It names no method (train/method.h) and knows no network.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/communicator.h"
#include "core/download.h"
#include "core/graph.h"
#include "train/files/safetensors.h"
#include "train/method.h"

namespace ebm {

// The columns of what iterations show, and the rows of them that the device holds.
class ShownRows {
 public:
  static constexpr int64_t kRows = 64;  // iterations whose numbers the device holds

  ShownRows(Method& method, Parts& parts);

  const std::shared_ptr<const ShownColumns>& columns() const { return columns_; }
  void begin();                                               // before an iteration's work: no quantity is assigned
  void store(Scalar row);                                     // at its end, recorded with it: writes them to that row
  void send() { sent_->start(rows_); }                        // begins to copy the rows to the host
  std::span<const float> receive() { return sent_->host(); }  // waits for them
  // The first `count` rows with the quantities of all ranks in place of this one's.
  std::vector<float> of_all_ranks(std::span<const float> rows, size_t count, Communicator& ranks) const;
  // The values of the columns of that row, but for rates and times.
  std::vector<double> values(std::span<const float> rows, size_t row);
  // The learning rate of each group, in the iteration that was prepared last.
  std::vector<float> rates() const;

 private:
  Parts& parts_;
  std::vector<Quantity*> quantities_;
  std::vector<std::function<float()>> values_;
  std::vector<std::vector<size_t>> groups_;  // places of each group's learners, groups as they were registered
  std::shared_ptr<const ShownColumns> columns_;
  Tensor zero_;                   // (1), the value of a quantity that is not assigned
  Tensor rows_;                   // (kRows, quantities and learners)
  std::optional<Download> sent_;  // a copy of rows_
};

class Trainer {
 public:
  // On a GPU an iteration is recorded as a CUDA graph and replayed, and so are chains of samples, unless use_graph is
  // false. ranks: that train the model together, each with a trainer and its share of the settings' batch and chains; it
  // must outlive the trainer. nullptr: this one alone. All have the same state, and the same metrics, after each
  // iteration.
  Trainer(const Settings& settings, Device device, bool use_graph = true, Communicator* ranks = nullptr);
  // A method that is in no table, as tests have them.
  Trainer(const MethodRecord& record, const Settings& settings, Device device, bool use_graph = true,
          Communicator* ranks = nullptr);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // One iteration on a batch, begun and waited for. Throws nothing for NaN: the guard (train/guard.h) judges the
  // metrics. The batch: a tensor for each part of Method::batch, this rank's share of its rows.
  Metrics step(std::span<const Tensor> batch);
  Metrics step(const Tensor& x) { return step(std::span(&x, 1)); }
  // The same in two parts, so that a GPU need not wait for the host. begin_step() gives the device one iteration's
  // work and returns; then the batch may be overwritten in order with the device's work. finish_steps() waits for all
  // iterations begun, and returns the metrics of those that were not returned before, in order.
  void begin_step(std::span<const Tensor> batch);
  void begin_step(const Tensor& x) { begin_step(std::span(&x, 1)); }
  std::vector<Metrics> finish_steps();
  // The same, but waits only for the iterations that had been begun when one of these two was last called: the device
  // goes on with the others while the host looks at the numbers.
  std::vector<Metrics> finish_earlier_steps();

  // What the model can be asked. Valid as long as the trainer.
  const Abilities& abilities() const { return abilities_; }
  Samples sample(int64_t n, const RandomKey& key, int64_t steps, double noise_scale, int64_t first_row = 0) const {
    return abilities_.sample(n, key, {steps, noise_scale, first_row});
  }
  // These throw Error where the model cannot.
  Tensor generate(const Tensor& z) const;
  Tensor encode(const Tensor& x) const;
  Tensor energy(const Tensor& x) const;
  void revise(Tensor& x, const RandomKey& key, int64_t steps, double noise_scale, int64_t first_step = 0) const;
  // U of the moving averages, where they are kept, which the networks become for good.
  Potential potential();
  // The networks become their moving averages where those are kept: to compute with, not to train on.
  void take_averages();

  int64_t iteration() const { return iteration_; }  // iterations done
  double slowed() const { return slowed_; }         // factor of the rates that the guard lowers
  void set_slowed(double factor) { slowed_ = factor; }
  const Settings& settings() const { return *settings_; }
  Device device() const { return parts_.device(); }
  Communicator& ranks() const { return ranks_; }
  Method& method() const { return *method_; }
  const Parts& parts() const { return parts_; }
  // The columns of all metrics.
  const std::shared_ptr<const ShownColumns>& columns() const { return shown_->columns(); }
  // Metrics of zeros.
  Metrics no_metrics() const;

  // Everything the next iteration depends on, as host tensors: parameters by name ("energy.conv1.weight"), Adam's
  // moments and averages ("energy.adam_m", "energy.average"), buffers, and counters as metadata.
  SafetensorsFile state() const;
  // Takes such a state; throws Error, and changes nothing, if a tensor is missing or of another shape.
  void load_state(const SafetensorsFile& state);

  // What the abilities compute with: each network's parameters by name ("energy.conv1.weight"), the moving averages where
  // they are kept, as host tensors. Metadata: "iteration", and "networks", which describes their layers in JSON
  // (docs/manual.md).
  SafetensorsFile model() const;

  // The same kept on the device: cheap enough for every few iterations. save() reuses the memory of a snapshot that
  // was taken before.
  struct Snapshot {
    std::vector<Tensor> tensors;      // of Parts::entries
    std::vector<int64_t> adam_steps;  // of each learner
    int64_t iteration = 0;
    double slowed = 1.0;
  };
  void save(Snapshot& snapshot) const;
  void restore(const Snapshot& snapshot);
  // Σ of each tensor that a snapshot holds: of equal states the same bits. Waits for the device.
  std::vector<float> sums() const;
  // Whether all of it is finite.
  bool is_finite() const;
  // A snapshot as tensors and metadata whose names begin with `prefix`, beside the state in a checkpoint.
  void write_snapshot(const Snapshot& snapshot, const std::string& prefix, SafetensorsFile& file) const;
  // Takes one back; throws Error as load_state.
  Snapshot read_snapshot(const SafetensorsFile& file, const std::string& prefix) const;

 private:
  struct Begun {  // an iteration whose numbers were not received
    int64_t iteration;
    std::vector<float> rates;  // of each group
  };
  void send_rows();     // begins to copy the numbers of unread_ to the host; they are sent_
  void receive_rows();  // waits for them; sent_ to finished_
  Graph& graph_of(int stage);
  std::string slowed_key() const;

  const std::unique_ptr<const Settings> settings_;
  Communicator alone_;
  Communicator& ranks_;
  Parts parts_;
  std::unique_ptr<Method> method_;
  std::unique_ptr<Iteration> iteration_work_;
  std::unique_ptr<ShownRows> shown_;
  Abilities abilities_;
  int row_;  // place in the scalars
  int64_t iteration_ = 0;
  double slowed_ = 1.0;  // lowered by the guard

  std::vector<Begun> unread_, sent_;
  std::vector<Metrics> finished_;  // not returned yet
  std::vector<double> seconds_;    // of each phase, when last none was under way
  const bool use_graph_;
  std::map<int, Graph> graphs_;  // of each stage
};

}  // namespace ebm
