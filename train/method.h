// A method: a system that can be trained. What it has in common with others is the machine's (train/trainer.h); what
// it is, is one file of train/methods/.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "train/abilities.h"
#include "train/iteration.h"
#include "train/parts.h"
#include "train/settings.h"
#include "train/shown.h"

namespace ebm {

class Method {
 public:
  virtual ~Method() = default;

  // The tensors that an iteration reads, with the shape of a whole batch.
  virtual std::vector<BatchPart> batch() const = 0;
  // The phases of an iteration, as its time is logged.
  virtual std::vector<const char*> phases() const = 0;

  // The device's work of one iteration: the same launches each time, and nothing that waits for the device (but see
  // waits()). No iteration number is in reach: what changes is a Number of Parts, or drawn from `it`.
  virtual void iterate(Iteration& it) = 0;
  // Iterations of different stages may launch different work; each stage is recorded by itself.
  virtual int stage(int64_t /*iteration*/) const { return 0; }
  // Whether an iteration of this stage waits for the device (the start of a network from data): it is never recorded.
  virtual bool waits(int /*stage*/) const { return false; }
  // Work of the host after an iteration that is no part of the device's record.
  virtual void between(int64_t /*iteration*/) {}

  // What the columns of metrics.csv mean, in the file's first line: signs above all.
  virtual std::string signs() const { return ""; }
  // The numbers that it shows.
  virtual void describe(ShownVisitor& v) = 0;
  // What Trainer::slowed has lowered, as a diverged run tells it: "the energy's learning rate at 0.5 of its setting".
  virtual std::string lowered(double slowed) const = 0;
  // What to try where that did not help: "a lower --energy-lr".
  virtual std::string advice() const = 0;
  // What it can be asked once trained. Valid as long as the method.
  virtual Abilities abilities() = 0;
};

// A method by name. The list of all is in train/methods/table.cpp.
struct MethodRecord {
  const char* name;   // as in --method
  const char* says;   // one line
  const char* start;  // what samples are before any chain: "uniform noise"
  std::vector<Ability> abilities;
  std::unique_ptr<Settings> (*settings)();  // defaults
  void (*shown)(ShownVisitor&);             // the columns of Method::describe, without building a network
  std::unique_ptr<Method> (*make)(const Settings&, Parts&);
  int64_t most_samples = 0;              // that differ; 0: any number
  const char* steps = "Langevin steps";  // what samples' chains take, in messages
};
std::span<const MethodRecord> methods();
// Throws Error for a name that is none.
const MethodRecord& method_record(const std::string& name);
// Whether the method has a setting of that flag, as in "energy-lr".
bool has_setting(const MethodRecord& record, const std::string& flag);
bool can(const std::string& method, Ability ability);
// Throws Error, naming the methods that would do, where this one cannot: what would be computed says nothing of the run.
void need(const std::string& method, Ability ability, const std::string& op);

}  // namespace ebm
