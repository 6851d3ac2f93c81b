#include "tools/score_table.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ebm {
namespace {

constexpr char kPixels[] = "clipped to [-1, 1] and rounded to 8 bits";

std::vector<Score> listed(const ReconstructionScores& s) {
  std::vector<Score> list;
  if (s.psnr) list.push_back({"PSNR", *s.psnr, {}, "dB, mean over images x against g(mu(x))"});
  if (s.ssim) list.push_back({"SSIM", *s.ssim, {}, "mean over images x against g(mu(x))"});
  return list;
}

std::string split_name(Split split) { return split == Split::train ? "training" : "test"; }

// Pads to `width` characters on the screen; "±" and "é" are two bytes and one character.
std::string padded(const std::string& text, size_t width) {
  const auto characters = static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  return text + std::string(width > characters ? width - characters : 0, ' ');
}

}  // namespace

std::vector<Score> list_scores(const FeatureScores& s, bool inception) {
  const std::string suffix = inception ? "" : "-cls";
  std::vector<Score> list;
  if (s.frechet) list.push_back({inception ? "FID" : "FD-cls", *s.frechet, {}, "Fréchet distance"});
  if (s.kernel) {
    const KernelDistance& kid = *s.kernel;
    list.push_back(
        {"KID" + suffix, kid.value, kid.standard_error,
         kid.subsets > 1
             ? fmt::format("kernel distance, mean ± standard error of {} subsets of {}", kid.subsets, kid.subset_size)
             : fmt::format("kernel distance of all pairs of {} ± standard error", kid.subset_size)});
  }
  if (s.inception) {
    list.push_back({"IS" + suffix, s.inception->mean, s.inception->deviation,
                    fmt::format("inception score, mean ± deviation of {} splits", s.inception->splits)});
  }
  if (s.neighbours) {
    const int k = NeighbourScores::kPrecisionNeighbours, k_density = NeighbourScores::kDensityNeighbours;
    list.push_back({"precision" + suffix, s.neighbours->precision, {}, fmt::format("neighbour {}", k)});
    list.push_back({"recall" + suffix, s.neighbours->recall, {}, fmt::format("neighbour {}", k)});
    list.push_back({"density" + suffix, s.neighbours->density, {}, fmt::format("neighbour {}", k_density)});
    list.push_back({"coverage" + suffix, s.neighbours->coverage, {}, fmt::format("neighbour {}", k_density)});
  }
  if (s.sure)
    list.push_back({"sure" + suffix, *s.sure, {}, fmt::format("share with a class of probability {} or more", kSure)});
  for (size_t i = 0; i < s.class_shares.size(); ++i)
    list.push_back({fmt::format("class {}", i), s.class_shares[i], {}, "share that the network takes for it"});
  return list;
}

std::string score_text(const Score& score) {
  const std::string value = fmt::format("{:.4g}", score.value);
  return score.plus_minus ? fmt::format("{} ± {:.2g}", value, *score.plus_minus) : value;
}

std::string score_table(const ScoreContext& c, const Evaluation& e) {
  const EvaluationOptions& o = c.options;
  std::string text = fmt::format(
      "{} at iteration {}: {} samples, seed {}; revised: {} {}, noise scale {}\n"
      "against {} {} images; pixels {}\n",
      c.recipe, c.iteration, o.n, o.seed, o.num_steps, method_record(c.method).steps, o.noise_scale, o.n,
      split_name(o.split), kPixels);
  text += fmt::format(
      "generated: {}{}\n", method_record(c.method).start,
      can(c.method, Ability::chains) ? "" : fmt::format("; revised: the same, --method {} has no chains", c.method));
  if (!c.data_note.empty()) text += fmt::format("note: {}: {}\n", c.recipe, c.data_note);
  if (c.features) {
    text += fmt::format("features: {}, {}\n", c.features->name, c.features->note);
    const std::string from =
        e.real_other_split == 0 ? "" : fmt::format(", {} of them from the other split", e.real_other_split);
    text += fmt::format("real: {} images that are not in the reference{}\n\n", e.real_images, from);
    text += fmt::format("{:<15}{:<22}{:<22}{:<22}\n", "", "generated", "revised", "real");
    const bool inception = c.features->inception;
    const std::vector<Score> generated = list_scores(e.generated, inception),
                             revised = list_scores(e.revised, inception), real = list_scores(e.real, inception);
    for (size_t i = 0; i < generated.size(); ++i) {
      text += fmt::format("{:<15}{}{}{}{}\n", generated[i].name, padded(score_text(generated[i]), 22),
                          padded(score_text(revised[i]), 22), padded(score_text(real[i]), 22), generated[i].what);
    }
  }
  if (const std::vector<Score> list = listed(e.reconstruction); !list.empty()) {
    text += fmt::format("\n{:<15}{}\n", "", "reconstructed");
    for (const Score& score : list)
      text += fmt::format("{:<15}{}{}\n", score.name, padded(score_text(score), 66), score.what);
  }
  return text;
}

std::string score_json(const ScoreContext& c, const Evaluation& e) {
  using Json = nlohmann::ordered_json;
  const EvaluationOptions& o = c.options;
  Json rows = Json::array();
  const auto add = [&](const Score& score, const char* images, const Score* floor) {
    Json row{{"name", score.name}, {"images", images}, {"value", score.value}};
    if (score.plus_minus) row["plus_minus"] = *score.plus_minus;
    if (floor) row["floor"] = floor->value;
    if (floor && floor->plus_minus) row["floor_plus_minus"] = *floor->plus_minus;
    row["n"] = o.n;
    row["note"] = score.what;
    rows.push_back(std::move(row));
  };
  if (c.features) {
    const bool inception = c.features->inception;
    const std::vector<Score> generated = list_scores(e.generated, inception),
                             revised = list_scores(e.revised, inception), real = list_scores(e.real, inception);
    for (size_t i = 0; i < generated.size(); ++i) {
      add(generated[i], "generated", &real[i]);
      add(revised[i], "revised", &real[i]);
    }
  }
  for (const Score& score : listed(e.reconstruction)) add(score, "reconstructed", nullptr);

  Json json{{"Scores", rows},
            {"data_set", c.recipe},
            {"method", c.method},
            {"generated", method_record(c.method).start},
            {"iteration", c.iteration},
            {"reference_split", o.split == Split::train ? "train" : "test"},
            {"reference_n", o.n},
            {"langevin_steps_of_revised", o.num_steps},
            {"noise_scale", o.noise_scale},
            {"seed", o.seed},
            {"pixels", kPixels}};
  if (!c.data_note.empty()) json["data_note"] = c.data_note;
  if (c.features) {
    json["features"] = c.features->name;
    json["features_note"] = c.features->note;
    json["floor"] = "real images that are not in the reference, in the samples' place";
    json["floor_n"] = e.real_images;
    json["floor_n_from_other_split"] = e.real_other_split;
  }
  return json.dump(2) + "\n";
}

}  // namespace ebm
