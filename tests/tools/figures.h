// For tests of a command's figures and pictures: the same quantities by another way, through ./ebm sample and energy
// or the library, and what a command wrote.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>

#include "tests/tools/tiny_tool_run.h"
#include "tools/settings_flags.h"
#include "train/checkpoint.h"
#include "train/data/dataset.h"
#include "train/files/image_file.h"
#include "train/files/image_grid.h"
#include "train/files/npy.h"
#include "train/trainer.h"

namespace ebm::test {

inline constexpr ImageShape kTinyImage{28, 28, 1};
inline constexpr int64_t kTinyPixels = 28 * 28;

// What a command printed about the folder's run, which must succeed.
inline std::string of_run(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin() + 1, {"--run", "run", "--device", "cpu"});
  const Outcome outcome = ebm_tool(folder, arguments);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  return outcome.out;
}

// The i-th of images (N, 28, 28, 1).
inline std::span<const float> image(const std::vector<float>& images, size_t i) {
  return std::span(images).subspan(i * kTinyPixels, kTinyPixels);
}

inline void append(std::vector<float>& images, std::span<const float> more) {
  images.insert(images.end(), more.begin(), more.end());
}

// The first `count` of a set, in [-1, 1].
inline std::vector<float> floats_of(const ImageSet& images, int64_t count) {
  std::vector<float> x;  // (count, H, W, C)
  for (int64_t i = 0; i < count * images.image_elements(); ++i)
    x.push_back(to_float(images.pixels[static_cast<size_t>(i)]));
  return x;
}

inline void write_images(const std::filesystem::path& path, const std::vector<float>& x) {
  write_npy(path, x, {static_cast<int64_t>(x.size()) / kTinyPixels, 28, 28, 1});
}

// Images (N, 28, 28, 1) of the folder's run by ./ebm sample.
inline std::vector<float> samples(const TemporaryFolder& folder, std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"sample", "--out", "samples.npy"});
  of_run(folder, flags);
  return read_npy(folder / "samples.npy").values;
}

// U (N) of images (N, 28, 28, 1) by ./ebm energy.
inline std::vector<double> energies(const TemporaryFolder& folder, const std::vector<float>& x) {
  write_images(folder / "x.npy", x);
  of_run(folder, {"energy", "--images", "x.npy", "--out", "u.csv"});
  std::istringstream table(get(folder / "u.csv"));
  std::vector<double> u;
  std::string line;
  while (std::getline(table, line))
    if (std::isdigit(static_cast<unsigned char>(line[0]))) u.push_back(std::stod(line.substr(line.find(',') + 1)));
  return u;
}

// The networks of the folder's run, for a test with FixedPlans and OneThread (tests/train/tiny_run.h): they compute
// what the programs do.
inline std::unique_ptr<Trainer> trained(const TemporaryFolder& folder) {
  const Checkpoint checkpoint = read_checkpoint(folder / "run");
  auto trainer = std::make_unique<Trainer>(*read_config(checkpoint.config(), "run").settings, kCpu);
  trainer->load_state(checkpoint.file);
  return trainer;
}

// The value of a row of a result file: its only section, the row of that name.
inline nlohmann::json result(const std::filesystem::path& path, const std::string& row) {
  const nlohmann::json json = nlohmann::json::parse(get(path));
  for (const auto& candidate : json.begin().value())
    if (candidate["name"] == row) return candidate["value"];
  FAIL("no row " << row);
  return {};
}

inline Picture read_picture(const std::filesystem::path& path) {
  const ImageSet image = load_images(path, {0, 0, 0});
  return {image.shape(), image.pixels};
}

// Largest difference of two pictures in levels; 256 where they differ in size.
inline int difference(const Picture& drawn, const Picture& expected) {
  if (drawn.shape != expected.shape) return 256;
  int worst = 0;
  for (size_t i = 0; i < expected.pixels.size(); ++i)
    worst = std::max(worst, std::abs(drawn.pixels[i] - expected.pixels[i]));
  return worst;
}

// The root mean square difference of two lists of numbers of one size.
template <class A, class B>
double distance(const A& a, const B& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace ebm::test
