// What is done by the clock, on a thread of its own, beside a call that takes its time.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace ebm {

// Calls an action every so many seconds while it lives, the first time after as many, until the action returns false.
class Repeatedly {
 public:
  Repeatedly(double seconds, std::function<bool()> action);

 private:
  std::jthread thread_;
};

// Ends the process with this line on stderr, and exit code 1, unless it is destroyed within so many seconds: for calls that
// can neither be given up nor asked whether they go on, as MPI's start and end.
class Deadline {
 public:
  Deadline(double seconds, const std::string& line);

 private:
  Repeatedly end_;
};

}  // namespace ebm
