// What a run leaves when it is stopped, killed, or can write no more.
#include <doctest/doctest.h>

#include "tests/tools/program.h"
#include "train/checkpoint.h"

using namespace ebm;
using namespace ebm::test;

namespace {

Outcome train(const TemporaryFolder& folder, const std::vector<std::string>& arguments, int64_t file_limit = 0) {
  return Program(EBM_TRAIN_PROGRAM, arguments, folder.path(), file_limit).wait();
}

size_t rows(const std::filesystem::path& path) {
  const std::string text = get(path);
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("SIGINT and SIGTERM save and end, and the run goes on from there") {
  for (const int number : {SIGINT, SIGTERM}) {
    const TemporaryFolder folder;
    Program program(EBM_TRAIN_PROGRAM, tiny({"synthetic", "--iterations", "1000000", "--out", "run"}), folder.path());
    REQUIRE(eventually([&] { return rows(folder / "run/metrics.csv") >= 5; }));
    program.signal(number);
    const Outcome outcome = program.wait();
    CHECK(outcome.code == 128 + number);
    CHECK(contains(outcome.out, "--resume run"));
    const Checkpoint checkpoint = read_checkpoint(folder / "run");
    const int64_t done = checkpoint_iteration(checkpoint.path);
    CHECK(static_cast<int64_t>(rows(folder / "run/metrics.csv")) == done + 2);
    const Outcome more =
        train(folder, {"synthetic", "--resume", "run", "--iterations", std::to_string(done + 2), "--device", "cpu"});
    CHECK_MESSAGE(more.code == 0, more.err);
    CHECK(checkpoint_iteration(read_checkpoint(folder / "run").path) == done + 2);
  }
}

TEST_CASE("kill -9 leaves a valid checkpoint") {
  const TemporaryFolder folder;
  Program program(EBM_TRAIN_PROGRAM,
                  tiny({"synthetic", "--iterations", "1000000", "--checkpoint-every", "1", "--out", "run"}),
                  folder.path());
  REQUIRE(eventually([&] { return list_checkpoints(folder / "run").size() >= 2; }));
  program.signal(SIGKILL);
  CHECK(program.wait().code == 128 + SIGKILL);
  const int64_t done = checkpoint_iteration(read_checkpoint(folder / "run").path);
  const Outcome more = train(folder, {"--resume", "run", "--iterations", std::to_string(done + 1), "--device", "cpu"});
  CHECK_MESSAGE(more.code == 0, more.err);
}

TEST_CASE("a folder that cannot be written is one line") {
  const TemporaryFolder folder;
  put(folder / "file", "not a folder");
  CHECK(train(folder, tiny({"synthetic", "--out", "file/run"})).is_error_with("file/run"));
  CHECK(train(folder, tiny({"synthetic", "--out", "/dev/full"})).is_error_with("/dev/full"));
  CHECK(train(folder, tiny({"synthetic", "--out", "/proc/run"})).is_error_with("/proc/run"));
}

TEST_CASE("a full disk is one line and costs no checkpoint") {
  const TemporaryFolder folder;
  REQUIRE(train(folder, tiny({"synthetic", "--iterations", "2", "--out", "run"})).code == 0);
  const std::string good = (folder / "run/checkpoint-00000002.safetensors").string();
  const std::string bytes = get(good);
  const int64_t limit = static_cast<int64_t>(bytes.size()) / 2;  // room for all but the checkpoint
  const Outcome full = train(folder, {"--resume", "run", "--iterations", "4", "--device", "cpu"}, limit);
  CHECK(full.is_error_with("last good checkpoint: run/checkpoint-00000002.safetensors"));
  CHECK(get(good) == bytes);
  CHECK(list_checkpoints(folder / "run").size() == 1);
  for (const auto& entry : std::filesystem::directory_iterator(folder / "run"))
    CHECK_MESSAGE(!contains(entry.path().filename().string(), "tmp"), entry.path().string());
  const Outcome later = train(folder, {"--resume", "run", "--iterations", "4", "--device", "cpu"});
  CHECK_MESSAGE(later.code == 0, later.err);

  CHECK(train(folder, tiny({"synthetic", "--iterations", "2", "--out", "small"}), 900).is_error_with("small"));
}

TEST_CASE("output that cannot be printed is an error, and a line that cannot be printed costs no exit code") {
  const TemporaryFolder folder;
  REQUIRE(train(folder, tiny({"synthetic", "--iterations", "2", "--out", "run"})).code == 0);
  const auto shell = [&](const std::string& command) {
    return Program("/bin/sh", {"-c", "exec " + std::string(EBM_PROGRAM) + " " + command}, folder.path()).wait();
  };
  CHECK(shell("info run > /dev/full").is_error_with("No space left on device"));
  put(folder / "small.sh",
      "trap '' XFSZ; ulimit -f 0; exec \"$@\" > out");  // noticed when the output is flushed, at the end
  CHECK(Program("/bin/sh", {"small.sh", EBM_PROGRAM, "info", "run"}, folder.path()).wait().code == 1);
  CHECK(shell("info run").code == 0);
  CHECK(shell("info nowhere 2> /dev/full").code == 1);
}

TEST_CASE("what --resume cannot go on with is refused") {
  const TemporaryFolder folder;
  REQUIRE(train(folder, tiny({"synthetic", "--iterations", "4", "--checkpoint-every", "2", "--out", "run"})).code == 0);
  CHECK(train(folder, {"synthetic", "--resume", "run"}).is_error_with("all 4 iterations are done"));
  CHECK(train(folder, {"mnist", "--resume", "run"}).is_error_with("recipe mnist"));
  CHECK(train(folder, {"--resume", "run", "--iterations", "6", "--latent", "9"}).is_error_with("--latent 9"));
  CHECK(train(folder, {"--resume", "run", "--iterations", "6", "--profile", "paper"}).is_error_with("--profile paper"));
  CHECK(train(folder, {"synthetic", "--resume"}).is_error_with("no run of synthetic"));
  CHECK(train(folder, {"--resume", "nowhere"}).is_error_with("nowhere"));
  REQUIRE(train(folder, tiny({"synthetic", "--iterations", "1", "--out", "other"})).code == 0);
  CHECK(train(folder, {"--resume", "run", "--iterations", "6", "--out", "other"})
            .is_error_with("other, which holds a run"));
  const std::string last = "run/checkpoint-00000004.safetensors";
  put(folder / last, get(folder / last).substr(0, 1000));
  CHECK(train(folder, {"--resume", "run", "--iterations", "6"})
            .is_error_with("the one before it is valid: run/checkpoint-00000002"));
  const Outcome before =
      train(folder, {"--resume", "run/checkpoint-00000002.safetensors", "--iterations", "6", "--device", "cpu"});
  CHECK_MESSAGE(before.code == 0, before.err);
}

TEST_CASE("what a resumed run changes is told, and stays in config.toml and the report") {
  const TemporaryFolder folder;
  REQUIRE(train(folder, tiny({"synthetic", "--iterations", "2", "--energy-lr", "0.0005", "--out", "run"})).code == 0);
  const Outcome changed = train(folder, {"--resume", "run", "--iterations", "3", "--energy-lr", "0.001",
                                         "--checkpoint-every", "7", "--device", "cpu"});
  CHECK_MESSAGE(changed.code == 0, changed.err);
  const char* kChanges[] = {"energy-lr 0.0005 -> 0.001", "checkpoint-every 500 -> 7"};
  for (const std::string change : kChanges) CHECK(contains(changed.out, "changed, from iteration 2 on: " + change));
  const Outcome more = train(folder, {"--resume", "run", "--iterations", "4", "--device", "cpu"});
  CHECK(!contains(more.out, "changed"));
  const std::string config = get(folder / "run/config.toml"), report = get(folder / "run/report.html");
  for (const std::string change : kChanges) {
    CHECK(contains(config, "\n# changed at iteration 2: " + change + "\n"));
    CHECK(contains(report, "\"changed at iteration 2: " + change + "\""));
  }
}

TEST_CASE("a run's folder is refused to a second program while the first one trains there") {
  const TemporaryFolder folder;
  REQUIRE(train(folder, tiny({"synthetic", "--iterations", "2", "--out", "run"})).code == 0);
  Program first(EBM_TRAIN_PROGRAM,
                {"--resume", "run", "--iterations", "1000000", "--checkpoint-every", "0", "--device", "cpu"},
                folder.path());
  REQUIRE(eventually([&] { return rows(folder / "run/metrics.csv") >= 6; }));
  CHECK(train(folder, {"--resume", "run", "--iterations", "1000000", "--device", "cpu"})
            .is_error_with("run, where process "));
  first.signal(SIGKILL);
  first.wait();
  CHECK(std::filesystem::exists(folder / "run/run.lock"));
  const Outcome later = train(folder, {"--resume", "run", "--iterations", "3", "--device", "cpu"});
  CHECK_MESSAGE(later.code == 0, later.err);
}

TEST_CASE("--resume finds the latest run of a recipe, and a checkpoint in the current folder") {
  const TemporaryFolder folder;
  for (const char* out : {"runs/synthetic-9", "runs/long"})
    REQUIRE(train(folder, tiny({"synthetic", "--iterations", "2", "--out", out})).code == 0);
  const Outcome latest = train(folder, {"synthetic", "--resume", "--iterations", "3", "--device", "cpu"});
  CHECK_MESSAGE(latest.code == 0, latest.err);
  CHECK(contains(latest.out, "/runs/long/report.html\n"));
  const Outcome here = Program(EBM_TRAIN_PROGRAM,
                               {"--resume", "checkpoint-00000002.safetensors", "--iterations", "3", "--device", "cpu"},
                               folder / "runs/synthetic-9")
                           .wait();
  CHECK_MESSAGE(here.code == 0, here.err);
  CHECK(std::filesystem::exists(folder / "runs/synthetic-9/checkpoint-00000003.safetensors"));
}
