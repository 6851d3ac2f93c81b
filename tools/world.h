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
  int local_rank() const;        // among the processes on this machine
  int local_size() const;
  // See Communicator::connect. What sums on a GPU come to later ends the process with its line.
  void connect(Device device);

  // Whether this process is one of several; told without MPI.
  static bool is_one_of_several();

 private:
  MpiTransport* mpi_ = nullptr;
  Communicator ranks_;
};

// Where processes of one machine are given no number of threads, each takes its part of the cores: what --threads says.
void share_cores(World& world, const std::string& threads);
// Where processes of one machine are given no GPU by name, each takes one of its own, as long as there are some: what the
// flag --device then says.
std::string own_device(World& world, const std::string& device);
// Throws Error, on all ranks, unless all compute on the CPU or each on a GPU of its own.
void check_devices(Communicator& ranks, Device device);

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
