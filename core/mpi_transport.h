// Processes that a launcher (mpirun, srun) started together, and messages between them by MPI.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/transport.h"

struct EbmMpiTable;  // core/mpi_table.h

namespace ebm {

// What a launcher's environment says of this process.
struct Launched {
  std::string by;  // the variable that says so
  int size = 1;    // processes that it started
};
// Nothing without a launcher. Throws Error for a variable that is no number.
std::optional<Launched> launched();

class MpiTransport : public Transport {
 public:
  // Loads the module and starts MPI. Throws Error where this build has none, or where the processes do not find each other:
  // under a launcher of another implementation each would be alone, and all would write the same run.
  static std::unique_ptr<MpiTransport> start(const Launched& by);
  // Ends MPI, for which all have to come; a process that failed ends by _exit instead.
  ~MpiTransport() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const { return local_rank_; }  // among those of this machine
  int local_size() const { return local_size_; }
  std::string library() const;  // one line
  void exchange(std::span<const std::span<const std::byte>> send, std::span<const std::span<std::byte>> receive,
                double seconds) override;

 private:
  explicit MpiTransport(const EbmMpiTable& mpi);
  // Those of these ranks that do not answer when asked whether they wait too; all, if all do.
  std::vector<int> silent(const std::vector<int>& missing);

  const EbmMpiTable& mpi_;
  std::vector<char> answers_;  // of ranks that wait too: a late one may still be written
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
};

}  // namespace ebm
