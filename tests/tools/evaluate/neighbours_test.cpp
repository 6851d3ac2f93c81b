#include "tools/evaluate/neighbours.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// The papers' definitions, all distances in double.
class Reference {
 public:
  Reference(const std::vector<float>& real, const std::vector<float>& fake, size_t d) : d_(d) {
    const size_t n = real.size() / d, m = fake.size() / d;
    const std::vector<double> real3 = radii(real, 3), real5 = radii(real, 5), fake3 = radii(fake, 3);
    size_t precise = 0, recalled = 0, hits = 0, covered = 0;
    for (size_t j = 0; j < m; ++j) {
      bool inside = false;
      for (size_t i = 0; i < n; ++i) {
        inside = inside || distance(fake, j, real, i) <= real3[i];
        hits += distance(fake, j, real, i) <= real5[i];
      }
      precise += inside;
    }
    for (size_t i = 0; i < n; ++i) {
      bool inside = false, holds = false;
      for (size_t j = 0; j < m; ++j) {
        inside = inside || distance(real, i, fake, j) <= fake3[j];
        holds = holds || distance(real, i, fake, j) <= real5[i];
      }
      recalled += inside;
      covered += holds;
    }
    const double count = static_cast<double>(n), samples = static_cast<double>(m);
    scores = {static_cast<double>(precise) / samples, static_cast<double>(recalled) / count,
              static_cast<double>(hits) / (5 * samples), static_cast<double>(covered) / count};
  }

  NeighbourScores scores;

 private:
  double distance(const std::vector<float>& a, size_t i, const std::vector<float>& b, size_t j) const {
    double sum = 0;
    for (size_t c = 0; c < d_; ++c) {
      const double difference = static_cast<double>(a[i * d_ + c]) - b[j * d_ + c];
      sum += difference * difference;
    }
    return sum;
  }
  std::vector<double> radii(const std::vector<float>& a, int k) const {
    std::vector<double> result;
    for (size_t i = 0; i < a.size() / d_; ++i) {
      std::vector<double> all;
      for (size_t j = 0; j < a.size() / d_; ++j)
        if (j != i) all.push_back(distance(a, i, a, j));
      std::sort(all.begin(), all.end());
      result.push_back(all[static_cast<size_t>(k - 1)]);
    }
    return result;
  }

  size_t d_;
};

}  // namespace

TEST_CASE("neighbour scores by hand") {
  // Reference 0 … 5: radii for k = 3 are 3 2 2 2 2 3, for k = 5 they are 5 4 3 3 4 5.
  // Samples 5, 5.5, 6, 20: in a ball for k = 3: 5, 5.5, 6, not 20.
  //   their own radii for k = 3: 15, 14.5, 14, 15: every reference image lies in one.
  //   balls for k = 5 hold: [0,5]: 1; [−3,5]: 1; [−1,5]: 1; [0,6]: 3; [0,8]: 3; [0,10]: 3: 12 in all.
  const NeighbourScores s =
      neighbour_scores(std::vector<float>{0, 1, 2, 3, 4, 5}, std::vector<float>{5, 5.5, 6, 20}, 1);
  CHECK(s.precision == 0.75);
  CHECK(s.recall == 1);
  CHECK(s.density == 12.0 / 20);
  CHECK(s.coverage == 1);
}

TEST_CASE("neighbour scores by hand, of a reference with equal points and balls without a width") {
  // Reference four 0 and four 8: radii for k = 3 are 0, for k = 5 they are 8. In a ball for k = 3: 0 and 8, not 4 and 20.
  //   balls for k = 5 hold: those of 0: 0, 4, 8 (on the border); of 8: 0, 4, 8: 24 in all.
  //   the samples' own radii for k = 3: 20, 12, 16, 20: every reference image lies in one.
  const NeighbourReference reference(std::vector<float>{0, 0, 0, 0, 8, 8, 8, 8}, 1);
  const NeighbourScores s = reference.scores(std::vector<float>{0, 8, 4, 20});
  CHECK(s.precision == 0.5);
  CHECK(s.recall == 1);
  CHECK(s.density == 24.0 / 20);
  CHECK(s.coverage == 1);
  // the same reference judges another set: 30 lies in no ball, and its own balls have no width
  const NeighbourScores far = reference.scores(std::vector<float>{30, 30, 30, 30});
  CHECK(far.precision + far.recall + far.density + far.coverage == 0);
}

TEST_CASE("neighbour scores are those of the definitions, over several blocks of rows") {
  const std::vector<float> real = cpu_normal({600, 8}, 1).to_host(),
                           fake = normal({300, 8}, 2, 0.5f, 0.8f, kCpu).to_host();
  const NeighbourScores got = neighbour_scores(real, fake, 8), expected = Reference(real, fake, 8).scores;
  CHECK(got.precision == doctest::Approx(expected.precision).epsilon(1e-9));
  CHECK(got.recall == doctest::Approx(expected.recall).epsilon(1e-9));
  CHECK(got.density == doctest::Approx(expected.density).epsilon(1e-9));
  CHECK(got.coverage == doctest::Approx(expected.coverage).epsilon(1e-9));
  CHECK(got.precision > 0.5);  // the case is one where the scores say something
  CHECK(got.recall < 0.95);
}

TEST_CASE("neighbour scores of a set against itself, far away, and after a common shift") {
  const std::vector<float> real = cpu_normal({100, 4}, 3).to_host();
  const NeighbourScores same = neighbour_scores(real, real, 4);
  CHECK(same.precision == 1);
  CHECK(same.recall == 1);
  CHECK(same.coverage == 1);
  CHECK(same.density == doctest::Approx(600.0 / 500));  // each ball holds its centre and its 5 neighbours
  std::vector<float> far = real, shifted = real, fake = cpu_normal({80, 4}, 4).to_host(), shifted_fake = fake;
  for (float& value : far) value += 100;
  const NeighbourScores none = neighbour_scores(real, far, 4);
  CHECK(none.precision + none.recall + none.density + none.coverage == 0);
  for (float& value : shifted) value += 64;
  for (float& value : shifted_fake) value += 64;
  const NeighbourScores a = neighbour_scores(real, fake, 4), b = neighbour_scores(shifted, shifted_fake, 4);
  CHECK(b.precision == doctest::Approx(a.precision).epsilon(0.02));  // fp32 rounds after the shift
  CHECK(b.density == doctest::Approx(a.density).epsilon(0.02));
}

TEST_CASE("neighbour scores refuse sets without a k-th neighbour") {
  CHECK(contains(error_of([] { neighbour_scores(std::vector<float>(5), std::vector<float>(9), 1); }), "5 vectors"));
  CHECK(contains(error_of([] { neighbour_scores(std::vector<float>(9), std::vector<float>(3), 1); }), "3 vectors"));
}
