#include "tools/evaluate/neighbours.h"

#include <algorithm>
#include <limits>
#include <string>

#include "core/check.h"
#include "kernels/linear.h"

namespace ebm {
namespace {

constexpr int64_t kBlock = 256;  // rows whose distances to all others are held at once

std::vector<double> mean_of(std::span<const float> rows, int64_t d) {
  std::vector<double> mean(static_cast<size_t>(d));
  for (size_t i = 0; i < rows.size(); ++i) mean[i % static_cast<size_t>(d)] += rows[i];
  for (double& value : mean) value *= static_cast<double>(d) / static_cast<double>(rows.size());
  return mean;
}

// Calls visit(i, row) for every row i of a; row (b.n) holds its squared distances to b. The calls of a block
// come from several threads.
template <class Visit>
void for_distances(const Points& a, const Points& b, int64_t d, const Visit& visit) {
  std::vector<float> block(static_cast<size_t>(std::min(kBlock, a.n) * b.n));  // (rows, b.n)
  for (int64_t first = 0; first < a.n; first += kBlock) {
    const int64_t rows = std::min(kBlock, a.n - first);
    cpu::gemm(false, true, rows, b.n, d, a.values.data() + first * d, b.values.data(), 0.0f, block.data());
#pragma omp parallel for
    for (int64_t i = 0; i < rows; ++i) {
      float* row = block.data() + i * b.n;
      const float norm = a.norms[static_cast<size_t>(first + i)];
#pragma omp simd
      for (int64_t j = 0; j < b.n; ++j) row[j] = std::max(0.0f, norm + b.norms[static_cast<size_t>(j)] - 2 * row[j]);
      visit(first + i, row);
    }
  }
}

// The k-th smallest of row (n), entry `self` left out.
float kth_smallest(const float* row, int64_t n, int64_t self, int k) {
  std::vector<float> smallest(static_cast<size_t>(k), std::numeric_limits<float>::infinity());  // ascending
  for (int64_t j = 0; j < n; ++j) {
    if (row[j] >= smallest.back() || j == self) continue;
    smallest.back() = row[j];
    for (size_t i = smallest.size() - 1; i > 0 && smallest[i] < smallest[i - 1]; --i)
      std::swap(smallest[i], smallest[i - 1]);
  }
  return smallest.back();
}

// Squared distance from each point to its k-th nearest other point: (n).
std::vector<float> radii(const Points& points, int64_t d, int k) {
  EBM_CHECK(points.n > k, "neighbour_scores", std::to_string(points.n) + " vectors",
            "at least " + std::to_string(k + 1));
  std::vector<float> result(static_cast<size_t>(points.n));
  for_distances(points, points, d, [&](int64_t i, const float* row) {
    result[static_cast<size_t>(i)] = kth_smallest(row, points.n, i, k);
  });
  return result;
}

double share(const std::vector<int64_t>& counts) {
  const auto some = std::count_if(counts.begin(), counts.end(), [](int64_t count) { return count > 0; });
  return static_cast<double>(some) / static_cast<double>(counts.size());
}

// For each centre, how many points its ball holds; radii are squared.
std::vector<int64_t> held(const Points& centres, const std::vector<float>& radii, const Points& points, int64_t d) {
  std::vector<int64_t> counts(static_cast<size_t>(centres.n));
  for_distances(centres, points, d, [&](int64_t i, const float* row) {
    const float radius = radii[static_cast<size_t>(i)];
    counts[static_cast<size_t>(i)] = std::count_if(row, row + points.n, [&](float x) { return x <= radius; });
  });
  return counts;
}

// For each point, how many balls hold it.
std::vector<int64_t> holders(const Points& points, const Points& centres, const std::vector<float>& radii, int64_t d) {
  std::vector<int64_t> counts(static_cast<size_t>(points.n));
  for_distances(points, centres, d, [&](int64_t i, const float* row) {
    int64_t count = 0;
    for (int64_t j = 0; j < centres.n; ++j) count += row[j] <= radii[static_cast<size_t>(j)];
    counts[static_cast<size_t>(i)] = count;
  });
  return counts;
}

}  // namespace

Points::Points(std::span<const float> rows, int64_t d, const std::vector<double>& origin)
    : n(static_cast<int64_t>(rows.size()) / d), values(rows.size()), norms(static_cast<size_t>(n)) {
#pragma omp parallel for
  for (int64_t i = 0; i < n; ++i) {
    double norm = 0;
    for (int64_t j = 0; j < d; ++j) {
      const float value = static_cast<float>(rows[static_cast<size_t>(i * d + j)] - origin[static_cast<size_t>(j)]);
      values[static_cast<size_t>(i * d + j)] = value;
      norm += static_cast<double>(value) * value;
    }
    norms[static_cast<size_t>(i)] = static_cast<float>(norm);
  }
}

NeighbourReference::NeighbourReference(std::span<const float> rows, int64_t d)
    : d_(d),
      origin_(mean_of(rows, d)),
      real_(rows, d, origin_),
      precision_radii_(radii(real_, d, NeighbourScores::kPrecisionNeighbours)),
      density_radii_(radii(real_, d, NeighbourScores::kDensityNeighbours)) {}

NeighbourScores NeighbourReference::scores(std::span<const float> samples) const {
  const Points fake(samples, d_, origin_);
  const std::vector<int64_t> in_balls = held(real_, density_radii_, fake, d_);
  double hits = 0;
  for (const int64_t count : in_balls) hits += static_cast<double>(count);
  return {.precision = share(holders(fake, real_, precision_radii_, d_)),
          .recall = share(holders(real_, fake, radii(fake, d_, NeighbourScores::kPrecisionNeighbours), d_)),
          .density = hits / (NeighbourScores::kDensityNeighbours * static_cast<double>(fake.n)),
          .coverage = share(in_balls)};
}

NeighbourScores neighbour_scores(std::span<const float> reference, std::span<const float> samples, int64_t dimension) {
  return NeighbourReference(reference, dimension).scores(samples);
}

}  // namespace ebm
