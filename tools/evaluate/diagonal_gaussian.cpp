#include "tools/evaluate/diagonal_gaussian.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "core/check.h"
#include "kernels/elementwise.h"
#include "kernels/reduce.h"
#include "tools/evaluate/normal_distribution.h"

namespace ebm {
namespace {

Shape rows(int64_t n, const Shape& row) {
  return row.rank() == 1   ? Shape{n, row[0]}
         : row.rank() == 2 ? Shape{n, row[0], row[1]}
                           : Shape{n, row[0], row[1], row[2]};
}

// The same row n times, (n, row).
Tensor repeated(const std::vector<float>& row, const Shape& shape, Device device) {
  std::vector<float> values;
  for (int64_t i = 0; i < shape[0]; ++i) values.insert(values.end(), row.begin(), row.end());
  return Tensor::from_host(values, shape, device);
}

}  // namespace

DiagonalGaussian::DiagonalGaussian(const Shape& row, std::vector<double> mean, std::vector<double> sd, double bound,
                                   Device device)
    : row_(row), mean_(std::move(mean)), sd_(std::move(sd)), bound_(bound), device_(device) {
  const auto size = static_cast<size_t>(row.size());
  EBM_CHECK(mean_.size() == size && sd_.size() == size && row.rank() <= 3, "base distribution",
            fmt::format("{} means and {} standard deviations", mean_.size(), sd_.size()),
            fmt::format("{} of each", size));
  for (size_t i = 0; i < size; ++i)
    EBM_CHECK(std::isfinite(mean_[i]) && sd_[i] > 0 && (std::isfinite(sd_[i]) || bound_ > 0), "base distribution",
              fmt::format("mean {} and standard deviation {}{}", mean_[i], sd_[i], bound_ > 0 ? "" : " without walls"),
              "a distribution that integrates to 1");
}

double DiagonalGaussian::log_z(size_t i) const {
  if (std::isinf(sd_[i])) return std::log(2 * bound_);
  const double whole = std::log(sd_[i]) + 0.5 * std::log(2 * std::numbers::pi);
  if (bound_ <= 0) return whole;
  return whole + std::log(normal_cdf((bound_ - mean_[i]) / sd_[i]) - normal_cdf((-bound_ - mean_[i]) / sd_[i]));
}

double DiagonalGaussian::log_z() const {
  double sum = 0;
  for (size_t i = 0; i < sd_.size(); ++i) sum += log_z(i);
  return sum;
}

double DiagonalGaussian::log_density(std::span<const float> x) const {
  double u = 0;
  for (size_t i = 0; i < sd_.size(); ++i) {
    const double scaled = (x[i] - mean_[i]) / sd_[i];
    u += 0.5 * scaled * scaled;
  }
  return -u - log_z();
}

Tensor DiagonalGaussian::sample(int64_t n, const RandomKey& key) const {
  std::vector<float> x(static_cast<size_t>(n * row_.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t e = i % sd_.size();
    const double u = uniform1(key, i);
    if (std::isinf(sd_[e])) {
      x[i] = static_cast<float>(bound_ * (2 * u - 1));
      continue;
    }
    const double low = bound_ > 0 ? normal_cdf((-bound_ - mean_[e]) / sd_[e]) : 0;
    const double high = bound_ > 0 ? normal_cdf((bound_ - mean_[e]) / sd_[e]) : 1;
    x[i] = static_cast<float>(mean_[e] + sd_[e] * normal_quantile(low + u * (high - low)));
  }
  return Tensor::from_host(x, rows(n, row_), device_);
}

Potential DiagonalGaussian::energy() const {
  std::vector<float> mean(mean_.begin(), mean_.end()), precision;
  for (const double sd : sd_) precision.push_back(static_cast<float>(1 / (sd * sd)));
  // made once for a number of chains, which seldom changes
  return [mean, precision, means = Tensor(), precisions = Tensor()](const Tensor& x) mutable {
    if (!means.defined() || means.shape() != x.shape()) {
      means = repeated(mean, x.shape(), x.device());
      precisions = repeated(precision, x.shape(), x.device());
    }
    const Tensor off = binary(Binary::sub, x, means);         // (N, …)
    Tensor gradient = binary(Binary::mul, off, precisions);   // (N, …)
    Tensor u = sum_rows(binary(Binary::mul, off, gradient));  // (N)
    scale_in_place(u, 0.5f);
    return PotentialValue{u, gradient};
  };
}

DiagonalGaussian fit_gaussian(std::span<const float> images, const Shape& row, double least_sd, double bound,
                              Device device) {
  const auto size = static_cast<size_t>(row.size());
  const double n = static_cast<double>(images.size() / size);
  std::vector<double> mean(size), sd(size);
  for (size_t i = 0; i < images.size(); ++i) mean[i % size] += images[i] / n;
  for (size_t i = 0; i < images.size(); ++i) {
    const double off = images[i] - mean[i % size];
    sd[i % size] += off * off / n;
  }
  for (double& value : sd) value = std::max(std::sqrt(value), least_sd);
  return {row, std::move(mean), std::move(sd), bound, device};
}

}  // namespace ebm
