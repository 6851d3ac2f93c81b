// What a method works with in one iteration. There is no iteration number: on a GPU the work is recorded once and
// replayed, so what changes is a Number (train/parts.h), or is drawn from here.
#pragma once

#include <string_view>
#include <vector>

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
            const std::vector<const char*>& phases);

  // This iteration's data, a part of Method::batch. Throws Error for a name that is none.
  const Tensor& data(std::string_view part = "x") const;
  // The key of what is drawn for a purpose.
  RandomKey key(Stream stream) const { return {seed_, stream, 0, 0, scalars_.offset(random_)}; }
  // N(0, 1) of a shape.
  Tensor normal(Stream stream, const Shape& shape) const;
  // U(low, high) of a shape.
  Tensor uniform(Stream stream, const Shape& shape, float low, float high) const;
  // Method::stage of this iteration: may decide what is launched, as each stage is recorded by itself.
  int stage() const { return stage_; }
  // Begins a phase, one of Method::phases: what follows is timed as seconds_NAME, up to the next one.
  void phase(std::string_view name);

  // For the machine.
  std::vector<Tensor>& batch() { return data_; }
  void begin(int64_t iteration, int stage) {
    stage_ = stage;
    scalars_.set_offset(random_, {static_cast<uint32_t>(iteration), 0, 0});
  }
  void end() { timer_.end(); }
  double seconds(int phase) const { return timer_.seconds(phase); }

 private:
  Device device_;
  uint64_t seed_;
  Scalars& scalars_;
  int random_;
  std::vector<BatchPart> parts_;
  std::vector<Tensor> data_;
  std::vector<const char*> phases_;
  PhaseTimer timer_;
  int stage_ = 0;
};

}  // namespace ebm
