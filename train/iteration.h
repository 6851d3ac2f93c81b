// What a method works with in one iteration. There is no iteration number: on a GPU the work is recorded once and
// replayed, so what changes is a Number (train/parts.h), or is drawn from here.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/communicator.h"
#include "core/phase_timer.h"
#include "core/random.h"
#include "kernels/scalars.h"

namespace ebm {

// A tensor of a batch: "x" (n, H, W, C).
struct BatchPart {
  const char* name;
  Shape shape;  // of the whole batch
};

class Iteration {
 public:
  // For the machine (train/trainer.cpp). `random`: place in the scalars of the offset that stands for the iteration.
  Iteration(Device device, uint64_t seed, Scalars& scalars, const std::vector<BatchPart>& batch,
            const std::vector<const char*>& phases, Communicator& ranks);

  // This rank's rows of n that all ranks have together: data, chains. A mean over them is mean(…, n).
  Share share(int64_t n) const { return ranks_.share(n); }
  // This rank's rows of this iteration's data, a part of Method::batch. Throws Error for a name that is none.
  const Tensor& data(std::string_view part = "x") const;
  // The key of what is drawn for a purpose, one stream each: throws Error at the second call for a stream in an
  // iteration, whose draws would be those of the first.
  RandomKey key(Stream stream);
  // This rank's rows of N(0, 1), of a shape (n, …) that all ranks have together: (share(n).count, …).
  Tensor normal(Stream stream, const Shape& shape);
  // The same of U(low, high).
  Tensor uniform(Stream stream, const Shape& shape, float low, float high);
  // Method::stage of this iteration: may decide what is launched, as each stage is recorded by itself.
  int stage() const { return stage_; }
  // Begins a phase, one of Method::phases: what follows is timed as seconds_NAME, up to the next one.
  void phase(std::string_view name);

  // For the machine. Throws Error unless the batch is a tensor of its shape for each part.
  void check(std::span<const Tensor> batch) const;
  // Takes a batch that was checked; scalars have to be uploaded then.
  void begin(std::span<const Tensor> batch, int64_t iteration, int stage);
  void end() { timer_.end(); }
  std::vector<double> seconds() const;  // of each phase; see PhaseTimer::seconds

 private:
  Device device_;
  uint64_t seed_;
  Scalars& scalars_;
  Communicator& ranks_;
  int random_;
  std::vector<BatchPart> parts_;  // of this rank
  std::vector<Tensor> data_;
  std::vector<Stream> drawn_;  // from, in this iteration
  std::vector<const char*> phases_;
  PhaseTimer timer_;
  int stage_ = 0;
};

}  // namespace ebm
