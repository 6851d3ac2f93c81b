// What `ebm bench` measured, as a table and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_ceilings.h"
#include "tools/bench/bench_comm.h"
#include "tools/bench/bench_share.h"

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

// Rows are printed as they are measured, below their head.
void print_comm_head();
void print_comm(const CommTime& time, int ranks);
nlohmann::json to_json(const CommTime& time, int ranks);

void print_share_head(const std::string& net, const TeachingSettings& whole);
// whole: the time of one rank's, to which the others are compared.
void print_share(const ShareTime& time, const ShareTime& whole);
// A net's shares, with what a model of scaling needs to know of it (tools/scripts/scaling_model.py).
nlohmann::json to_json(const std::string& net, const TeachingSettings& whole, const std::vector<ShareTime>& times);

}  // namespace ebm
