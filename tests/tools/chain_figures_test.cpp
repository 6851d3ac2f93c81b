// The pictures of ./ebm interpolate and trace, image by image, and the energies beside them.
#include <cstdio>

#include "kernels/random_fill.h"
#include "tests/tools/figures.h"
#include "tests/train/tiny_run.h"
#include "tools/evaluate/caption.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// (1 − ρ) left + ρ right
std::vector<float> mixed(std::span<const float> left, std::span<const float> right, double rho) {
  std::vector<float> z;
  for (size_t i = 0; i < left.size(); ++i) z.push_back(static_cast<float>((1 - rho) * left[i] + rho * right[i]));
  return z;
}

constexpr int kTraced = 2, kTracedSteps = 4;  // chains and steps of trace()

void trace(const TemporaryFolder& folder) {
  of_run(folder, {"trace", "--n", "2", "--columns", "3", "--steps", "4", "--seed", "3"});
}

// Its images after 0 … 4 steps as ebm sample draws them, (2, 28, 28, 1) each.
std::vector<std::vector<float>> traced_images(const TemporaryFolder& folder) {
  std::vector<std::vector<float>> x;
  for (const char* steps : {"0", "1", "2", "3", "4"})
    x.push_back(samples(folder, {"--n", "2", "--seed", "3", "--steps", steps}));
  return x;
}

// U as its table has it, chain by chain, and step by step in each.
std::vector<double> traced_energies(const TemporaryFolder& folder) {
  std::istringstream table(get(folder / "run/trace.csv"));
  std::string line;
  std::getline(table, line);
  CHECK(line.starts_with("# U after each Langevin step"));
  std::getline(table, line);
  CHECK(line == "chain,step,U");
  std::vector<double> u;
  for (int chain = 0; chain < kTraced; ++chain)
    for (int step = 0; step <= kTracedSteps; ++step) {
      std::getline(table, line);
      const std::string start = std::to_string(chain) + "," + std::to_string(step) + ",";
      REQUIRE_MESSAGE(line.starts_with(start), line);
      u.push_back(std::stod(line.substr(start.size())));
    }
  return u;
}

// As the captions have it.
std::string three_digits(double u) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3G", u);
  return text;
}

}  // namespace

TEST_CASE("interpolate draws g on the line between two latent vectors and its revision, and gives U of both") {
  const FixedPlans fixed;
  const OneThread one_thread;
  const TemporaryFolder folder;
  train_lively_run(folder);
  of_run(folder, {"interpolate", "--n", "2", "--columns", "5", "--seed", "3"});

  const auto trainer = trained(folder);
  const RandomKey key{3, Stream::sample, 0, 0};
  Tensor normal = Tensor::empty({4, 8}, kCpu);  // the left end of both rows, then the right
  fill_normal(normal, key, 0, 1.0f);
  const std::vector<float> ends = normal.to_host();
  const auto end = [&](size_t i) { return std::span(ends).subspan(i * 8, 8); };
  std::vector<float> z;  // (10, 8)
  for (const size_t row : {0, 1})
    for (const double rho : {0.0, 0.25, 0.5, 0.75, 1.0})
      for (const float v : mixed(end(row), end(2 + row), rho)) z.push_back(v);
  Tensor x = trainer->generate(Tensor::from_host(z, {10, 8}, kCpu));
  const std::vector<float> generated = x.to_host();
  trainer->revise(x, key, 3, 1.0);
  const std::vector<float> revised = x.to_host();
  const Picture expected =
      side_by_side(image_grid(generated, kTinyImage, 2, 5, 2), image_grid(revised, kTinyImage, 2, 5, 2));
  CHECK(difference(read_picture(folder / "run/interpolate.png"), expected) <= 1);

  for (const auto& [name, images] : {std::pair{"g(z)", &generated}, {"revised", &revised}}) {
    const std::vector<double> u = energies(folder, *images);  // (10)
    for (size_t row = 0; row < 2; ++row) {
      CAPTURE(row);
      const std::string line = "row " + std::to_string(row + 1) + ", " + name;
      const auto shown = result(folder / "run/interpolate.json", line).get<std::vector<double>>();
      REQUIRE(shown.size() == 5);
      for (size_t i = 0; i < 5; ++i) CHECK(shown[i] == doctest::Approx(u[row * 5 + i]).epsilon(1e-3));
    }
    CHECK(distance(std::span(u).first(5), std::span(u).last(5)) > 1e-3);  // rows that differ
  }

  // from one column to the next there is something to see, and in the revision
  const auto alone = [&](size_t i) { return image_grid(image(generated, i), kTinyImage, 1, 1); };
  for (const size_t i : {0, 1, 2, 3, 5, 6, 7, 8}) CHECK(difference(alone(i), alone(i + 1)) > 5);
  CHECK(distance(generated, revised) > 0.03);
}

TEST_CASE("trace's table and figures are ebm energy's U of ebm sample's images after so many steps") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  trace(folder);
  std::vector<float> all;
  for (const std::vector<float>& x : traced_images(folder)) all.insert(all.end(), x.begin(), x.end());
  const std::vector<double> u = energies(folder, all);  // step by step, chain by chain in each
  const std::vector<double> shown = traced_energies(folder);
  REQUIRE(u.size() == shown.size());
  for (size_t chain = 0; chain < kTraced; ++chain) {
    const nlohmann::json figures = result(folder / "run/trace.json", "chain " + std::to_string(chain));
    for (size_t step = 0; step <= kTracedSteps; ++step) {
      CAPTURE(step);
      const double value = shown[chain * (kTracedSteps + 1) + step];
      CHECK(value == doctest::Approx(u[step * kTraced + chain]).epsilon(1e-3));
      CHECK(figures[step].get<double>() == doctest::Approx(value));
      if (step > 0) CHECK(std::abs(value - u[(step - 1) * kTraced + chain]) > 0.01);  // not the same all along
    }
  }
}

TEST_CASE("trace's picture shows these images, the step above and U beneath each") {
  const TemporaryFolder folder;
  train_lively_run(folder);
  trace(folder);
  const std::vector<std::vector<float>> x = traced_images(folder);
  const std::vector<double> u = traced_energies(folder);
  CHECK(distance(x[0], x[2]) > 0.03);  // there is a difference to see
  CHECK(distance(x[2], x[4]) > 0.03);
  std::vector<Picture> parts{caption_strip(std::vector<std::string>{"t=0", "t=2", "t=4"}, 28 * 3, 1)};
  for (size_t chain = 0; chain < kTraced; ++chain) {
    std::vector<float> row;
    std::vector<std::string> captions;
    for (const size_t step : {0, 2, 4}) {
      append(row, image(x[step], chain));
      captions.push_back(three_digits(u[chain * (kTracedSteps + 1) + step]));
    }
    parts.push_back(image_grid(row, kTinyImage, 1, 3, 3));
    parts.push_back(caption_strip(captions, 28 * 3, 1));
  }
  CHECK(difference(read_picture(folder / "run/trace.png"), stacked(parts)) <= 1);
}
