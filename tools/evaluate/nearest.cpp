#include "tools/evaluate/nearest.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "core/check.h"
#include "kernels/linear.h"
#include "train/data/dataset.h"

namespace ebm {
namespace {

constexpr int64_t kQueryBlock = 500, kReferenceBlock = 2000;  // (500, 2000) products take 4 MB

using Candidate = std::pair<float, int64_t>;  // squared distance, index

double squared_norm(const float* x, int64_t size) { return std::inner_product(x, x + size, x, 0.0); }

double exact_distance(const float* query, const uint8_t* reference, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) {
    const double difference = static_cast<double>(query[i]) - static_cast<double>(to_float(reference[i]));
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

// Keeps the k least in a heap whose top is the greatest of them.
void offer(std::vector<Candidate>& heap, size_t k, const Candidate& candidate) {
  if (heap.size() == k) {
    if (candidate >= heap.front()) return;
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
  }
  heap.push_back(candidate);
  std::push_heap(heap.begin(), heap.end());
}

}  // namespace

std::vector<double> Neighbours::nearest_distances() const {
  std::vector<double> first;
  for (size_t i = 0; i < distance.size(); i += static_cast<size_t>(k)) first.push_back(distance[i]);
  return first;
}

Neighbours nearest_images(std::span<const float> queries, const ImageSet& references, int64_t k) {
  const int64_t size = references.image_elements();
  EBM_CHECK(size > 0 && static_cast<int64_t>(queries.size()) % size == 0, "nearest",
            fmt::format("{} values", queries.size()), fmt::format("whole images of {}", size));
  EBM_CHECK(k >= 1 && k <= references.count, "nearest", fmt::format("k = {}", k),
            fmt::format("1 to {}", references.count));
  for (const float value : queries) EBM_CHECK(!std::isnan(value), "nearest", "NaN in an image", "numbers");
  const int64_t n = static_cast<int64_t>(queries.size()) / size;
  std::vector<std::vector<Candidate>> heaps(static_cast<size_t>(n));
  std::vector<float> block(static_cast<size_t>(kReferenceBlock * size)), products(kQueryBlock * kReferenceBlock);
  std::vector<double> block_norms(kReferenceBlock), query_norms;
  for (int64_t i = 0; i < n; ++i) query_norms.push_back(squared_norm(queries.data() + i * size, size));
  for (int64_t first = 0; first < references.count; first += kReferenceBlock) {
    const int64_t count = std::min(kReferenceBlock, references.count - first);
    std::transform(references.pixels.begin() + first * size, references.pixels.begin() + (first + count) * size,
                   block.begin(), to_float);
    for (int64_t r = 0; r < count; ++r)
      block_norms[static_cast<size_t>(r)] = squared_norm(block.data() + r * size, size);
    for (int64_t begin = 0; begin < n; begin += kQueryBlock) {
      const int64_t rows = std::min(kQueryBlock, n - begin);
      cpu::gemm(false, true, rows, count, size, queries.data() + begin * size, block.data(), 0.0f, products.data());
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t r = 0; r < count; ++r) {
          // ‖a − b‖² = ‖a‖² + ‖b‖² − 2a·b
          const double squared = query_norms[static_cast<size_t>(begin + i)] + block_norms[static_cast<size_t>(r)] -
                                 2.0 * products[static_cast<size_t>(i * count + r)];
          offer(heaps[static_cast<size_t>(begin + i)], static_cast<size_t>(k),
                {static_cast<float>(squared), first + r});
        }
    }
  }
  Neighbours result;
  result.k = k;
  for (int64_t i = 0; i < n; ++i) {
    std::vector<std::pair<double, int64_t>> found;
    for (const auto& [approximate, index] : heaps[static_cast<size_t>(i)])
      found.emplace_back(exact_distance(queries.data() + i * size, references.pixels.data() + index * size, size),
                         index);
    std::sort(found.begin(), found.end());
    for (const auto& [distance, index] : found) {
      result.distance.push_back(distance);
      result.index.push_back(index);
    }
  }
  return result;
}

double quantile(std::vector<double> values, double share) {
  EBM_CHECK(!values.empty() && share >= 0 && share <= 1, "quantile",
            fmt::format("{} values, share {}", values.size(), share), "values, and a share in [0, 1]");
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], at - static_cast<double>(below));
}

}  // namespace ebm
