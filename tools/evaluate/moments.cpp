#include "tools/evaluate/moments.h"

#include <algorithm>
#include <string>

#include <Eigen/Core>

#include "core/check.h"

namespace ebm {
namespace {

constexpr char kOp[] = "moments";
constexpr int64_t kBlock = 256;  // rows that are centred on their own mean and taken in at once

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

Moments::Moments(int64_t dimension)
    : mean_(static_cast<size_t>(dimension)), scatter_(static_cast<size_t>(dimension * dimension)) {}

void Moments::add(std::span<const float> rows) {
  const int64_t d = dimension();
  EBM_CHECK(static_cast<int64_t>(rows.size()) % d == 0, kOp, std::to_string(rows.size()) + " values",
            "whole vectors of " + std::to_string(d));
  const int64_t n = static_cast<int64_t>(rows.size()) / d;
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t count = std::min(kBlock, n - first);
    Matrix block = Eigen::Map<const FloatMatrix>(rows.data() + first * d, count, d).cast<double>();  // (count, d)
    EBM_CHECK(block.allFinite(), kOp, "a feature that is NaN or infinite", "finite features");
    Moments part(d);
    part.count_ = count;
    Eigen::Map<Eigen::RowVectorXd> mean(part.mean_.data(), d);
    mean = block.colwise().mean();
    block.rowwise() -= mean;
    Eigen::Map<Matrix>(part.scatter_.data(), d, d).noalias() = block.transpose() * block;
    merge(part);
  }
}

void Moments::merge(const Moments& other) {
  EBM_CHECK(other.dimension() == dimension(), kOp, "vectors of " + std::to_string(other.dimension()),
            std::to_string(dimension()));
  if (other.count_ == 0) return;
  const int64_t d = dimension();
  const double total = static_cast<double>(count_ + other.count_);
  const double share = static_cast<double>(other.count_) / total;
  Eigen::Map<Eigen::VectorXd> mean(mean_.data(), d);
  Eigen::Map<Matrix> scatter(scatter_.data(), d, d);
  const Eigen::VectorXd shift = Eigen::Map<const Eigen::VectorXd>(other.mean_.data(), d) - mean;
  scatter += Eigen::Map<const Matrix>(other.scatter_.data(), d, d);
  scatter.noalias() += (static_cast<double>(count_) * share) * shift * shift.transpose();
  mean += share * shift;
  count_ += other.count_;
}

Gaussian Moments::gaussian() const {
  EBM_CHECK(count_ >= 2, kOp, std::to_string(count_) + " vectors", "at least 2 for a covariance");
  Gaussian result{mean_, scatter_};
  for (double& value : result.covariance) value /= static_cast<double>(count_ - 1);
  return result;
}

}  // namespace ebm
