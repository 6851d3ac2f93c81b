#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "core/check.h"
#include "tests/logical_ranks.h"
#include "tools/bench/bench_cases.h"
#include "tools/bench/bench_comm.h"
#include "tools/bench/bench_report.h"
#include "tools/bench/bench_share.h"

namespace ebm {

TEST_CASE("a share is the largest that a rank of so many has") {
  TeachingSettings whole = bench_settings("tiny");
  whole.batch = 9, whole.chains = 8;
  CHECK(share_settings(whole, 1).batch == 9);
  const TeachingSettings share = share_settings(whole, 4);
  CHECK(share.batch == 3);
  CHECK(share.chains == 2);
  CHECK(share.width == whole.width);
  CHECK_THROWS_WITH_AS(share_settings(whole, 9),
                       doctest::Contains("received 9 ranks for a batch of 9 and 8 chains, expected at most 8"), Error);
}

TEST_CASE("a share's iteration is timed, and its file says what a model of scaling needs") {
  const TeachingSettings whole = bench_settings("tiny");
  const ShareTime time = measure_share(whole, 4, kCpu);
  CHECK(time.batch == 2);
  CHECK(time.least > 0);
  CHECK(time.least <= time.milliseconds);
  CHECK(time.milliseconds <= time.most);
  const nlohmann::json json = to_json("tiny", whole, {time});
  CHECK(json["rows"][0]["ranks"] == 4);
  CHECK(json["rows"][0]["phases_ms"]["vae"].get<double>() > 0);
  CHECK(json["batch_norms"] == 3);
  const nlohmann::json &first = json["layers"]["encoder"][0], &heads = json["layers"]["encoder"][3];
  CHECK(json["layers"]["encoder"].size() == 4);
  CHECK(first["bytes"] == 4 * (4 * 4 * 8 + 8));  // 8 filters of 4 x 4, and their biases
  CHECK(first["macs"] == 4 * 4 * 8 * 14 * 14);   // for each pixel of the map that they make
  CHECK(heads["bytes"] == 4 * 2 * (7 * 7 * 8 + 1) * whole.latent);
  CHECK(heads["macs"] == 2 * 7 * 7 * 8 * whole.latent);
  const int64_t width = whole.generator_width;
  CHECK(json["layers"]["generator"][0]["bytes"] == 4 * (4 * 4 * whole.latent * width + width));  // a shift, no bias
}

TEST_CASE("all ranks get the same times of a call, and a sum's rate is that of a ring") {
  for (const char* call : {"agree", "add", "sum_doubles", "sum"}) {
    std::vector<CommTime> times(3);
    test::on_ranks(3, [&](Communicator& ranks) {
      times[static_cast<size_t>(ranks.rank())] = measure_comm({call, "1 kB", 1024}, ranks, kCpu);
    });
    CHECK(times[0].microseconds > 0);
    CHECK(times[0].least <= times[0].microseconds);
    CHECK(times[0].microseconds <= times[0].worst);
    for (const CommTime& time : times) {
      CHECK(time.rounds == times[0].rounds);
      CHECK(time.microseconds == times[0].microseconds);
    }
  }
  const CommTime time{.of = {"sum", "4 MB", 4'000'000}, .microseconds = 1000};
  CHECK(ring_rate(time, 2) == doctest::Approx(4));  // GB/s
  CHECK(ring_rate(time, 4) == doctest::Approx(6));
  CHECK(ring_rate(time, 1) == 0);
  CHECK(ring_rate({.of = {"agree", "no error", 0}, .microseconds = 10}, 2) == 0);
  CHECK(to_json(time, 2)["gb_per_s"].get<double>() == doctest::Approx(4));
}

}  // namespace ebm
