#include "core/deadline.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>

namespace ebm {

Repeatedly::Repeatedly(double seconds, std::function<bool()> action)
    : thread_([seconds, action = std::move(action)](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        do {
          never.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
        } while (!stop.stop_requested() && action());
      }) {}

Deadline::Deadline(double seconds, const std::string& line)
    : end_(seconds, [line]() -> bool {
        std::fputs((line + "\n").c_str(), stderr);
        ::_exit(1);
      }) {}

}  // namespace ebm
