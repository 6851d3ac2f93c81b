// Worlds of ranks that are threads of the test, in one process or in groups that stand for processes.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/communicator.h"
#include "core/device.h"
#include "core/thread_group.h"

namespace ebm::test {

// Calls work(its communicator) on each of `ranks` ranks, one CPU thread each, and throws the first Error of one of them.
inline void on_ranks(int ranks, const std::function<void(Communicator&)>& work, int processes = 1) {
  ThreadGroup between(processes);
  std::vector<std::unique_ptr<Transport>> outside;
  std::vector<std::unique_ptr<ThreadGroup>> groups;
  for (int p = 0; p < processes; ++p) {
    outside.push_back(between.transport(p));
    groups.push_back(std::make_unique<ThreadGroup>(ranks, processes > 1 ? outside.back().get() : nullptr));
  }
  std::mutex mutex;
  std::optional<Error> first;
  std::vector<std::thread> threads;
  for (const auto& group : groups)
    threads.emplace_back([&, group = group.get()] {
      set_num_threads(1);
      try {
        group->run([&](int i) {
          Communicator communicator(group->transport(i), 60);
          work(communicator);
        });
      } catch (const Error& e) {
        const std::lock_guard lock(mutex);
        if (!first) first = e;
        between.fail(e.received());
      }
    });
  for (std::thread& thread : threads) thread.join();
  if (first) throw Error(*first);
}

}  // namespace ebm::test
