// What a method is made of, beside its code: networks that learn, buffers, numbers that change from iteration to
// iteration. Each part registers itself here; checkpoint, snapshot, guard, averages and log go by the register.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/tape.h"
#include "kernels/scalars.h"

namespace ebm {

class LearnerBase;

// A number that the host computes for each iteration and kernels read when they start. A copy is the same number.
class Number {
 public:
  Scalar scalar() const { return scalars_->scalar(place_); }
  Var var() const { return Var(scalars_->tensor(place_)); }  // (1)

 private:
  friend class Parts;
  Number(Scalars* scalars, int place) : scalars_(scalars), place_(place) {}
  Scalars* scalars_;
  int place_;
};

class Parts {
 public:
  Parts(Device device, uint64_t seed, bool use_graph)
      : device_(device), seed_(seed), use_graph_(use_graph), scalars_(device) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  Device device() const { return device_; }
  uint64_t seed() const { return seed_; }        // of parameters, and of all that is drawn
  bool use_graph() const { return use_graph_; }  // whether chains of samples are recorded on a GPU

  // `at` maps the iterations done so far to the number. It must depend on nothing else: a resumed run asks again.
  Number number(std::function<double(int64_t iteration)> at);
  // The same of one that the guard lowers too, by Trainer::slowed: 1, or less once it has taken the run back.
  Number number(std::function<double(int64_t iteration, double slowed)> at);
  // A tensor that is trained with: kept in checkpoints under this name, and taken back with the rest.
  Tensor buffer(const char* name, Tensor initial);

  // Every tensor that the next iteration depends on, learners' first, in order of registration.
  struct Entry {
    std::string name;  // "energy" holds all parameters of that network, "energy.adam_m" its moments …
    Tensor tensor;
  };
  std::vector<Entry> entries() const;
  const std::vector<LearnerBase*>& learners() const { return learners_; }

  // For the machine: sets the numbers and rates of an iteration; `slowed`: the factor that the guard lowers.
  // Scalars have to be uploaded then.
  void prepare(int64_t iteration, double slowed);
  Scalars& scalars() { return scalars_; }

 private:
  friend class LearnerBase;
  struct Scheduled {
    int place;
    std::function<double(int64_t, double)> at;
  };

  Device device_;
  uint64_t seed_;
  bool use_graph_;
  Scalars scalars_;
  std::vector<Scheduled> numbers_;
  std::vector<LearnerBase*> learners_;  // parts of the method, which lives as long
  std::vector<Entry> buffers_;
};

}  // namespace ebm
