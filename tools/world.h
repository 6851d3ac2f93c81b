// The processes that a launcher started to train one model together: `mpirun -n 4 ./train_ebm_vae mnist`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/communicator.h"

namespace ebm {

class MpiTransport;
class Transport;

class World {
 public:
  // Starts MPI where a launcher started this process, and nothing otherwise. Throws Error where that cannot be.
  World();
  ~World();

  Communicator& ranks() { return ranks_; }
  Transport* processes() const;  // between them; nullptr for one
  int local_size() const;        // processes on this machine

  // Whether this process is one of several; told without MPI.
  static bool is_one_of_several();

 private:
  MpiTransport* mpi_ = nullptr;
  Communicator ranks_;
};

// Runs main's body, the world being up; returns its code. A process of several that fails ends at once, since the others
// would wait for it, and names itself.
int run_in_world(const std::function<int(World&)>& body);

// Loads what all ranks need: rank 0 first, which may have to fetch or to make it, for which the others wait up to an hour.
template <class T>
T load_in_turn(Communicator& ranks, const std::function<T()>& load) {
  constexpr double kSeconds = 3600;
  std::optional<T> loaded;
  ranks.by_first([&] { loaded = load(); }, kSeconds);
  ranks.together([&] {
    if (!loaded) loaded = load();
  });
  return std::move(*loaded);
}

// x becomes rank 0's, of at most 4095 bytes.
void broadcast(Communicator& ranks, std::string& x);

}  // namespace ebm
