// What `ebm bench` measured, as a table and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_ceilings.h"

namespace ebm {

struct NetResult {
  std::string net;
  int64_t batch;
  std::vector<Measurement> rows;
};

// To standard output. On a GPU in TFLOP/s and with the calls, elsewhere in GFLOP/s and with the plan.
void print_net(const NetResult& result, const Ceilings& ceilings, Device device);
void print_ceilings(const Ceilings& before, const Ceilings& after);

nlohmann::json to_json(const NetResult& result, const Ceilings& ceilings);

}  // namespace ebm
