// A training run: the loop around Trainer::step with everything that it leaves on disk.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "train/checkpoint.h"
#include "train/data/batch_feed.h"
#include "train/data/dataset.h"
#include "train/data/points.h"
#include "train/files/image_grid.h"
#include "train/guard.h"
#include "train/score_log.h"
#include "train/trainer.h"

namespace ebm {

struct RunOptions {
  std::shared_ptr<const Settings> settings;
  Device device;
  std::filesystem::path folder;  // made where needed
  std::string config;            // content of config.toml; also kept in the checkpoints
  RunSettings run;
  bool graph = true;                         // replay an iteration as a CUDA graph
  std::shared_ptr<const Checkpoint> resume;  // where to go on from; null: nowhere
  std::function<bool()> stop_requested;      // asked after each iteration; true saves and ends
  std::optional<RunScore> score;             // taken every run.score_every iterations and at the end
  // That train together, each calling run_training; nullptr: this one alone. Rank 0 writes all files and takes the score,
  // and what one rank cannot do ends the run on all.
  Communicator* ranks = nullptr;
};

// What a run tells while it goes; all functions may be left out.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void started(const Trainer&) {}
  virtual void stepped(const Metrics&) {}
  virtual void notice(const std::string&) {}  // one line that the user must see
  virtual void say(const std::string&) {}     // one line that is good to know
  virtual void failed() {}                    // what was written so far is there; the error follows
};

struct RunResult {
  int64_t iterations = 0;  // done in all
  int64_t rollbacks = 0;
  bool stopped = false;  // on request, before the last iteration
  std::filesystem::path checkpoint;
  std::filesystem::path samples;  // the last picture: left the generator's, right the revised samples
  std::string best;  // what best.safetensors was kept for, as "FD-cls 6.3 at iteration 1000"; "" where none was
};

// Trains until settings.iterations and writes config.toml, metrics.csv, TensorBoard events,
// samples/*.png, checkpoints and, with a score, scores.csv and the best checkpoint, best.safetensors. On the CPU a
// resumed run is the uninterrupted one bit for bit, for the same number of threads and the same plans (kernels/conv/conv_plan.h). Throws Error when the output
// cannot be written or the run diverges for good; the message then names the last good checkpoint.
RunResult run_training(const RunOptions& options, const Source& source, RunObserver& observer);
// The same on the images of a data set, with holes where the method completes those.
RunResult run_training(const RunOptions& options, const Dataset& dataset, RunObserver& observer);

// The iteration in the name of a picture of samples, "00001500.png"; -1 for another name.
int64_t samples_iteration(const std::filesystem::path& picture);

// Whether a run of `total` iterations draws its samples after iteration `done`.
bool samples_due(int64_t done, int64_t total, int64_t every);

// 8×8 of each stage side by side: the generator's images, and the same after Langevin revision.
Picture samples_picture(const Samples& samples, ImageShape image);
// Of points: how many lie where, on [-reach, reach]², each stage beside the one before it, and left of them the data's.
Picture points_picture(const Samples& samples, const PointSet& data);

}  // namespace ebm
