#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/random.h"
#include "tools/command.h"
#include "tools/data.h"
#include "tools/ebm_commands.h"
#include "tools/ebm_picture.h"
#include "tools/evaluate/detection.h"
#include "tools/evaluate/histogram.h"
#include "tools/evaluate/image_energies.h"
#include "tools/image_input.h"
#include "tools/progress.h"
#include "tools/settings_flags.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr int64_t kBins = 60;
constexpr int64_t kDefaultImages = 2000, kLeastImages = 2;

struct OodFlags {
  ModelFlags model;
  std::string held_out;
  std::string in, n, seed = "1", data, range, json, png;
  std::vector<std::string> out{"noise", "rotated", "inverted"};
  bool out_given = false;
};

struct Outliers {
  std::string name;
  std::vector<float> u;  // (N)
};

std::vector<float> uniform_noise(size_t values, uint64_t seed) {
  std::vector<float> x(values);
  for (size_t i = 0; i < values; ++i) x[i] = 2 * uniform1({seed, Stream::sample}, i) - 1;
  return x;
}

// A quarter turn of square images (N, H, W, C).
std::vector<float> rotated(const std::vector<float>& images, ImageShape shape) {
  EBM_CHECK(shape.height == shape.width, "--out", "rotated, of images that are not square", "noise or inverted");
  std::vector<float> turned(images.size());
  const int64_t side = shape.height, channels = shape.channels;
  for (size_t first = 0; first < images.size(); first += static_cast<size_t>(shape.elements()))
    for (int64_t y = 0; y < side; ++y)
      for (int64_t x = 0; x < side; ++x)
        std::copy_n(images.begin() + first + (y * side + x) * channels, channels,
                    turned.begin() + first + (x * side + side - 1 - y) * channels);
  return turned;
}

std::vector<float> inverted(std::vector<float> images) {
  for (float& v : images) v = -v;
  return images;
}

// The first n images (n, H, W, C), or all where there are fewer.
std::vector<float> first_images(ImageInput input, int64_t n, ImageShape shape) {
  const int64_t count = static_cast<int64_t>(input.pixels.size()) / shape.elements();
  input.pixels.resize(static_cast<size_t>(std::min(n, count) * shape.elements()));
  return std::move(input.pixels);
}

std::vector<float> outliers(const OodFlags& flags, const std::string& what, const std::vector<float>& in, int64_t n,
                            uint64_t seed, ImageShape shape, bool fit) {
  if (what == "noise") return uniform_noise(in.size(), seed);
  if (what == "rotated") return rotated(in, shape);
  if (what == "inverted") return inverted(in);
  return first_images(load_image_input("--out", what, flags.data, flags.range, shape, fit), n, shape);
}

std::vector<float> negated(std::vector<float> u) {
  for (float& v : u) v = -v;
  return u;
}

using Json = nlohmann::ordered_json;  // what is read first stands first

// What the area says, in words.
std::string verdict(const std::string& out, const std::string& in, double area) {
  const char* says = area >= 0.9   ? "U tells {} from {}"
                     : area >= 0.6 ? "U tells {} from {} in part"
                     : area > 0.4  ? "U does not tell {} from {}"
                                   : "U takes {} for more plausible than {}";
  return fmt::format(fmt::runtime(says), out, in) + fmt::format(": AUROC {:.3g}", area);
}

double mean(const std::vector<float>& u) {
  return std::accumulate(u.begin(), u.end(), 0.0) / static_cast<double>(u.size());
}

// What U tells of a set of outliers.
struct Figures {
  double auroc, auprc_out, auprc_in;
  double chance;  // the outliers' share
};

class Ood {
 public:
  explicit Ood(const OodFlags& flags);
  void compute();
  void write() const;

 private:
  void load_in();
  void load_unseen();
  void print_table() const;
  Json to_json() const;
  void print_histograms() const;

  const OodFlags& flags_;
  uint64_t seed_;
  std::unique_ptr<Trainer> trainer_;
  std::string in_name_;
  std::vector<float> held_;  // (n, H, W, C), of the class that was held out
  std::vector<float> in_;    // (n, H, W, C)
  std::vector<float> u_in_;  // (n)
  std::vector<Outliers> sets_;
  std::vector<Figures> figures_;    // of sets_
  std::vector<std::string> words_;  // what they come to
  // Of a model that tilts a density q, each with the areas of sets_: does the tilt know what q does not?
  struct Part {
    const char* name;
    std::vector<double> auroc;
  };
  std::vector<Part> parts_;
  Histogram bars_;
  size_t width_ = 0;  // of the names' column
};

Ood::Ood(const OodFlags& flags) : flags_(flags), seed_(static_cast<uint64_t>(parse_count("seed", flags.seed, 0))) {
  EBM_CHECK(flags.png.empty() || std::filesystem::path(flags.png).extension() == ".png", "--png", flags.png,
            "a name that ends in .png");
  trainer_ = load_model(flags.model, {Ability::energy});
  check_writable(flags.json);
  if (!flags.png.empty()) check_writable(flags.png);
  if (flags.held_out.empty())
    load_in();
  else
    load_unseen();
}

void Ood::load_in() {
  const ImageShape shape = trainer_->abilities().image;
  in_name_ = flags_.in.empty() ? trainer_->settings().data : flags_.in;
  ImageInput own;
  if (flags_.in.empty()) {
    const Dataset test = load_own_data(*trainer_, flags_.data, Split::test);
    own.pixels = first_images(test.images, test.count());
  } else {
    own = load_image_input("--in", in_name_, flags_.data, flags_.range, shape, trainer_->settings().of_folder());
  }
  const int64_t count = static_cast<int64_t>(own.pixels.size()) / shape.elements();
  const int64_t n =
      flags_.n.empty() ? std::min(kDefaultImages, count) : parse_count("n", flags_.n, kLeastImages, count);
  in_ = first_images(std::move(own), n, shape);
}

// The split that the run was trained on: what it was not shown of the other classes, and the class that it never saw.
void Ood::load_unseen() {
  const Settings& s = trainer_->settings();
  const int64_t label = parse_count("held-out", flags_.held_out, 0, 255);
  EBM_CHECK(label == s.held_out, "--held-out", flags_.held_out,
            s.held_out < 0 ? "a run that was trained with --held-out " + flags_.held_out
                           : fmt::format("{}, which this run was not shown", s.held_out));
  EBM_CHECK(flags_.in.empty() && !flags_.out_given, "--held-out", "--in or --out too", "one way to choose the images");
  const HeldOut split = load_held_out(s, flags_.data, say);
  const int64_t count = split.normal.count();
  const int64_t n = flags_.n.empty() ? count : parse_count("n", flags_.n, kLeastImages, count);
  // the class is cut by the same share, so that the prevalence stays
  const int64_t held = std::max<int64_t>(1, split.held.count() * n / count);
  in_name_ = s.data + " unseen";
  in_ = first_images(split.normal.images, n);
  held_ = first_images(split.held.images, held);
}

void Ood::compute() {
  const ImageShape shape = trainer_->abilities().image;
  const int64_t n = static_cast<int64_t>(in_.size()) / shape.elements();
  const Abilities& model = trainer_->abilities();
  std::vector<std::vector<float>> log_q, f;  // of in_ and of each of sets_, of a model that tilts a density
  const auto energies = [&](const std::vector<float>& images) {
    if (!model.tilt) return image_energies(*trainer_, images);
    const std::vector<float> x = as_modelled(*trainer_, images);
    log_q.push_back(image_values(shape, trainer_->device(), x, model.log_base));
    f.push_back(image_values(shape, trainer_->device(), x, model.tilt));
    std::vector<float> u(f.back().size());
    for (size_t i = 0; i < u.size(); ++i) u[i] = -(f.back()[i] + log_q.back()[i]);
    return u;
  };
  u_in_ = energies(in_);
  if (!held_.empty())
    sets_.push_back({"class " + flags_.held_out, energies(held_)});
  else
    for (const std::string& what : flags_.out)
      sets_.push_back({what, energies(outliers(flags_, what, in_, n, seed_, shape, trainer_->settings().of_folder()))});
  const auto by = [&](const char* name, const std::vector<std::vector<float>>& values) {
    Part part{name, {}};
    for (size_t i = 1; i < values.size(); ++i) part.auroc.push_back(auroc(negated(values[i]), negated(values[0])));
    parts_.push_back(std::move(part));
  };
  if (model.tilt) {
    by("log q", log_q);
    by("f", f);
  }
  std::vector<std::vector<float>> all{u_in_};
  for (const Outliers& set : sets_) all.push_back(set.u);
  bars_ = histogram(all, kBins);
  for (const Outliers& set : sets_)
    figures_.push_back({auroc(set.u, u_in_), average_precision(set.u, u_in_),
                        average_precision(negated(u_in_), negated(set.u)),
                        static_cast<double>(set.u.size()) / static_cast<double>(set.u.size() + u_in_.size())});
  for (size_t i = 0; i < sets_.size(); ++i) words_.push_back(verdict(sets_[i].name, in_name_, figures_[i].auroc));
  width_ = in_name_.size() + 5;
  for (const Outliers& set : sets_) width_ = std::max(width_, set.name.size());
}

void Ood::print_table() const {
  fmt::print("{} at iteration {}: U of {} images of {}; a high U should mean an outlier\n\n",
             trainer_->settings().recipe, trainer_->iteration(), u_in_.size(), in_name_);
  fmt::print("{:<{}} {:>7} {:>10} {:>8} {:>11} {:>11} {:>11}\n", "", width_, "images", "mean U", "AUROC", "AUPRC out",
             "AUPRC in", "out, chance");
  fmt::print("{:<{}} {:>7} {:>10.4g}\n", in_name_ + " (in)", width_, u_in_.size(), mean(u_in_));
  for (size_t i = 0; i < sets_.size(); ++i) {
    const auto& [name, u] = sets_[i];
    const Figures& f = figures_[i];
    fmt::print("{:<{}} {:>7} {:>10.4g} {:>8.4f} {:>11.4f} {:>11.4f} {:>11.4f}\n", name, width_, u.size(), mean(u),
               f.auroc, f.auprc_out, f.auprc_in, f.chance);
  }
  for (const Part& part : parts_)
    for (size_t i = 0; i < sets_.size(); ++i)
      fmt::print("{:<{}} by {} alone, low where it is an outlier: AUROC {:.4f}\n", sets_[i].name, width_, part.name,
                 part.auroc[i]);
  fmt::print(
      "\nAUROC: probability that an outlier's U is the higher one (0.5: U tells nothing, below: it takes outliers\n"
      "for the more plausible). AUPRC out: outliers are the positives, found by high U; in: by low U the others;\n"
      "out, chance: the outliers' share, which is what a score that tells nothing gets for AUPRC out.\n");
}

void Ood::print_histograms() const {
  fmt::print("\nU from {:.4g} to {:.4g}, each set scaled to its own highest bar\n", bars_.low, bars_.high);
  for (size_t i = 0; i <= sets_.size(); ++i)
    fmt::print("{:<{}} |{}|\n", i == 0 ? in_name_ + " (in)" : sets_[i - 1].name, width_, line_of(bars_, i));
  if (flags_.png.empty()) return;
  write_png(flags_.png, picture(bars_));
  fmt::print("the same in {}, from top to bottom\n", flags_.png);
}

// The verdict, a row for each set, the model's own kind first, then what they depend on (tools/evaluate/report.h).
Json Ood::to_json() const {
  const auto row = [&](const std::string& name, const std::vector<float>& u, size_t bars) {
    return Json{{"name", name}, {"images", u.size()}, {"mean U", mean(u)}, {"histogram of U", bars_.shares[bars]}};
  };
  Json rows = Json::array();
  rows.push_back(row(in_name_ + " (in)", u_in_, 0));
  for (size_t i = 0; i < sets_.size(); ++i) {
    const Figures& f = figures_[i];
    rows.push_back(row(sets_[i].name, sets_[i].u, i + 1));
    rows.back().update(
        {{"AUROC", f.auroc}, {"AUPRC out", f.auprc_out}, {"AUPRC in", f.auprc_in}, {"AUPRC out by chance", f.chance}});
    for (const Part& part : parts_) rows.back()[fmt::format("AUROC by {}", part.name)] = part.auroc[i];
  }
  return {{"Verdict", words_},
          {"Outliers by U", rows},
          {"recipe", trainer_->settings().recipe},
          {"iteration", trainer_->iteration()},
          {"seed", seed_},
          {"histograms_from", bars_.low},
          {"histograms_to", bars_.high}};
}

void Ood::write() const {
  print_table();
  for (const std::string& line : words_) fmt::print("{}{}\n", &line == words_.data() ? "\n" : "", line);
  print_histograms();
  write_json(flags_.json, to_json());
}

}  // namespace

void add_ood_command(CLI::App& app) {
  auto flags = std::make_shared<OodFlags>();
  CLI::App* command = app.add_subcommand("ood", "does U tell images of other kinds from the model's own?");
  flags->model.add_to(*command);
  command->add_option("--in", flags->in, "the model's kind of images: a data set's test images, or files [the run's]")
      ->type_name("DATASET|FILE|FOLDER");
  command
      ->add_option("--out", flags->out,
                   "outliers: data sets or files; noise: uniform; rotated: --in by a quarter turn; inverted: --in in "
                   "negative [noise,rotated,inverted]")
      ->delimiter(',')
      ->type_name("NAME,NAME...");
  command
      ->add_option("--n", flags->n,
                   "images of --in, and at most as many of each kind of outliers [2000, or all there are]")
      ->type_name("N");
  command->add_option("--seed", flags->seed, "seed of the noise [1]")->type_name("N");
  add_range_option(*command, flags->range);
  add_data_option(*command, flags->data);
  command->add_option("--json", flags->json, "all figures as JSON [ood.json in the run's folder]")->type_name("FILE");
  command->add_option("--png", flags->png, "the histograms as a picture")->type_name("FILE.png");
  command
      ->add_option(
          "--held-out", flags->held_out,
          "the class that the run was trained without, against what it was not shown of the others; all images "
          "of both, or --n of the others and as large a share of the class")
      ->type_name("LABEL");
  command->callback([flags, command] {
    flags->out_given = command->count("--out") > 0;
    flags->json = output_path(flags->json, flags->model.run, "ood.json");
    run_command<Ood>(*flags);
  });
}

}  // namespace ebm
