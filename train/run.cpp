#include "train/run.h"
#include "train/data/masked_images.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include <fmt/format.h>

#include "core/check.h"
#include "core/parse_number.h"
#include "core/profile_range.h"
#include "core/version.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/conv_plan.h"
#include "train/files/file_io.h"
#include "train/files/image_grid.h"
#include "train/files/run_lock.h"
#include "train/files/tfevents.h"
#include "train/metrics_log.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kGridRows = 8, kGridScale = 2;
constexpr int64_t kPicturePoints = 10'000, kPointsEdge = 100;  // of a picture of points; cells
constexpr int64_t kEnlargedBelow = 64;                         // pixels of an edge
constexpr int64_t kReadOnGpu = 16;       // work enough for the device while the host writes down that of before
constexpr int64_t kScalarPoints = 2000;  // of each TensorBoard curve over a run
constexpr double kLeadSeconds = 3600;    // that the others wait for rank 0's pictures and scores
constexpr double kSamplePoints[] = {0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

// Does load(file) with the checkpoint's; names the checkpoint before this one when it does not fit.
template <class Load>
void load_from(const Checkpoint& checkpoint, const Load& load) {
  try {
    load(checkpoint.file);
  } catch (const Error& e) {
    refuse_checkpoint(checkpoint.path, e);
  }
}

// Finds ways to compute the convolutions of an iteration and of its pictures before the first one, where many can be
// compiled at once: a trainer that is thrown away goes through the motions with this rank's share. Returns a line about them.
std::string find_convolutions(const RunOptions& options, const Communicator& ranks) {
  ConvRehearsal rehearsal;
  const std::unique_ptr<Settings> settings = options.settings->clone();
  for (const Setting& setting : list_settings(*settings)) {
    if (!std::holds_alternative<int64_t*>(setting.value)) continue;
    int64_t& value = *std::get<int64_t*>(setting.value);
    if (setting.flag.ends_with("steps")) value = std::min<int64_t>(value, 1);  // the others are the same
    if (setting.flag == "batch" || setting.flag == "chains") value = ranks.share(value).count;
  }
  Trainer trainer(*settings, options.device, false);
  std::vector<Tensor> batch;
  for (const BatchPart& part : trainer.method().batch()) batch.push_back(Tensor::zeros(part.shape, options.device));
  trainer.step(batch);
  const Abilities& model = trainer.abilities();
  model.sample(kGridRows * kGridRows, {settings->seed, Stream::sample, 0, 0}, model.usual);
  rehearsal.find_ways();
  return cuda::conv_summary();
}

std::vector<Shape> batch_shapes(const Method& method) {
  std::vector<Shape> shapes;
  for (const BatchPart& part : method.batch()) shapes.push_back(part.shape);
  return shapes;
}

// A model that draws nothing without a condition shows completions of the source's images, the same all through the run.
void show_examples(const Trainer& trainer, const Source& source) {
  if (!trainer.abilities().show) return;
  constexpr int64_t kImages = kGridRows * kGridRows;
  std::vector<std::vector<float>> values;
  std::vector<Shape> shapes;
  for (const BatchPart& part : trainer.method().batch()) {
    shapes.push_back(part.shape.with_first(kImages));
    values.emplace_back(static_cast<size_t>(shapes.back().size()));
  }
  std::vector<float*> out;
  for (std::vector<float>& part : values) out.push_back(part.data());
  source.fill(trainer.settings().seed, 0, kImages, 0, kImages, out);
  std::vector<Tensor> batch;
  for (size_t i = 0; i < values.size(); ++i) batch.push_back(Tensor::from_host(values[i], shapes[i], trainer.device()));
  trainer.abilities().show(batch);
}

// "1 row", "2 rows".
std::string counted(int64_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Feeds the trainer and writes the run's files.
class Run {
 public:
  Run(const RunOptions& options, const Source& source, RunObserver& observer)
      : options_(options),
        observer_(observer),
        trainer_(*options.settings, options.device, options.graph, options.ranks),
        ranks_(trainer_.ranks()),
        store_(options.folder),
        feed_(source, options.settings->seed, batch_shapes(trainer_.method()), options.device,
              ranks_.share(batch_shapes(trainer_.method()).at(0)[0])),
        read_every_(options.run.read_every > 0 ? options.run.read_every
                    : options.device.is_cuda() ? kReadOnGpu
                                               : 1) {
    if (options.resume) {
      // before the first convolution: what is chosen by timing must be what it was
      conv_plans_from_string(options.resume->file.metadata.at(kCheckpointPlans));
      load_from(*options.resume, [&](const SafetensorsFile& file) { trainer_.load_state(file); });
    }
    show_examples(trainer_, source);
    guard_.emplace(trainer_);
    if (options.resume) load_from(*options.resume, [&](const SafetensorsFile& file) { guard_->load(trainer_, file); });
    scalars_every_ = std::max<int64_t>(1, options.settings->iterations / kScalarPoints);
  }

  // Before go(): what may still be refused has been until here, and the folder is as it was.
  void open() {
    if (options_.device.is_cuda()) ranks_.together([&] { convolutions_ = find_convolutions(options_, ranks_); });
    by_lead([&] { open_files(); });
  }

  RunResult go() {
    observer_.started(trainer_);
    RunResult result;
    const int64_t total = options_.settings->iterations;
    while (trainer_.iteration() < total && !result.stopped) {
      trainer_.begin_step(feed_.get(trainer_.iteration()));
      const int64_t done = trainer_.iteration();
      if (done < total) feed_.prepare(done);
      result.stopped = any_rank(done < total && options_.stop_requested && options_.stop_requested());
      const bool samples = samples_due(done, total, options_.run.samples_every) || result.stopped;
      const bool checkpoint = done == total || result.stopped ||
                              (options_.run.checkpoint_every > 0 && done % options_.run.checkpoint_every == 0);
      const bool score = options_.run.score_every > 0 && (done % options_.run.score_every == 0 || done == total);
      // The guard keeps a state, and a checkpoint is written, when the iteration that made it was judged: then
      // all are waited for. Else what is read is of the iterations begun before the last reading.
      const bool keep = done % options_.settings->guard_every == 0;
      const bool wait = samples || checkpoint || score || keep || read_every_ == 1;
      if (!wait && done % read_every_ != 0) continue;
      if (!take_in(wait ? trainer_.finish_steps() : trainer_.finish_earlier_steps())) {
        result.stopped = false;
        continue;
      }
      if (keep) check_replicas();
      if (!samples && !score && !checkpoint) continue;
      if (checkpoint) gather_plans();
      by_lead([&] {
        if (samples) write_samples();
        if (score && scores_wanted()) write_scores();
        if (checkpoint) write_checkpoint();
      });
    }
    result.iterations = trainer_.iteration();
    result.rollbacks = guard_->rollbacks();
    result.checkpoint = store_.last();
    result.samples = last_samples_;
    result.best = best_;
    return result;
  }

 private:
  void open_files() {
    const int64_t checkpoints = store_.set_aside_after(trainer_.iteration()) + store_.find_best(trainer_.iteration());
    make_folder(options_.folder / "samples");
    const int64_t pictures = set_pictures_aside();
    std::string config = options_.config;
    if (options_.device.is_cuda()) {
      observer_.say(convolutions_);
      config += "\n# " + convolutions_ + "\n";
    }
    write_file_atomically(options_.folder / "config.toml", std::as_bytes(std::span(config)));
    log_.emplace(options_.folder / "metrics.csv", *trainer_.columns(), trainer_.method().signs(), trainer_.iteration(),
                 guard_->rollbacks());
    if (scores_wanted()) scores_.emplace(options_.folder / ScoreLog::kName, *options_.score, trainer_.iteration());
    events_.emplace(options_.folder, trainer_.iteration());
    tell_aside(checkpoints, pictures, log_->rows_set_aside());
  }

  bool leads() const { return ranks_.rank() == 0; }
  // Rank 0's work, files above all.
  void by_lead(const std::function<void()>& work) { ranks_.by_first(work, kLeadSeconds); }
  bool any_rank(bool mine) {
    double any = mine ? 1 : 0;
    ranks_.largest(std::span(&any, 1));
    return any > 0;
  }

  // All ranks must have the same state, or each would train a model of its own.
  void check_replicas() {
    if (ranks_.alone()) return;
    const std::vector<float> sums = trainer_.sums();
    const std::string_view bits(reinterpret_cast<const char*>(sums.data()), sums.size() * sizeof(float));
    ranks_.check_alike(std::hash<std::string_view>{}(bits), "parameters",
                       fmt::format("the same in all ranks at iteration {}", trainer_.iteration()));
  }

  // Rank 0, which writes the checkpoint, takes the plans of all ranks, whose shares have other shapes than its own.
  void gather_plans() {
    if (ranks_.alone()) return;
    const std::vector<std::string> plans = ranks_.gather_to_first(conv_plans_to_string());
    for (auto each = plans.rbegin(); each != plans.rend(); ++each) conv_plans_from_string(*each);  // its own stay
  }

  // Sets the pictures of iterations aside that this run will do again; returns how many.
  int64_t set_pictures_aside() {
    std::vector<fs::path> later;
    for (const fs::directory_entry& file : fs::directory_iterator(options_.folder / "samples"))
      if (samples_iteration(file.path()) > trainer_.iteration()) later.push_back(file.path());
    for (const fs::path& picture : later) set_aside(picture);
    return static_cast<int64_t>(later.size());
  }

  void tell_aside(int64_t checkpoints, int64_t pictures, int64_t rows) {
    if (checkpoints + pictures + rows == 0) return;
    observer_.notice(fmt::format(
        "of iterations after {}, which are done again, {}, {} and {} of metrics.csv are set aside "
        "(*.set-aside)",
        trainer_.iteration(), counted(checkpoints, "checkpoint"), counted(pictures, "picture"), counted(rows, "row")));
  }

  // Takes in what iterations showed; false when one of them diverged and the trainer went back.
  bool take_in(const std::vector<Metrics>& read) {
    for (const Metrics& metrics : read) {
      if (log_) log_->append(metrics, guard_->rollbacks());
      observer_.stepped(metrics);
      if (const auto rollback = guard_->watch(trainer_, metrics)) {
        if (leads()) store_.set_aside_after(rollback->to);  // what was undone is no state to go on from
        if (scores_) scores_->undo_after(rollback->to);
        if (rollback->gave_up) give_up(*rollback);
        observer_.notice(fmt::format("diverged at iteration {}: {}; back to iteration {} with {}", rollback->from,
                                     rollback->reason, rollback->to, trainer_.method().lowered(rollback->slowed)));
        return false;  // the rest was computed from what is undone
      }
      if (metrics.iteration % scalars_every_ == 0 || metrics.iteration == options_.settings->iterations)
        write_scalars(metrics);
    }
    return true;
  }

  void write_scalars(const Metrics& metrics) {
    if (!events_) return;
    for (size_t i = 0; i < metrics.values.size(); ++i)
      events_->scalar((*metrics.columns)[i].curve, metrics.values[i], metrics.iteration);
    events_->flush();
  }

  void write_samples() {
    const ProfileRange range("samples");
    const Abilities& model = trainer_.abilities();
    // the same latent vectors all through the run, so that one sees them change
    const PointSet* points = find_point_set(options_.settings->data);
    const Samples samples = model.sample(points ? kPicturePoints : kGridRows * kGridRows,
                                         {options_.settings->seed, Stream::sample, 0, 0}, model.usual);
    for (const Panel& panel : samples.stages) {
      const std::vector<float> values = panel.x.to_host();
      if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) continue;
      observer_.notice(fmt::format("no picture at iteration {}: its samples are not finite", trainer_.iteration()));
      return;
    }
    const Picture picture = points ? points_picture(samples, *points) : samples_picture(samples, model.image);
    last_samples_ = options_.folder / "samples" / fmt::format("{:08}.png", trainer_.iteration());
    write_png(last_samples_, picture);
    events_->image("samples/generated and revised", picture, trainer_.iteration());
    events_->flush();
  }

  bool scores_wanted() const { return options_.score && options_.run.score_every > 0; }

  // Measures the model, and keeps it where it is the best so far. A model that cannot be measured is no reason to end.
  void write_scores() {
    const ProfileRange range("scores");
    std::vector<double> values;
    try {
      values = options_.score->measure(trainer_);
    } catch (const Error& e) {
      observer_.notice(fmt::format("no score at iteration {}: {}", trainer_.iteration(), e.message()));
      return;
    }
    scores_->append(trainer_.iteration(), values);
    std::string told;
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string& name = options_.score->names[i];
      events_->scalar("scores/" + name, values[i], trainer_.iteration());
      told += fmt::format("{}{} {:.4g}", i > 0 ? ", " : "", name, values[i]);
    }
    events_->flush();
    const bool best = values.front() < store_.best_score();
    if (best) {
      best_ =
          fmt::format("{} {:.4g} at iteration {}", options_.score->names.front(), values.front(), trainer_.iteration());
      store_.write_best(checkpoint(), values.front());
    }
    observer_.say(fmt::format("iteration {}: {}{}", trainer_.iteration(), told, best ? ", the best so far" : ""));
  }

  void write_checkpoint() { store_.write(trainer_.iteration(), checkpoint()); }

  SafetensorsFile checkpoint() {
    const ProfileRange range("checkpoint");
    SafetensorsFile file = trainer_.state();
    file.metadata[kCheckpointConfig] = options_.config;
    file.metadata[kCheckpointPlans] = conv_plans_to_string();
    file.metadata[kCheckpointThreads] = std::to_string(num_threads());
    file.metadata[kCheckpointDevice] = describe(options_.device);
    file.metadata[kCheckpointVersion] = version();
    guard_->save(trainer_, file);
    return file;
  }

  [[noreturn]] void give_up(const DivergenceGuard::Rollback& rollback) {
    // the trainer is in its last good state, at or after the last checkpoint
    by_lead([&] {
      if (store_.last().empty() || checkpoint_iteration(store_.last()) < trainer_.iteration()) write_checkpoint();
    });
    EBM_FAIL("training",
             fmt::format("{} at iteration {}, after {} returns to an earlier state", rollback.reason, rollback.from,
                         guard_->rollbacks()),
             "a run that stays in balance: try " + trainer_.method().advice());
  }

  const RunOptions& options_;
  RunObserver& observer_;
  Trainer trainer_;
  Communicator& ranks_;
  CheckpointStore store_;
  std::optional<DivergenceGuard> guard_;
  std::optional<MetricsLog> log_;
  std::optional<ScoreLog> scores_;
  std::optional<EventWriter> events_;
  BatchFeed feed_;
  int64_t read_every_;
  int64_t scalars_every_ = 1;
  std::string convolutions_;  // a line about how a GPU computes them
  fs::path last_samples_;
  std::string best_;  // of this part of the run
};

}  // namespace

int64_t samples_iteration(const fs::path& picture) {
  return picture.extension() == ".png" ? parse_number<int64_t>(picture.stem().string()).value_or(-1) : -1;
}

bool samples_due(int64_t done, int64_t total, int64_t every) {
  if (done == total) return true;
  if (every > 0) return done % every == 0;
  return std::any_of(std::begin(kSamplePoints), std::end(kSamplePoints),
                     [&](double point) { return done == std::llround(point * static_cast<double>(total)); });
}

Picture samples_picture(const Samples& samples, ImageShape image) {
  const int64_t scale = image.height < kEnlargedBelow ? kGridScale : 1;
  const auto grid = [&](const Panel& panel) {
    return image_grid(panel.x.to_host(), image, kGridRows, kGridRows, scale);
  };
  Picture picture = grid(samples.stages.front());
  for (size_t i = 1; i < samples.stages.size(); ++i) picture = side_by_side(picture, grid(samples.stages[i]));
  return picture;
}

Picture points_picture(const Samples& samples, const PointSet& data) {
  const auto counts = [&](std::span<const float> points) {
    constexpr auto kCells = static_cast<size_t>(kPointsEdge * kPointsEdge);
    std::vector<float> cells(kCells);
    const auto place = [&](float v) {
      return static_cast<int64_t>(std::floor((v / data.reach + 1) * 0.5 * static_cast<double>(kPointsEdge)));
    };
    for (size_t i = 0; i + 1 < points.size(); i += 2) {
      const int64_t column = place(points[i]), row = kPointsEdge - 1 - place(points[i + 1]);  // y upwards
      if (column >= 0 && column < kPointsEdge && row >= 0 && row < kPointsEdge)
        ++cells[static_cast<size_t>(row * kPointsEdge + column)];
    }
    // by square roots, so that filaments are seen beside the densest cells
    const float most = *std::max_element(cells.begin(), cells.end());
    for (float& cell : cells) cell = 2 * std::sqrt(cell / std::max(most, 1.0f)) - 1;
    return image_grid(cells, {kPointsEdge, kPointsEdge, 1}, 1, 1, kGridScale);
  };
  std::vector<float> drawn(2 * kPicturePoints);
  float* const out[] = {drawn.data()};
  PointSource(data).fill(0, 0, kPicturePoints, 0, kPicturePoints, out);
  Picture picture = counts(drawn);
  for (const Panel& panel : samples.stages) picture = side_by_side(picture, counts(panel.x.to_host()));
  return picture;
}

RunResult run_training(const RunOptions& options, const Source& source, RunObserver& observer) {
  check_settings(*options.settings);
  Communicator alone;
  Communicator& ranks = options.ranks ? *options.ranks : alone;
  std::optional<RunLock> lock;
  const auto open_folder = [&] {
    make_folder(options.folder);
    lock.emplace(options.folder);
    for (const fs::path& folder : {options.folder, options.folder / "samples"}) remove_partial_files(folder);
  };
  Run run(options, source, observer);  // a checkpoint that is refused here is not the last good one
  ranks.by_first(open_folder, kLeadSeconds);
  run.open();
  try {
    return run.go();
  } catch (const Error& e) {
    observer.failed();
    const fs::path last = CheckpointStore(options.folder).last();
    const std::string checkpoint = last.empty() ? "" : "; last good checkpoint: " + last.string();
    const Error told(e.op(), e.received(), e.expected() + checkpoint, __FILE__, __LINE__);
    ranks.end(told);
    throw told;
  }
}

RunResult run_training(const RunOptions& options, const Dataset& dataset, RunObserver& observer) {
  return run_training(options, *with_holes(std::make_unique<LabelledImages>(dataset), options.settings->hole()),
                      observer);
}

}  // namespace ebm
