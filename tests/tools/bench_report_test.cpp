#include "tools/bench/bench_report.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tools/bench/bench_clock.h"

namespace ebm {

TEST_CASE("the report holds each rate against the ceiling of its own kind") {
  const Ceilings ceilings{.matrix = 4e12, .copy = 1e12};
  const Measurement both{.part = "ops",
                         .name = "product",
                         .milliseconds = 2,
                         .flops = 2e9,
                         .bytes = 5e8,
                         .calls = 3,
                         .kernels = 5,
                         .plan = "algorithm 1"};
  const Measurement neither{.part = "training", .name = "phase", .milliseconds = 2, .plan = ""};
  const nlohmann::json json = to_json({"mnist", 100, {both, neither}}, ceilings);
  const nlohmann::json& row = json["rows"][0];  // 2e9 in 2 ms are 1e12 a second, 5e8 bytes 2.5e11
  CHECK(row["gflops"].get<double>() == doctest::Approx(1000));
  CHECK(row["fraction_of_peak"].get<double>() == doctest::Approx(0.25));
  CHECK(row["mb"].get<double>() == doctest::Approx(500));
  CHECK(row["gb_per_s"].get<double>() == doctest::Approx(250));
  CHECK(row["fraction_of_copy"].get<double>() == doctest::Approx(0.25));
  CHECK(row["calls"] == 3);
  CHECK(row["launches"] == 5);
  CHECK(row["plan"] == "algorithm 1");
  for (const char* key :
       {"gflops", "fraction_of_peak", "mb", "gb_per_s", "fraction_of_copy", "calls", "launches", "plan"})
    CHECK_FALSE(json["rows"][1].contains(key));
  CHECK(json["step"]["num_steps"] == bench_settings("mnist").chain.steps);
  CHECK(json["training"]["generator"]["layers"][0]["batch_norm"] == true);
  CHECK(json["training"]["generator"]["layers"][0]["negative_slope"] == 0);  // ReLU
  CHECK(json["training"]["encoder"]["layers"][2]["negative_slope"].get<float>() == 0.2f);
  CHECK(json["training"]["encoder"]["layers"][2]["pad"] == nlohmann::json{1, 2});
}

TEST_CASE("of two measurements of the ceilings the larger of each counts") {
  const Ceilings best = larger({.matrix = 3, .copy = 2}, {.matrix = 1, .copy = 5});
  CHECK(best.matrix == 3);
  CHECK(best.copy == 5);
}

}  // namespace ebm
