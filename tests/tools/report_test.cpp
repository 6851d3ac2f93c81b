// The report that every run leaves, and ./ebm report.
#include <doctest/doctest.h>

#include "tests/tools/program.h"

using namespace ebm;
using namespace ebm::test;

namespace {

Outcome train(const TemporaryFolder& folder, const std::vector<std::string>& arguments) {
  return Program(EBM_TRAIN_PROGRAM, tiny(arguments), folder.path()).wait();
}

Outcome report(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "report");
  return Program(EBM_PROGRAM, arguments, folder.path()).wait();
}

}  // namespace

TEST_CASE("a run leaves its report, and two runs make one page") {
  const TemporaryFolder folder;
  for (const char* name : {"first", "second"}) {
    const Outcome run = train(folder, {"synthetic", "--iterations", "2", "--out", name});
    REQUIRE_MESSAGE(run.code == 0, run.err);
    CHECK(contains(run.out, "report.html"));
    CHECK(contains(get(folder / name / "report.html"), "data:image/png;base64,"));
  }
  const Outcome both = report(folder, {"first", "second", "--out", "both.html"});
  CHECK_MESSAGE(both.code == 0, both.err);
  CHECK(contains(both.out, "report of 2 runs in both.html"));
  const std::string page = get(folder / "both.html");
  CHECK(contains(page, "\"name\":\"first\""));
  CHECK(contains(page, "\"name\":\"second\""));
  const Outcome twice = report(folder, {"first", "second", "first/", "--out", "twice.html"});
  CHECK(contains(twice.out, "note: first/ is given twice and shown once"));
  CHECK(contains(twice.out, "report of 2 runs in twice.html"));
  std::filesystem::remove(folder / "first/report.html");
  CHECK(contains(report(folder, {"first"}).out, "report of 1 run in first/report.html"));
  CHECK(std::filesystem::exists(folder / "first/report.html"));
}

TEST_CASE("the page is there from the first iteration on, reloads itself while the run goes on, and can be watched") {
  const TemporaryFolder folder;
  Program program(EBM_TRAIN_PROGRAM, tiny({"synthetic", "--iterations", "1000000", "--out", "run"}), folder.path());
  REQUIRE(eventually([&] { return contains(get(folder / "run/report.html"), "</html>"); }));
  const std::string page = get(folder / "run/report.html");
  CHECK(contains(page, "\"live\":30"));
  Program watch(EBM_PROGRAM, {"report", "--watch", "--every", "1", "run", "--out", "watched page.html"}, folder.path());
  REQUIRE(eventually([&] { return contains(get(folder / "watched page.html"), "\"live\":1"); }));
  program.signal(SIGINT);
  const Outcome trained = program.wait(), watched = watch.wait();
  CHECK(trained.code == 128 + SIGINT);
  CHECK(contains(trained.out, "to look on while it trains: file:///"));
  CHECK(watched.code == 0);
  CHECK(contains(watched.out, "/watched%20page.html\n"));
  for (const char* name : {"run/report.html", "watched page.html"}) CHECK(!contains(get(folder / name), "\"live\":"));
}

TEST_CASE("a stopped run and one that diverged for good have a report") {
  const TemporaryFolder folder;
  Program program(EBM_TRAIN_PROGRAM, tiny({"synthetic", "--iterations", "1000000", "--out", "run"}), folder.path());
  REQUIRE(eventually([&] { return contains(get(folder / "run/metrics.csv"), "\n5,"); }));
  program.signal(SIGINT);
  CHECK(program.wait().code == 128 + SIGINT);
  CHECK(std::filesystem::exists(folder / "run/report.html"));

  const Outcome diverged = train(folder, {"synthetic", "--iterations", "100", "--out", "bad", "--energy-lr", "0.9",
                                          "--guard-retries", "0", "--quiet"});
  CHECK(diverged.is_error_with("training"));
  CHECK(std::filesystem::exists(folder / "bad/report.html"));
}

TEST_CASE("a report that cannot be written is a note and costs the run nothing") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "run/report.html/in the way");
  const Outcome run = train(folder, {"synthetic", "--iterations", "2", "--out", "run"});
  CHECK(run.code == 0);
  CHECK(contains(run.err, "note: no report: "));
  CHECK(contains(run.out, "done: 2 iterations"));
  CHECK(run.out.ends_with("\nrun\n"));  // where else the page's address would stand
}

TEST_CASE("what is no run, or cannot be written, is one line") {
  const TemporaryFolder folder;
  put(folder / "run/config.toml", "");
  put(folder / "empty/file", "");
  CHECK(report(folder, {}).is_error_with("--run is required"));
  CHECK(report(folder, {"nowhere"}).is_error_with("nowhere"));
  CHECK(report(folder, {"run", "empty"}).is_error_with("empty without config.toml"));
  CHECK(report(folder, {"run/config.toml"}).is_error_with("no folder"));
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK(report(folder, {"loop"}).is_error_with("loop: Too many levels of symbolic links"));
  CHECK(report(folder, {"run", "--out", "no/such/page.html"}).is_error_with("no/such"));
  CHECK(report(folder, {"run", "--out", "run"}).is_error_with("run"));
  CHECK(report(folder, {"run", "--out", "page.pdf"}).is_error_with("page.pdf, expected a name that ends in .html"));
  CHECK(!std::filesystem::exists(folder / "page.pdf"));
  CHECK(report(folder, {"run", "--uot", "x"}).is_error_with("did you mean --out?"));
  CHECK(report(folder, std::vector<std::string>(9, "run")).is_error_with("9 runs"));
  CHECK(!std::filesystem::exists(folder / "report.html"));
}
