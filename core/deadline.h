// For calls that can neither be given up nor asked whether they go on: MPI's start and end.
#pragma once

#include <string>
#include <thread>

namespace ebm {

// Ends the process with this line on stderr, and exit code 1, unless it is destroyed within so many seconds.
class Deadline {
 public:
  Deadline(double seconds, std::string line);

 private:
  std::jthread thread_;
};

}  // namespace ebm
