// Mean and covariance of a stream of feature vectors, in fp64: memory does not grow with their number.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ebm {

struct Gaussian {
  std::vector<double> mean;        // (d)
  std::vector<double> covariance;  // (d, d), symmetric

  int64_t dimension() const { return static_cast<int64_t>(mean.size()); }
};

class Moments {
 public:
  explicit Moments(int64_t dimension);

  // rows (count, dimension), any count. Throws Error on NaN or infinity.
  void add(std::span<const float> rows);
  // The moments of both streams together: the pairwise update of Chan, Golub and LeVeque (1979).
  void merge(const Moments& other);

  int64_t count() const { return count_; }
  int64_t dimension() const { return static_cast<int64_t>(mean_.size()); }
  // Mean and unbiased covariance (divided by count − 1); throws Error with fewer than two vectors.
  Gaussian gaussian() const;

 private:
  int64_t count_ = 0;
  std::vector<double> mean_;     // (d)
  std::vector<double> scatter_;  // (d, d): Σ (x − mean)(x − mean)ᵀ
};

}  // namespace ebm
