#include "tools/evaluate/run_record.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("config.toml gives keys, values without quotes, and the comments above them") {
  const auto settings = parse_config("# Made by a program.\nrecipe = \"mnist\"\n\n# l: steps\nsteps = 20\nodd\nseed=7");
  REQUIRE(settings.size() == 3);
  CHECK(settings[0].key == "recipe");
  CHECK(settings[0].value == "mnist");
  CHECK(settings[0].help == "");
  CHECK(settings[1].value == "20");
  CHECK(settings[1].help == "l: steps");
  CHECK(settings[2].value == "7");
  CHECK(settings[2].help == "");
}

TEST_CASE("a run's folder is read back whole") {
  const OneThread one_thread;
  const TemporaryFolder folder;
  Notices notices;
  RunOptions options = tiny_run(folder / "run", tiny_settings(3));
  options.config = "iterations = 3\n";
  run_training(options, load_dataset("synthetic", {}, Split::train), notices);
  put(folder / "run/evaluate.json", "{}");
  put(folder / "run/scores.csv", "# of ten\niteration,FD,sure\n2,5.5,0.25\n3,4,0.5\n4,");
  put(folder / "run/trace.png", "png");
  put(folder / "run/diagnosis/chains.png", "png");
  put(folder / "run/samples/cover.png", "no iteration in its name");
  const RunRecord run = read_run(folder / "run");
  CHECK(run.setting("iterations") == "3");
  CHECK(run.setting("nothing") == "");
  REQUIRE(run.metrics);
  CHECK(run.metrics->iterations == std::vector<int64_t>{1, 2, 3});
  CHECK(run.device == describe(kCpu));
  REQUIRE(run.samples.size() == 1);
  CHECK(run.samples[0].iteration == 3);
  REQUIRE(run.results.size() == 1);
  CHECK(run.results[0].name == "evaluate.json");
  CHECK(run.pictures ==
        std::vector<std::filesystem::path>{folder / "run/trace.png", folder / "run/diagnosis/chains.png"});
  REQUIRE(run.scores);
  CHECK(run.scores->says == "of ten");
  CHECK(run.scores->names == std::vector<std::string>{"FD", "sure"});
  CHECK(run.scores->iterations == std::vector<int64_t>{2, 3});  // the last row was cut short
  CHECK(run.scores->values == std::vector<std::vector<double>>{{5.5, 4}, {0.25, 0.5}});
  CHECK(run.scores->best_iteration == -1);
  CHECK(run.notes.empty());
}

TEST_CASE("damaged parts of a run are notes, a folder without a run is an error") {
  const TemporaryFolder folder;
  put(folder / "run/metrics.csv", "not a log\n");
  put(folder / "run/checkpoint-00000002.safetensors", "junk");
  const RunRecord run = read_run(folder / "run");
  CHECK(!run.metrics);
  REQUIRE(run.notes.size() == 3);  // no config.toml, the log, the checkpoint
  CHECK(contains(run.notes[0], "config.toml"));
  CHECK(contains(run.notes[1], "metrics.csv"));
  CHECK(contains(run.notes[2], "checkpoint-00000002"));
  CHECK(contains(error_of([&] { read_run(folder.path()); }), "without config.toml"));
  CHECK(contains(error_of([&] { read_run(folder / "nowhere"); }), "nowhere"));
  CHECK(contains(error_of([&] { read_run(folder / "run/metrics.csv"); }), "no folder"));
}

TEST_CASE("of very many sample grids some are kept, spread over the run") {
  const TemporaryFolder folder;
  put(folder / "config.toml", "");
  for (int i = 1; i <= 100; ++i) put(folder / fmt::format("samples/{}.png", i * 10), "x");
  const RunRecord run = read_run(folder.path());
  REQUIRE(static_cast<int64_t>(run.samples.size()) == kMostSamples);
  CHECK(run.samples.front().iteration == 10);
  CHECK(run.samples.back().iteration == 1000);
  for (size_t i = 1; i < run.samples.size(); ++i)
    CHECK(run.samples[i].iteration - run.samples[i - 1].iteration <= 30);  // 99 gaps in 47 parts: 2 or 3 of 10
}
