#include "train/score_log.h"

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"
#include "train/checkpoint.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("scores.csv: a row for each measurement; later and undone ones go") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "scores.csv";
  const RunScore score{"of ten samples", {"FD", "sure"}, nullptr};
  {
    ScoreLog log(path, score, 0);
    CHECK(!std::filesystem::exists(path));
    for (const int64_t i : {2, 4, 6}) log.append(i, {1.0 / static_cast<double>(i), 0.5});
    log.undo_after(4);
    CHECK(get(path) == "# of ten samples\niteration,FD,sure\n2,0.5,0.5\n4,0.25,0.5\n");
  }
  ScoreLog log(path, score, 3);  // a run that goes on from iteration 3
  CHECK(get(path) == "# of ten samples\niteration,FD,sure\n2,0.5,0.5\n");
  CHECK(get(path.string() + ".set-aside") == "# of ten samples\niteration,FD,sure\n4,0.25,0.5\n");
  log.append(4, {0.125, 1});
  CHECK(get(path) == "# of ten samples\niteration,FD,sure\n2,0.5,0.5\n4,0.125,1\n");
  const RunScore other{"of ten samples", {"FD"}, nullptr};
  CHECK(contains(error_of([&] { ScoreLog(path, other, 9); }), "with other columns, expected iteration,FD"));
}

TEST_CASE("the best checkpoint is found again, and set aside where it is of later iterations or damaged") {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.metadata = {{kCheckpointConfig, "c"}, {kCheckpointPlans, ""}, {kCheckpointThreads, "1"}, {"iteration", "40"}};
  {
    CheckpointStore store(folder.path());
    CHECK(!store.find_best(100));
    CHECK(store.best_score() == std::numeric_limits<double>::infinity());
    store.write_best(file, 12.5);
    store.write(40, file);
  }
  CheckpointStore store(folder.path());
  CHECK(!store.find_best(40));
  CHECK(store.best_score() == 12.5);
  CHECK(list_checkpoints(folder.path()).size() == 1);  // the best one is not one of the last
  CHECK(CheckpointStore(folder.path()).find_best(39));
  CHECK(!std::filesystem::exists(folder / "best.safetensors"));
  CHECK(std::filesystem::exists(folder / "best.safetensors.set-aside"));

  store.write_best(file, 3);
  std::string bytes = get(folder / "best.safetensors");
  bytes[bytes.find("\"40\"") + 1] = '3';
  put(folder / "best.safetensors", bytes);
  CheckpointStore damaged(folder.path());
  CHECK(damaged.find_best(100));
  CHECK(damaged.best_score() == std::numeric_limits<double>::infinity());
}
