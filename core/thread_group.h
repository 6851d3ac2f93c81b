// Ranks that are threads of this process: all of a world, or its part here, the others being reached through another
// transport whose ranks are the processes. A result does not depend on how many processes share the ranks.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/transport.h"

namespace ebm {

class ThreadGroup {
 public:
  // `ranks` in all. outside: between the processes, or nullptr where there is one; this one's ranks are its share
  // (core/communicator.h). It must outlive the group.
  explicit ThreadGroup(int ranks, Transport* outside = nullptr);
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  int first() const { return first_; }  // of the ranks here
  int count() const { return static_cast<int>(members_.size()); }
  // The transport of the i-th rank here, for one thread's use. The group must outlive it.
  std::unique_ptr<Transport> transport(int i);
  // Calls work(i) for each rank here, the first on this thread, the others on threads with as many CPU threads; returns when
  // all have ended, and throws what was thrown first.
  void run(const std::function<void(int i)>& work);
  // Ends all that wait here now or later with this Error: a rank of the group has failed.
  void fail(const std::string& why);

 private:
  struct Member {
    std::span<const std::span<const std::byte>> send;
    std::span<const std::span<std::byte>> receive;
    bool waits = false;
  };
  class Rank;

  void exchange(int i, std::span<const std::span<const std::byte>> send, std::span<const std::span<std::byte>> receive,
                double seconds);
  // Until all ranks here have come.
  void meet(int i, double seconds);
  void exchange_outside(double seconds);

  const int ranks_;
  Transport* const outside_;
  int first_ = 0;
  std::vector<Member> members_;
  std::vector<std::vector<std::byte>> sent_, received_;  // by process

  std::mutex mutex_;
  std::condition_variable met_;
  int waiting_ = 0;
  int64_t meetings_ = 0;
  std::string failure_;
};

}  // namespace ebm
