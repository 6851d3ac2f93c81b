#include "train/checkpoint.h"

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"

using namespace ebm;
using namespace ebm::test;

namespace fs = std::filesystem;

namespace {

const Dataset& synthetic() {
  static const Dataset dataset = load_dataset("synthetic", {}, Split::train);
  return dataset;
}

RunResult run(RunOptions options) {
  RunObserver silent;
  return run_training(options, synthetic(), silent);
}

// metrics.csv without the columns that tell seconds.
std::vector<std::string> rows(const fs::path& folder) {
  std::vector<std::string> list;
  std::ifstream file(folder / "metrics.csv");
  int seconds = 0;  // columns, the last ones
  for (std::string line; std::getline(file, line);) {
    for (size_t at = line.find(",seconds_"); at != std::string::npos; at = line.find(",seconds_", at + 1)) ++seconds;
    if (!line.starts_with("#"))
      for (int i = 0; i < seconds; ++i) line.resize(line.rfind(','));
    list.push_back(line);
  }
  return list;
}

// Makes folder/run with the checkpoints of iterations 2 and 4.
RunOptions run_of_two_checkpoints(const TemporaryFolder& folder) {
  RunOptions options = tiny_run(folder / "run", tiny_settings(4));
  options.run.checkpoint_every = 2;
  run(options);
  return options;
}

}  // namespace

TEST_CASE("20 iterations are 10, a resume and 10 more, bit for bit") {
  const FixedPlans fixed;
  const TemporaryFolder folder;
  TeachingSettings s = tiny_settings(20);
  s.ema_decay = 0.9;
  s.lr_tau = 50;
  s.guard_every = 4;
  run(tiny_run(folder / "whole", s));

  RunOptions half = tiny_run(folder / "halves", s);
  change(half, [](Settings& own) { own.iterations = 10; });
  run(half);
  RunOptions rest = tiny_run(folder / "halves", s);
  rest.resume = std::make_shared<const Checkpoint>(read_checkpoint(folder / "halves"));
  CHECK(run(rest).iterations == 20);

  const std::string name = "checkpoint-00000020.safetensors";
  CHECK(get(folder / "whole" / name) == get(folder / "halves" / name));
  CHECK(rows(folder / "whole") == rows(folder / "halves"));
  CHECK(rows(folder / "whole").size() == 22);
}

TEST_CASE("a run goes on where its metrics have the columns of another version") {
  const FixedPlans fixed;
  const TemporaryFolder folder;
  run(tiny_run(folder / "run", tiny_settings(2)));
  const std::string text = get(folder / "run/metrics.csv");
  const size_t kl = text.find(",kl,");
  put(folder / "run/metrics.csv", text.substr(0, kl) + ",gone" + text.substr(kl + 3));
  RunOptions rest = tiny_run(folder / "run", tiny_settings(4));
  rest.resume = std::make_shared<const Checkpoint>(read_checkpoint(folder / "run"));
  CHECK(run(rest).iterations == 4);
  const std::string now = get(folder / "run/metrics.csv");
  CHECK(contains(now, ",kl,"));
  CHECK_FALSE(contains(now, ",gone,"));
  CHECK(std::count(now.begin(), now.end(), '\n') == 2 + 4);
  put(folder / "run/metrics.csv", "x,y\n1,2\n");
  rest.resume = std::make_shared<const Checkpoint>(read_checkpoint(folder / "run"));
  change(rest, [](Settings& own) { own.iterations = 6; });
  CHECK_THROWS_WITH_AS(run(rest), doctest::Contains("a metrics.csv of this program"), Error);
}

TEST_CASE("a run that was stopped and goes on from an older checkpoint repeats what came after") {
  const OneThread one_thread;
  const FixedPlans fixed;
  const TemporaryFolder folder;
  RunOptions options = tiny_run(folder / "run", tiny_settings(8));
  options.run.checkpoint_every = 2;
  int asked = 0;
  options.stop_requested = [&] { return ++asked == 7; };
  const RunResult stopped = run(options);
  CHECK(stopped.stopped);
  CHECK(stopped.iterations == 7);
  const auto list = list_checkpoints(folder / "run");
  REQUIRE(list.size() == 3);  // 4, 6, 7: the last three
  CHECK(checkpoint_iteration(list[0]) == 4);

  const fs::path picture = folder / "run" / "samples" / "00000007.png";  // of the iteration that it was stopped at
  REQUIRE(fs::exists(picture));

  options.stop_requested = nullptr;
  options.resume = std::make_shared<const Checkpoint>(read_checkpoint(list[0]));
  Notices told;
  CHECK(run_training(options, synthetic(), told).iterations == 8);
  CHECK(told.lines ==
        std::vector<std::string>{"of iterations after 4, which are done again, 2 checkpoints, 1 picture and "
                                 "3 rows of metrics.csv are set aside (*.set-aside)"});
  CHECK(fs::exists(list[2].string() + ".set-aside"));
  CHECK(!fs::exists(picture));
  CHECK(fs::exists(picture.string() + ".set-aside"));
  const std::string aside = get(folder / "run" / "metrics.csv.set-aside");
  CHECK(contains(aside, "\n5,0,"));
  CHECK(contains(aside, "\n7,0,"));
  CHECK(!contains(aside, "\n4,0,"));
  RunOptions whole = tiny_run(folder / "whole", tiny_settings(8));
  whole.run.checkpoint_every = 2;
  run(whole);
  CHECK(rows(folder / "whole") == rows(folder / "run"));
  CHECK(get(folder / "whole" / "checkpoint-00000008.safetensors") ==
        get(folder / "run" / "checkpoint-00000008.safetensors"));
}

TEST_CASE("a damaged or foreign checkpoint is refused and the one before it offered") {
  const OneThread one_thread;
  const TemporaryFolder folder;
  run_of_two_checkpoints(folder);
  const fs::path good = folder / "run" / "checkpoint-00000002.safetensors";
  const fs::path last = folder / "run" / "checkpoint-00000004.safetensors";
  CHECK(read_checkpoint(folder / "run").path == last);

  const std::string whole = get(last);
  put(last, whole.substr(0, whole.size() / 2));
  std::string error = error_of([&] { read_checkpoint(folder / "run"); });
  CHECK(contains(error, last.string()));
  CHECK(contains(error, "the one before it is valid: " + good.string()));

  SafetensorsFile foreign;
  foreign.tensors["weight"] = {"F32", {1}, std::vector<std::byte>(4)};
  write_safetensors(last, foreign);
  error = error_of([&] { read_checkpoint(last); });
  CHECK(contains(error, "another program"));
  CHECK(contains(error, good.string()));

  SafetensorsFile odd = read_checkpoint(good).file;
  odd.metadata["iteration"] = "four";
  odd.metadata.erase(kCheckpointChecksum);
  write_safetensors(last, odd);
  CHECK(contains(error_of([&] { read_checkpoint(last); }), "iteration \"four\""));

  put(good, "");
  error = error_of([&] { read_checkpoint(last); });
  CHECK(!contains(error, "before it"));
  CHECK(contains(error_of([&] { read_checkpoint(folder / "none"); }), "not there"));
  CHECK(contains(error_of([&] { read_checkpoint(folder.path()); }), "without a checkpoint"));
}

TEST_CASE("a checkpoint with one bit changed is refused, wherever it is") {
  const OneThread one_thread;
  const TemporaryFolder folder;
  run_of_two_checkpoints(folder);
  const fs::path last = folder / "run" / "checkpoint-00000004.safetensors";
  const std::string whole = get(last);
  const size_t text = whole.find("a test's");  // of config.toml, in the metadata
  REQUIRE(text != std::string::npos);
  for (const size_t at : {whole.size() - 5, whole.size() / 2, text}) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put(last, changed);
    const std::string error = error_of([&] { read_checkpoint(last); });
    CHECK(contains(error, last.string()));
    CHECK(contains(error, "the one before it is valid: "));
  }
  put(last, whole);
  SafetensorsFile old = read_checkpoint(last).file;
  old.metadata.erase(kCheckpointChecksum);
  write_safetensors(last, old);
  CHECK(read_checkpoint(last).path == last);  // of a version that wrote none
}

TEST_CASE("the store keeps the last few checkpoints") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["weight"] = {"F32", {1}, std::vector<std::byte>(4)};
  CheckpointStore store(folder.path(), 3);
  CHECK(store.last().empty());
  for (const int64_t iteration : {1, 20, 300, 4000, 123456789}) store.write(iteration, file);
  put(folder / "checkpoint-x.safetensors", "not one of ours");
  const auto list = list_checkpoints(folder.path());
  REQUIRE(list.size() == 3);
  CHECK(list[0].filename() == "checkpoint-00000300.safetensors");
  CHECK(store.last().filename() == "checkpoint-123456789.safetensors");
}

TEST_CASE("checkpoints of iterations that are done again are set aside, each under its own name") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["weight"] = {"F32", {1}, std::vector<std::byte>(4)};
  CheckpointStore store(folder.path(), 3);
  store.write(10, file);
  for (const char* aside : {".set-aside", ".set-aside-2", ".set-aside-3"}) {
    store.write(20, file);
    store.set_aside_after(10);
    CHECK(checkpoint_iteration(store.last()) == 10);
    CHECK(fs::exists((folder / "checkpoint-00000020.safetensors").string() + aside));
  }
}

TEST_CASE("a checkpoint that lacks a tensor is refused, and not called the last good one") {
  const OneThread one_thread;
  const TemporaryFolder folder;
  RunOptions options = run_of_two_checkpoints(folder);
  const fs::path last = folder / "run" / "checkpoint-00000004.safetensors";
  SafetensorsFile file = read_checkpoint(last).file;
  file.tensors.erase("energy.conv1.weight");
  file.metadata.erase(kCheckpointChecksum);
  write_safetensors(last, file);
  change(options, [](Settings& own) { own.iterations = 6; });
  options.resume = std::make_shared<const Checkpoint>(read_checkpoint(last));
  const std::string error = error_of([&] { run(options); });
  CHECK(contains(error, "energy.conv1.weight"));
  CHECK(contains(error, "the one before it is valid: "));
  CHECK(!contains(error, "last good"));
}

TEST_CASE("a checkpoint of other networks changes nothing") {
  const OneThread one_thread;
  const TemporaryFolder folder;
  const RunResult result = run(tiny_run(folder / "run", tiny_settings(1)));
  TeachingSettings other = tiny_settings(2);
  other.latent = 9;
  Trainer trainer(other, kCpu);
  const auto before = trainer.state().tensors.at("generator.conv1.weight").data;
  CHECK(contains(error_of([&] { trainer.load_state(read_checkpoint(result.checkpoint).file); }), "expected F32 ("));
  CHECK(trainer.state().tensors.at("generator.conv1.weight").data == before);
}
