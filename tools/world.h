// The processes that a launcher started to train one model together: `mpirun -n 4 ./train_ebm_vae mnist`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/communicator.h"

namespace ebm {

class MpiTransport;

class World {
 public:
  // Starts MPI where a launcher started this process, and nothing otherwise. Throws Error where that cannot be.
  World();
  ~World();

  Communicator& ranks() { return ranks_; }
  int local_size() const;  // processes on this machine
  int local_rank() const;  // this one's place among them

  // Whether this process is one of several; told without MPI.
  static bool is_one_of_several();

 private:
  MpiTransport* mpi_ = nullptr;
  Communicator ranks_;
};

// Runs main's body, the world being up; returns its code. A process of several that fails ends at once, since the others
// would wait for it, and names itself.
int run_in_world(const std::function<int(World&)>& body);

// x becomes rank 0's, of at most 4095 bytes.
void broadcast(Communicator& ranks, std::string& x);

}  // namespace ebm
