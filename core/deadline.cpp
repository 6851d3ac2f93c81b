#include "core/deadline.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace ebm {

Deadline::Deadline(double seconds, std::string line)
    : thread_([seconds, line = std::move(line)](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        never.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
        if (stop.stop_requested()) return;
        std::fputs((line + "\n").c_str(), stderr);
        ::_exit(1);
      }) {}

}  // namespace ebm
