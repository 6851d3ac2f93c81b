// Bytes between the ranks of a world: threads of this process (core/thread_group.h), processes (core/mpi_transport.h).
#pragma once

#include <cstddef>
#include <span>

namespace ebm {

class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Gives send[r] to rank r and fills receive[r] with what rank r gave this one, for all r, itself included. All ranks
  // call it, in the same order, and sizes agree; an empty span is no message. Returns when all is there. Throws Error that
  // names the ranks from which nothing had come when `seconds` had passed.
  virtual void exchange(std::span<const std::span<const std::byte>> send, std::span<const std::span<std::byte>> receive,
                        double seconds) = 0;
};

}  // namespace ebm
