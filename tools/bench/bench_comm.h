// What it costs that ranks tell each other something: `ebm bench --comm`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/communicator.h"
#include "core/device.h"

namespace ebm {

// A call of the communicator, as training makes it.
struct CommCase {
  std::string call;   // of Communicator: sum | sum_doubles | add | agree
  std::string what;   // that is summed: "energy's gradient, mnist"
  int64_t bytes = 0;  // of that, on each rank; 0: nothing but the meeting
};

struct CommTime {
  CommCase of;
  double microseconds = 0;      // a call: median of the rounds, of which each is that of the slowest rank
  double least = 0, worst = 0;  // of the rounds, microseconds
  int rounds = 0;
};

// The meetings first, then sums from 1 kB to 32 MB, then what an iteration of the paper's nets sums.
std::vector<CommCase> comm_cases();

// All ranks call it; all get the same times. The sums are of tensors on that device.
CommTime measure_comm(const CommCase& which, Communicator& ranks, Device device);

// GB/s that a rank sends in a sum that goes around a ring: 2(n−1)/n of the bytes. 0 where nothing is to be said.
double ring_rate(const CommTime& time, int ranks);

}  // namespace ebm
