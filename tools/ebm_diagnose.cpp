#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tools/command.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "tools/ebm_loglik.h"
#include "tools/evaluate/chain_quality.h"
#include "tools/evaluate/diagnosis.h"
#include "tools/evaluate/image_watch.h"
#include "tools/evaluate/latent_picture.h"
#include "tools/evaluate/run_record.h"
#include "tools/judge.h"
#include "tools/progress.h"
#include "tools/settings_flags.h"
#include "train/chains/langevin.h"
#include "train/files/file_io.h"
#include "train/files/image_grid.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kUsualQuality = 128;
constexpr int64_t kMostChains = 10'000, kMostSteps = 10'000'000, kMostProjections = 1000;
constexpr int64_t kMostValues = 200'000'000;  // doubles that are kept of the chains
constexpr int64_t kGridRows = 8, kGridScale = 2;
constexpr int64_t kUsualFilm = 200, kMostFilm = 10'000, kFilmColumns = 20;
constexpr int64_t kTuningMoves = 100;  // that the step size of chains in x is found by

struct DiagnoseFlags {
  ModelFlags model;
  ChainFlags chain;  // noise and seed
  std::string chains = "64", steps = "1000", warmup, projections = "8", quality, film, space, start = "model";
  std::string data, json, out;
};

// The start, the run's own length, and a few up to the last step.
std::vector<int64_t> picture_lengths(int64_t run_length, int64_t steps) {
  std::vector<int64_t> lengths{0, run_length, steps / 100, steps / 30, steps / 10, steps / 3, steps};
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  std::erase_if(lengths, [&](int64_t length) { return length > steps; });
  return lengths;
}

// A row for each chain, from the start on the left to the last step on the right.
void write_grid(const fs::path& path, const Diagnosis& d, ImageShape image,
                const std::function<Tensor(const Tensor&)>& shown) {
  const int64_t rows = std::min(kGridRows, d.chains), columns = static_cast<int64_t>(d.snapshots.size());
  std::vector<std::vector<float>> snapshots;  // (N, H, W, C) each
  for (const Tensor& state : d.snapshots) snapshots.push_back(shown(state).to_host());
  std::vector<float> cells;
  for (int64_t row = 0; row < rows; ++row)
    for (const std::vector<float>& x : snapshots) {
      const auto first = x.begin() + row * image.elements();
      cells.insert(cells.end(), first, first + image.elements());
    }
  write_png(path, image_grid(cells, image, rows, columns, kGridScale));
}

void write_table(const fs::path& path, const std::string& table) {
  write_file_atomically(path, std::as_bytes(std::span(table)));
}

void write_traces(const fs::path& path, const Diagnosis& d, const std::string& start) {
  std::string table = fmt::format("# U(x) of each chain; step 0: {}\nstep", start);
  for (int64_t c = 0; c < d.chains; ++c) table += fmt::format(",chain_{}", c);
  table += '\n';
  for (int64_t t = 0; t <= d.plan.steps; ++t) {
    table += fmt::format("{}", t);
    for (int64_t c = 0; c < d.chains; ++c) table += fmt::format(",{:.7g}", d.energy.chain(c)[static_cast<size_t>(t)]);
    table += '\n';
  }
  write_table(path, table);
}

void write_drift(const fs::path& path, const Diagnosis& d) {
  std::string table =
      "# means over the chains: U and its standard deviation over them, |x|, |x - start|\n"
      "step,U,U_sd,norm,distance\n";
  for (size_t t = 0; t < d.u.size(); ++t)
    table += fmt::format("{},{:.7g},{:.7g},{:.7g},{:.7g}\n", t, d.u[t], d.u_sd[t], d.norm[t], d.distance[t]);
  write_table(path, table);
}

using Json = nlohmann::ordered_json;  // what is read first stands first

Json mixing_rows(const Diagnosis& d) {
  Json rows = Json::array();
  const auto gradients = static_cast<double>(d.gradients * d.chains * (d.plan.steps - d.plan.warmup));
  for (const SeriesDiagnosis& one : d.series)
    rows.push_back({{"name", one.name},
                    {"split R-hat", one.split_rhat},
                    {"rank R-hat", one.rank_rhat},
                    {"ESS", one.ess},
                    {"bulk ESS", one.bulk_ess},
                    {"autocorrelation time", one.autocorrelation_time},
                    {"gradients a draw", gradients / one.bulk_ess},
                    {"draws a second", one.bulk_ess / d.seconds}});
  return rows;
}

Json acceptance_rows(const Diagnosis& d) {
  Json rows = Json::array();
  for (const Diagnosis::Acceptance& a : d.mala)
    rows.push_back({{"name", fmt::format("step size {:.3g}{}", a.step_size, rows.empty() ? ", the run's" : "")},
                    {"acceptance rate", a.rate}});
  return rows;
}

Json start_and_end_rows(const Diagnosis& d) {
  return {{{"name", "U"}, {"start", d.u.front()}, {"end", d.u.back()}},
          {{"name", "U's standard deviation over the chains"}, {"start", d.u_sd.front()}, {"end", d.u_sd.back()}},
          {{"name", "|x|"}, {"start", d.norm.front()}, {"end", d.norm.back()}},
          {{"name", "distance to the start"}, {"start", d.distance.front()}, {"end", d.distance.back()}}};
}

Json quality_rows(const ChainQuality& quality, int64_t run_length) {
  const auto row = [](const std::string& name, const ChainQuality::Score& score) {
    return Json{{"name", name},
                {"FD-cls", score.frechet},
                {"KID-cls", score.kernel.value},
                {"KID-cls_plus_minus", score.kernel.standard_error}};
  };
  Json rows = Json::array();
  for (size_t i = 0; i < quality.at.size(); ++i) {
    const int64_t steps = quality.plan.lengths[i];
    rows.push_back(row(fmt::format("{} steps{}", steps, steps == run_length ? ", the run's" : ""), quality.at[i]));
    rows.back()["steps"] = steps;
  }
  rows.push_back(row("real images", quality.real));
  return rows;
}

// The verdict, a section for each table, then what they depend on (tools/evaluate/report.h).
Json to_json(const Diagnosis& d, const ChainQuality* quality, const std::vector<std::string>& words,
             const Trainer& trainer, const Json& classes, const std::string& start) {
  const Settings& s = trainer.settings();
  Json json{{"Verdict", words}, {"Mixing of the chains", mixing_rows(d)}};
  if (!d.mala.empty()) json["Steps that MALA would accept"] = acceptance_rows(d);
  if (quality) json["Samples by length of chain"] = quality_rows(*quality, trainer.abilities().usual.steps);
  if (!classes.empty()) json["Classes"] = classes;
  json["Chains at start and end"] = start_and_end_rows(d);
  json["recipe"] = s.recipe;
  json["iteration"] = trainer.iteration();
  json["start_from"] = start;
  json["chains"] = d.chains;
  json["steps"] = d.plan.steps;
  json["warmup"] = d.plan.warmup;
  json["seed"] = d.plan.seed;
  if (const LangevinStep* langevin = std::get_if<LangevinStep>(&d.step)) {
    json["drift"] = langevin->drift;
    json["noise"] = langevin->noise;
    json["clamp"] = langevin->clamp;
    json["share_of_values_on_clamp"] = d.on_clamp;
  } else {
    const HmcStep& hmc = std::get<HmcStep>(d.step);
    json["step_size"] = hmc.step_size;
    json["leapfrog_steps"] = hmc.leapfrog_steps;
    json["independent_every"] = hmc.independent_every;
    json["accepted"] = d.accepted;
  }
  json["gradients_a_step"] = d.gradients;
  json["seconds"] = d.seconds;
  if (d.temperature > 0) json["temperature"] = d.temperature;
  if (quality) json["chains_for_scores"] = quality->plan.n;
  return json;
}

void print(const Diagnosis& d) {
  fmt::print("\n{} steps of all chains, {} gradients each, in {:.3g} s\n", d.plan.steps - d.plan.warmup, d.gradients,
             d.seconds);
  fmt::print("\n{:<14} {:>10} {:>12} {:>9} {:>9} {:>9}\n", "", "split R-hat", "rank R-hat", "ESS", "bulk ESS", "tau");
  for (const SeriesDiagnosis& s : d.series)
    fmt::print("{:<14} {:>11.4g} {:>12.4g} {:>9.4g} {:>9.4g} {:>9.4g}\n", s.name, s.split_rhat, s.rank_rhat, s.ess,
               s.bulk_ess, s.autocorrelation_time);
}

void print(const ChainQuality& quality) {
  fmt::print("\n{:<14} {:>10} {:>12}   of {} chains and real images\n", "steps", "FD-cls", "KID-cls", quality.plan.n);
  const auto row = [](const std::string& name, const ChainQuality::Score& score) {
    fmt::print("{:<14} {:>10.4g} {:>12.4g} ± {:.2g}\n", name, score.frechet, score.kernel.value,
               score.kernel.standard_error);
  };
  for (size_t i = 0; i < quality.at.size(); ++i) row(std::to_string(quality.plan.lengths[i]), quality.at[i]);
  row("real images", quality.real);
}

class Diagnose {
 public:
  explicit Diagnose(const DiagnoseFlags& flags);
  void compute();
  void write() const;

 private:
  bool in_z() const { return trainer_->abilities().chains_in_z && flags_.space != "x"; }
  // The chains' states are points of a plane.
  bool shows_latent() const { return in_z() && trainer_->abilities().latent == 2; }
  bool of_points() const { return find_point_set(trainer_->settings().data) != nullptr; }
  std::function<Tensor(const Tensor&)> shown() const;
  Tensor start() const;
  ChainStep step(const Potential& energy, const Tensor& start) const;
  Json class_rows() const;

  const DiagnoseFlags& flags_;
  const fs::path out_;
  int64_t chains_, frames_ = 0;
  DiagnosisPlan plan_;
  ChainQualityPlan quality_plan_;
  std::unique_ptr<Trainer> trainer_;
  double noise_scale_ = 1;
  std::optional<Judge> judge_;  // of the chains' samples, and the images that they are compared with
  Dataset images_;
  std::optional<ChainQuality> quality_;
  std::optional<ImageWatch> watch_;
  Diagnosis diagnosis_;
  Picture latent_;
  std::vector<std::string> words_;
  std::string start_says_;
};

Diagnose::Diagnose(const DiagnoseFlags& flags)
    : flags_(flags),
      out_(output_path(flags.out, flags.model.run, kDiagnosisFolder)),
      chains_(parse_count("chains", flags.chains, 2, kMostChains)) {
  plan_.steps = parse_count("steps", flags.steps, 8, kMostSteps);
  plan_.warmup = flags.warmup.empty() ? plan_.steps / 2 : parse_count("warmup", flags.warmup, 0);
  EBM_CHECK(plan_.steps - plan_.warmup >= 8, "--warmup", fmt::format("{} of {} steps", plan_.warmup, plan_.steps),
            "at least 8 steps after it");
  plan_.projections = parse_count("projections", flags.projections, 0, kMostProjections);
  EBM_CHECK(chains_ * (plan_.steps + 1) <= kMostValues / (1 + plan_.projections), "--chains and --steps",
            fmt::format("{} chains of {} steps", chains_, plan_.steps), "fewer: all of them are kept in memory");
  plan_.seed = flags.chain.key_seed();
  trainer_ = load_model(flags.model, {Ability::chains});
  const Settings& s = trainer_->settings();
  const Abilities& model = trainer_->abilities();
  EBM_CHECK(flags.space.empty() || flags.space == "x" || flags.space == "z", "--space", "\"" + flags.space + "\"",
            "z or x");
  EBM_CHECK(
      flags.space.empty() || (flags.space == "x" ? model.potential_of_images || !model.chains_in_z : model.chains_in_z),
      "--space", flags.space,
      fmt::format("{}: no other chains of --method {}", model.chains_in_z ? "z" : "x", s.method));
  EBM_CHECK(flags.start == "model" || flags.start == "data", "--start", "\"" + flags.start + "\"", "model or data");
  if (flags.start == "data" && model.chains_in_z) need(s.method, Ability::encode, "--start data");
  start_says_ = flags.start == "data" ? "test images" : method_record(s.method).start;
  EBM_CHECK(!model.hmc || flags.chain.noise_scale.empty(), "--noise-scale", flags.chain.noise_scale,
            "none: moves of Hamiltonian Monte Carlo have no noise to scale");
  const bool points = of_points(), labelled = !s.of_folder() && !points;
  quality_plan_.n = !flags.quality.empty()           ? parse_count("quality", flags.quality, 0, kMostChains)
                    : labelled && flags.space != "x" ? kUsualQuality
                                                     : 0;
  EBM_CHECK(quality_plan_.n == 0 || !model.chains_in_z || flags.space != "x", "--quality", flags.quality,
            "0 with --space x: only the run's own chains are scored");
  if (quality_plan_.n > 0 && !points) need_labels(s, "--quality", "--quality 0");
  EBM_CHECK(quality_plan_.n == 0 || !points, "--quality", flags.quality, "0 for points");
  frames_ = !flags.film.empty() ? parse_count("film", flags.film, 0, kMostFilm) : model.hmc && !points ? kUsualFilm : 0;
  EBM_CHECK(frames_ == 0 || !points, "--film", flags.film, "0 for points");
  // of the chains that the run trains by, which samples may have less noise than
  noise_scale_ =
      flags.chain.noise_scale.empty() ? trainer_->abilities().chain.noise_scale : flags.chain.noise(*trainer_);
  make_folder(out_);
  for (const char* name : {"chains.png", "traces.csv", "drift.csv"}) check_writable(out_ / name);
  if (frames_ > 0) check_writable(out_ / "film.png");
  if (shows_latent()) check_writable(out_ / "latent.png");
  check_writable(flags.json);

  plan_.snapshots = picture_lengths(trainer_->abilities().usual.steps, plan_.steps);
  quality_plan_.seed = plan_.seed;
  for (const int64_t length : plan_.snapshots)  // the whole length is for chains that are fewer
    if (length <= std::max(trainer_->abilities().usual.steps, plan_.steps / 3)) quality_plan_.lengths.push_back(length);
  quality_plan_.noise_scale = noise_scale_;
  if (quality_plan_.n > 0 || (frames_ > 0 && labelled))
    judge_ = classifier_judge(s.data, flags.data, trainer_->device(), say);
  if (quality_plan_.n > 0) images_ = load_own(s, flags.data, Split::train, say);
}

std::function<Tensor(const Tensor&)> Diagnose::shown() const {
  if (!in_z()) return [](const Tensor& x) { return x; };
  return [&model = trainer_->abilities()](const Tensor& z) { return model.shown(z); };
}

// As the run's samples begin, or at test images; in x where those are seen.
Tensor Diagnose::start() const {
  const Abilities& model = trainer_->abilities();
  const RandomKey key{plan_.seed, Stream::sample, 0, 0};
  if (flags_.start == "model") {
    const Tensor state = model.start(chains_, key);
    return model.chains_in_z && !in_z() ? model.shown(state) : state;
  }
  const std::vector<float> images = test_images_of(*trainer_, flags_.data, chains_, "--chains", flags_.chains);
  Tensor x = Tensor::from_host(images, {chains_, model.image.height, model.image.width, model.image.channels},
                               trainer_->device());
  if (model.dequantised) x = model.dequantised(x, key);
  return in_z() ? model.encode(x) : x;
}

ChainStep Diagnose::step(const Potential& energy, const Tensor& start) const {
  const Abilities& model = trainer_->abilities();
  if (!model.hmc) return langevin_step_of(model.chain, noise_scale_);
  auto [step, acceptance] = model.hmc();
  if (in_z()) return step;
  step.independent_every = 0;
  step.step_size = tuned_step_size(energy, start, step, acceptance, kTuningMoves, plan_.seed);
  return step;
}

void Diagnose::compute() {
  const auto steps_of = [&](const std::string& what) {
    return [&, what, line = OccasionalLine()](int64_t done) mutable {
      line(fmt::format("{} of {} steps of {}", done, plan_.steps, what));
    };
  };
  const Abilities& model = trainer_->abilities();
  if (quality_plan_.n > 0)
    quality_ = chain_quality(*trainer_, *judge_->network, images_, quality_plan_,
                             steps_of(fmt::format("{} chains for their scores", quality_plan_.n)));
  const Tensor start = this->start();
  const bool other = model.chains_in_z && !in_z();
  if (other) trainer_->take_averages();
  const Potential energy = other ? model.potential_of_images() : trainer_->potential();
  if (frames_ > 0) {
    watch_.emplace(ImageWatch::Plan{.chains = chains_,
                                    .steps = plan_.steps - plan_.warmup,
                                    .projections = in_z() ? plan_.projections : 0,
                                    .frames = frames_,
                                    .seed = plan_.seed},
                   model.image, shown(), model.tilt, judge_ ? judge_->network.get() : nullptr);
    plan_.observed.push_back(watch_->observed());
  }
  diagnosis_ = diagnose(energy, start, step(energy, start), plan_, steps_of("the chains"));
  if (shows_latent()) {
    const LatentPlane plane =
        latent_plane(energy, latent_range({start, diagnosis_.snapshots.back()}), trainer_->device());
    latent_ = side_by_side(with_dots(plane, start), with_dots(plane, diagnosis_.snapshots.back()));
  }
  words_ = in_words(diagnosis_, model.usual.steps);
  if (quality_) words_.push_back(in_words(*quality_, model.usual.steps));
  if (const std::vector<int64_t> visited = watch_ ? watch_->classes_visited() : std::vector<int64_t>();
      !visited.empty()) {
    const auto [least, most] = std::minmax_element(visited.begin(), visited.end());
    const double mean = static_cast<double>(std::accumulate(visited.begin(), visited.end(), int64_t{0})) /
                        static_cast<double>(visited.size());
    words_.push_back(fmt::format("after the warm-up each chain visits {} to {} of {} classes, {:.2g} in the mean",
                                 *least, *most, watch_->class_shares().size(), mean));
  }
}

Json Diagnose::class_rows() const {
  Json rows = Json::array();
  const std::vector<double> shares = watch_ ? watch_->class_shares() : std::vector<double>();
  for (size_t k = 0; k < shares.size(); ++k)
    rows.push_back({{"name", fmt::format("class {}", k)}, {"share of the chains' images", shares[k]}});
  return rows;
}

void Diagnose::write() const {
  const Settings& s = trainer_->settings();
  const std::string& start = start_says_;
  fmt::print("{} at iteration {}: {} chains of {} steps from {}, the last {} judged\n", s.recipe, trainer_->iteration(),
             chains_, plan_.steps, start, plan_.steps - plan_.warmup);
  if (!trainer_->abilities().hmc && noise_scale_ != trainer_->abilities().usual.noise_scale)
    fmt::print("noise x {:.3g}; the run's samples have x {:.3g}\n", noise_scale_,
               trainer_->abilities().usual.noise_scale);
  print(diagnosis_);
  if (quality_) print(*quality_);
  fmt::print("\n");
  for (const std::string& line : words_) say(line);
  if (!of_points()) write_grid(out_ / "chains.png", diagnosis_, trainer_->abilities().image, shown());
  if (watch_) {
    const ImageShape image = trainer_->abilities().image;
    const int64_t frames = static_cast<int64_t>(watch_->film().size()) / image.elements();
    const int64_t rows = (frames + kFilmColumns - 1) / kFilmColumns;
    write_png(out_ / "film.png", image_grid(watch_->film(), image, rows, kFilmColumns, kGridScale));
  }
  if (shows_latent()) write_png(out_ / "latent.png", latent_);
  write_traces(out_ / "traces.csv", diagnosis_, start);
  write_drift(out_ / "drift.csv", diagnosis_);
  write_json(flags_.json, to_json(diagnosis_, quality_ ? &*quality_ : nullptr, words_, *trainer_, class_rows(), start));
  fmt::print("\nin {}: ", out_.string());
  if (!of_points()) fmt::print("chains.png (columns: {} steps), ", fmt::join(plan_.snapshots, ", "));
  if (watch_) fmt::print("film.png (one chain, row by row), ");
  if (shows_latent())
    fmt::print("latent.png (exp(-U/2) over z, and the chains: left where they begin, right at their end), ");
  fmt::print("traces.csv, drift.csv\n");
}

}  // namespace

void add_diagnose_command(CLI::App& app) {
  auto flags = std::make_shared<DiagnoseFlags>();
  CLI::App* command = app.add_subcommand("diagnose", "do a model's chains mix?");
  flags->model.add_to(*command);
  command->add_option("--chains", flags->chains, "how many, from where the run's begin [64]")->type_name("N");
  command->add_option("--steps", flags->steps, "Langevin steps, or moves of Hamiltonian Monte Carlo, of each [1000]")
      ->type_name("N");
  command->add_option("--warmup", flags->warmup, "first steps that R-hat, ESS and tau leave out [half]")
      ->type_name("N");
  command->add_option("--projections", flags->projections, "random directions to look at x along [8]")->type_name("N");
  command
      ->add_option(
          "--quality", flags->quality,
          "chains whose FD-cls and KID-cls are followed too, by the data set's classifier, which is trained at "
          "first use, for a third of the steps; 0: none, and no data are needed [128; of a folder of images 0]")
      ->type_name("N");
  command
      ->add_option(
          "--film", flags->film,
          "look at the chains' images too after the warm-up: f, projections, the classifier's logits, classes "
          "visited; and show so many of the first chain as film.png; 0: none [200 of a model with moves, else 0]")
      ->type_name("N");
  command
      ->add_option("--start", flags->start, "where chains begin: as the model's samples do, or at test images [model]")
      ->type_name("model|data");
  command
      ->add_option(
          "--space", flags->space,
          "where chains run: x, of a model whose own run in z, for the same density and as many gradients [the "
          "model's own]")
      ->type_name("z|x");
  flags->chain.add_noise_and_seed_to(*command);
  add_data_option(*command, flags->data);
  command->add_option("--json", flags->json, "all figures as JSON [diagnosis.json in the run's folder]")
      ->type_name("FILE");
  command->add_option("--out", flags->out, "folder for chains.png, traces.csv and drift.csv [diagnosis in the run's]")
      ->type_name("FOLDER");
  command->callback([flags] {
    flags->json = output_path(flags->json, flags->model.run, "diagnosis.json");
    run_command<Diagnose>(*flags);
  });
}

}  // namespace ebm
