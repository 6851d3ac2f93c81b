#include "train/run.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "core/check.h"
#include "core/memory.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "train/files/file_io.h"
#include "train/files/run_lock.h"

using namespace ebm;
using namespace ebm::test;

namespace fs = std::filesystem;

TEST_CASE("after the first iterations a run asks the system for no memory") {
  struct Allocations : RunObserver {
    void stepped(const Metrics& m) override {
      if (m.iteration == 8) before = memory_stats(kCpu).system_allocations;
      if (m.iteration == 20) after = memory_stats(kCpu).system_allocations;
    }
    uint64_t before = 0, after = 1;
  } allocations;
  const OneThread one_thread;
  const TemporaryFolder folder;
  TeachingSettings s = tiny_settings(20);
  s.guard_every = 2;
  s.ema_decay = 0.9;
  run_training(tiny_run(folder / "run", s), load_dataset("synthetic", {}, Split::train), allocations);
  CHECK(allocations.before == allocations.after);
}

TEST_CASE("reading the losses of several iterations together changes neither them nor the run") {
  const FixedPlans fixed;
  const OneThread one_thread;
  const TemporaryFolder folder;
  TeachingSettings s = tiny_settings(12);
  s.guard_every = 6;
  const Dataset data = load_dataset("synthetic", {}, Split::train);
  struct Seen : RunObserver {
    void stepped(const Metrics& m) override {
      losses.push_back({static_cast<double>(m.iteration), m["f_data"], m["kl"]});
    }
    std::vector<std::vector<double>> losses;
  } one_by_one, together;
  RunOptions options = tiny_run(folder / "1", s);
  const RunResult first = run_training(options, data, one_by_one);
  options.folder = folder / "5";
  options.run.read_every = 5;
  const RunResult second = run_training(options, data, together);
  CHECK(one_by_one.losses.size() == 12);
  CHECK(one_by_one.losses == together.losses);
  CHECK(read_file(first.checkpoint, 1 << 28) == read_file(second.checkpoint, 1 << 28));
}

TEST_CASE("scores are taken when they are due and change nothing; the lowest one keeps its checkpoint") {
  const FixedPlans fixed;
  const OneThread one_thread;
  const TemporaryFolder folder;
  const TeachingSettings s = tiny_settings(8);
  const Dataset data = load_dataset("synthetic", {}, Split::train);
  RunObserver nobody;
  RunOptions options = tiny_run(folder / "plain", s);
  const RunResult plain = run_training(options, data, nobody);

  options = tiny_run(folder / "scored", s);
  options.run.score_every = 3;
  std::vector<int64_t> measured;
  options.score = RunScore{"a parabola", {"distance"}, [&](const Trainer& trainer) {
                             measured.push_back(trainer.iteration());
                             trainer.sample(4, {1, Stream::sample, 0, 0}, 2, 1.0);
                             if (trainer.iteration() == 3) EBM_FAIL("score", "nothing", "a number");
                             return std::vector<double>{std::abs(trainer.iteration() - 6.5)};
                           }};
  struct Told : RunObserver {
    void notice(const std::string& line) override { lines += line + "\n"; }
    void say(const std::string& line) override { lines += line + "\n"; }
    std::string lines;
  } told;
  const RunResult scored = run_training(options, data, told);
  CHECK(measured == std::vector<int64_t>{3, 6, 8});  // and at the end
  CHECK(contains(told.lines, "no score at iteration 3: "));
  CHECK(contains(told.lines, "iteration 6: distance 0.5, the best so far\n"));
  CHECK(contains(told.lines, "iteration 8: distance 1.5\n"));
  CHECK(scored.best == "distance 0.5 at iteration 6");
  CHECK(get(folder / "scored/scores.csv") == "# a parabola\niteration,distance\n6,0.5\n8,1.5\n");
  CHECK(read_checkpoint(folder / "scored/best.safetensors").file.metadata.at("iteration") == "6");
  const SafetensorsFile a = read_checkpoint(plain.checkpoint).file, b = read_checkpoint(scored.checkpoint).file;
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, entry] : a.tensors) CHECK_MESSAGE(entry.data == b.tensors.at(name).data, name);
}

TEST_CASE("one program a run's folder: a second one is refused, and a lock that was left behind is taken over") {
  const OneThread one_thread;
  const TemporaryFolder folder;
  const fs::path run = folder / "run", lock_file = run / RunLock::kName;
  fs::create_directories(run);
  RunObserver silent;
  const auto train = [&] {
    run_training(tiny_run(run, tiny_settings(1)), load_dataset("synthetic", {}, Split::train), silent);
  };
  {
    const RunLock lock(run);
    CHECK(contains(get(lock_file), "process " + std::to_string(::getpid()) + " on "));
    const std::string error = error_of(train);
    CHECK(contains(error, run.string() + ", where process " + std::to_string(::getpid()) + " on "));
    CHECK(contains(error, "one run at a time"));
    CHECK(folder.entries() == 1);
    CHECK(!fs::exists(run / "metrics.csv"));
  }
  CHECK(!fs::exists(lock_file));
  put(lock_file, "process 1 on a machine that was switched off\n");
  CHECK(error_of(train) == "");
  CHECK(!fs::exists(lock_file));
  CHECK(contains(error_of([&] { RunLock none(folder / "none"); }), "none/run.lock: No such file"));
}

TEST_CASE("samples come about a dozen times in a run, more often at first, and at its end") {
  for (const int64_t total : {1, 2, 10, 100, 3000, 200000}) {
    int64_t count = 0, early = 0;
    for (int64_t done = 1; done <= total; ++done) {
      if (!samples_due(done, total, 0)) continue;
      ++count;
      early += done <= total / 4;
    }
    CHECK(samples_due(total, total, 0));
    CHECK(count <= 15);
    if (total >= 100) CHECK(count == 15);
    if (total >= 100) CHECK(early == 7);
  }
  CHECK(samples_due(6, 10, 3));
  CHECK(!samples_due(7, 10, 3));
  CHECK(samples_due(10, 10, 3));
}
