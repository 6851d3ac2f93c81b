#include "tools/evaluate/metrics_table.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/train/fixtures.h"
#include "train/metrics_log.h"

using namespace ebm;
using namespace ebm::test;

namespace {

constexpr char kHeading[] = "# signs\niteration,rollbacks,energy_gap,seconds_langevin,seconds_vae\n";

MetricsTable parse(const std::string& rows) { return parse_metrics(kHeading + rows, "m.csv"); }

}  // namespace

TEST_CASE("a log's rows become columns, with the time that passed") {
  const MetricsTable table = parse("1,0,0.5,1,2\n2,0,-3e-2,0.25,0.5\n");
  CHECK(table.columns == std::vector<std::string>{"energy_gap", "seconds_langevin", "seconds_vae"});
  CHECK(table.iterations == std::vector<int64_t>{1, 2});
  CHECK(*table.column("energy_gap") == std::vector<double>{0.5, -0.03});
  CHECK(table.elapsed == std::vector<double>{3, 3.75});
  CHECK(table.column("nothing") == nullptr);
  CHECK(table.unreadable == 0);
  CHECK(table.rollbacks.empty());
}

TEST_CASE("iterations that were done again after a rollback count once, their time twice") {
  // diverged at 4, went on after 2, and was stopped before it reached 4 again
  const MetricsTable table = parse("1,0,1,1,0\n2,0,2,1,0\n3,0,3,1,0\n4,0,nan,1,0\n3,1,30,1,0\n");
  CHECK(table.iterations == std::vector<int64_t>{1, 2, 3});
  CHECK(*table.column("energy_gap") == std::vector<double>{1, 2, 30});
  CHECK(table.elapsed == std::vector<double>{1, 2, 5});
  CHECK(table.undone == 2);
  REQUIRE(table.rollbacks.size() == 1);
  CHECK(table.rollbacks[0].from == 4);
  CHECK(table.rollbacks[0].to == 2);
}

TEST_CASE("two rollbacks to the same state are two") {
  const MetricsTable table = parse("1,0,1,0,0\n2,0,2,0,0\n2,1,3,0,0\n2,2,4,0,0\n");
  CHECK(table.iterations == std::vector<int64_t>{1, 2});
  CHECK(*table.column("energy_gap") == std::vector<double>{1, 4});
  CHECK(table.rollbacks.size() == 2);
}

TEST_CASE("rows that are cut or damaged are left out and counted") {
  // the last row lacks its line's end: 0.12 may have been 0.125
  const MetricsTable table = parse("1,0,1,1,1\n2,0,1\n3,0,x,1,1\n4,0,1,1,1,1\n5,0,inf,1,1\n6,0,1,1,0.12");
  CHECK(table.iterations == std::vector<int64_t>{1, 5});
  CHECK(table.unreadable == 4);
  CHECK(std::isinf(table.column("energy_gap")->back()));
  CHECK(parse("").rows() == 0);
}

TEST_CASE("what is no metrics.csv is refused by its name") {
  for (const char* text : {"", "# only a comment\n", "a,b,c\n1,2,3\n", "iteration,rollbacksx,y\n"})
    CHECK(contains(error_of([&] { parse_metrics(text, "m.csv"); }), "m.csv"));
}

TEST_CASE("what MetricsLog writes is read back") {
  const TemporaryFolder folder;
  const ShownColumns columns{{"kl", "vae/kl", {}}, {"seconds_vae", "seconds/vae", {}}};
  Metrics metrics{0, std::make_shared<const ShownColumns>(columns), {2.5, 0.5}};
  {
    MetricsLog log(folder / "metrics.csv", columns, "", 0, 0);
    for (metrics.iteration = 1; metrics.iteration <= 3; ++metrics.iteration) log.append(metrics, 0);
  }
  const MetricsTable table = parse_metrics(get(folder / "metrics.csv"), "metrics.csv");
  CHECK(table.rows() == 3);
  CHECK(table.columns.size() == columns.size());
  CHECK(*table.column("kl") == std::vector<double>{2.5, 2.5, 2.5});
  CHECK(table.elapsed.back() == 1.5);
}
