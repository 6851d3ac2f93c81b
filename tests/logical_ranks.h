// A world of ranks that are threads of the test.
#pragma once

#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "core/communicator.h"
#include "core/thread_group.h"

namespace ebm::test {

// Calls work(its communicator) on each rank, and throws the first Error of one of them.
inline void on_ranks(int ranks, const std::function<void(Communicator&)>& work) {
  ThreadGroup group(ranks);
  std::vector<std::optional<Error>> errors(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      Communicator communicator(group.transport(r), 60);
      try {
        work(communicator);
      } catch (const Error& e) {
        errors[static_cast<size_t>(r)] = e;
        group.fail(e.received());
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& error : errors)
    if (error) throw Error(*error);
}

}  // namespace ebm::test
