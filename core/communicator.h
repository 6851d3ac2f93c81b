// The ranks that train one model: each has a share of an iteration's rows, and sums bring together what concerns all. Sums
// on the CPU are made in the order of the ranks, in double, and rounded once: all ranks get the same bits, whatever
// processes they are in. Those on GPUs are NCCL's, which gives all ranks the same bits too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/tensor.h"
#include "core/transport.h"

namespace ebm {

class NcclCommunicator;

struct Share {
  int64_t first = 0, count = 0;  // of a list that all ranks have
};
// Part r of n in `parts` parts that differ by 1 at most, the longer ones first.
Share share_of(int64_t n, int r, int parts);

class Communicator {
 public:
  Communicator();  // a world of one: nothing is sent, nothing changed
  // seconds: how long a call waits for the others before it names those that did not come.
  explicit Communicator(std::unique_ptr<Transport> transport, double seconds = 60);
  // Work that was recorded (core/graph.h) with its sums must be gone.
  ~Communicator();
  Communicator(Communicator&&) noexcept;
  Communicator& operator=(Communicator&&) noexcept;

  // Gets ready for sums on that device; all ranks come, each with a GPU of its own. Nothing on the CPU. Throws Error where
  // NCCL is missing or refuses. `end` is called with what sums on the GPU come to later, on any thread: an error of theirs, or
  // a wait for the device of more than the communicator's seconds. It must end the process, whose GPU may wait for ever.
  void connect(Device device, std::function<void(const Error&)> end);
  // This rank goes no further. Where it is connected on a GPU this calls `end`: destructors would wait for sums that the other
  // ranks do not come to. Returns otherwise.
  void end(const Error& error) const;

  int rank() const { return transport_ ? transport_->rank() : 0; }
  int size() const { return transport_ ? transport_->size() : 1; }
  bool alone() const { return size() == 1; }
  // This rank's part of n rows. Throws Error where there are fewer rows than ranks.
  Share share(int64_t n) const;

  // x becomes the sum over all ranks. On a GPU in order with the device's work, and recorded with it.
  void sum(Tensor& x);
  // The same of doubles in a buffer on that device.
  void sum_doubles(double* x, int64_t n, Device device);
  // The same beside what a GPU does until join() of the number that is returned, or of a later one: x is the sum then, and must
  // not be touched between the two. What is begun in a record is joined in it, and x outlives it. On the CPU x is the sum at
  // once.
  int64_t begin_sum(Tensor& x);
  void join(int64_t begun);

  // Of the host, small. Each waits for the others. x becomes the sum, or the largest, over all ranks.
  void add(std::span<double> x);
  void largest(std::span<double> x);
  // x becomes rank 0's.
  void broadcast(std::span<std::byte> x);
  // What each rank gives, by rank: on rank 0, and nothing elsewhere. The strings may hold any bytes.
  std::vector<std::string> gather_to_first(const std::string& mine);
  // Throws on all ranks the first error that one of them gives, and names the rank; a meeting otherwise.
  void agree(const std::optional<Error>& mine);
  // Throws on all ranks where one's number is not rank 0's: of what has to be alike, as "settings" or "parameters", and what
  // is expected of it.
  void check_alike(uint64_t mine, const char* what, const std::string& expected);
  // Does this rank's work, and agrees on its error.
  void together(const std::function<void()>& work);
  // Rank 0's work, which may take long: its error is thrown on all. The others wait up to `seconds` for it, as long as its
  // process shows that it is alive; it waits for none, so that a rank that fails meanwhile is found as soon as usual in
  // what follows.
  void by_first(const std::function<void()>& work, double seconds);
  void set_seconds(double seconds) { seconds_ = seconds; }

 private:
  // `all`: what each rank gives, by rank.
  void gather(std::span<const std::byte> mine, std::span<std::byte> all);
  NcclCommunicator& nccl(Device device) const;
  void sum_on_cpu(Tensor& x);

  std::unique_ptr<Transport> transport_;
  double seconds_ = 60;
  std::unique_ptr<NcclCommunicator> nccl_;
  std::vector<float> given_, total_;  // of sum_on_cpu, kept: memory new to the process costs more than the sum
};

// This thread's world: what an iteration is shared out to. A world of one but while a WorldScope lives, so that sampling,
// which each rank does by itself, knows of no others.
Communicator& world();

class WorldScope {
 public:
  explicit WorldScope(Communicator& world);
  ~WorldScope();
  WorldScope(const WorldScope&) = delete;
  WorldScope& operator=(const WorldScope&) = delete;

 private:
  Communicator* outer_;
};

// Rows that ranks have shares of, put together on all of them: x is this rank's share (count, …) of n rows.
Tensor gather_rows(const Tensor& x, int64_t n);

}  // namespace ebm
