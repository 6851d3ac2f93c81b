#include "tools/evaluate/image_scores.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int64_t kWindow = 11;
constexpr double kSigma = 1.5, kPeak = 255;
constexpr double kC1 = 0.01 * kPeak * 0.01 * kPeak, kC2 = 0.03 * kPeak * 0.03 * kPeak;

const std::array<double, kWindow>& window() {
  static const std::array<double, kWindow> weights = [] {
    std::array<double, kWindow> w{};
    double sum = 0;
    for (int64_t i = 0; i < kWindow; ++i) {
      const double x = static_cast<double>(i - kWindow / 2) / kSigma;
      sum += w[static_cast<size_t>(i)] = std::exp(-0.5 * x * x);
    }
    for (double& value : w) value /= sum;
    return w;
  }();
  return weights;
}

// The window's weighted mean of map (height, width) at every place where it lies inside:
// (height − 10, width − 10). Gaussian, so rows and columns go one after the other.
std::vector<double> blurred(const std::vector<double>& map, int64_t height, int64_t width) {
  const int64_t rows = height - kWindow + 1, columns = width - kWindow + 1;
  std::vector<double> across(static_cast<size_t>(height * columns)), result(static_cast<size_t>(rows * columns));
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t i = 0; i < kWindow; ++i)
        across[static_cast<size_t>(y * columns + x)] +=
            window()[static_cast<size_t>(i)] * map[static_cast<size_t>(y * width + x + i)];
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t i = 0; i < kWindow; ++i)
      for (int64_t x = 0; x < columns; ++x)
        result[static_cast<size_t>(y * columns + x)] +=
            window()[static_cast<size_t>(i)] * across[static_cast<size_t>((y + i) * columns + x)];
  return result;
}

// Of one channel.
double channel_ssim(const std::vector<double>& a, const std::vector<double>& b, int64_t height, int64_t width) {
  const auto product = [](const std::vector<double>& u, const std::vector<double>& v) {
    std::vector<double> w(u.size());
    for (size_t i = 0; i < u.size(); ++i) w[i] = u[i] * v[i];
    return w;
  };
  const std::vector<double> mean_a = blurred(a, height, width), mean_b = blurred(b, height, width);
  const std::vector<double> aa = blurred(product(a, a), height, width), bb = blurred(product(b, b), height, width);
  const std::vector<double> ab = blurred(product(a, b), height, width);
  double sum = 0;
  for (size_t i = 0; i < mean_a.size(); ++i) {
    const double ma = mean_a[i], mb = mean_b[i];
    const double var_a = aa[i] - ma * ma, var_b = bb[i] - mb * mb, covariance = ab[i] - ma * mb;
    sum += (2 * ma * mb + kC1) * (2 * covariance + kC2) / ((ma * ma + mb * mb + kC1) * (var_a + var_b + kC2));
  }
  return sum / static_cast<double>(mean_a.size());
}

}  // namespace

double psnr(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  EBM_CHECK(a.size() == b.size() && !a.empty(), "psnr",
            std::to_string(a.size()) + " and " + std::to_string(b.size()) + " pixels", "two images of one size");
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    squares += difference * difference;
  }
  return 10 * std::log10(kPeak * kPeak * static_cast<double>(a.size()) / squares);
}

double ssim(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape) {
  EBM_CHECK(a.size() == b.size() && static_cast<int64_t>(a.size()) == shape.elements(), "ssim",
            std::to_string(a.size()) + " and " + std::to_string(b.size()) + " values",
            "two images of " + std::to_string(shape.elements()));
  EBM_CHECK(shape.height >= kWindow && shape.width >= kWindow, "ssim",
            std::to_string(shape.height) + "x" + std::to_string(shape.width), "images of at least 11x11");
  const int64_t pixels = shape.height * shape.width;
  std::vector<double> channel_a(static_cast<size_t>(pixels)), channel_b(channel_a);
  double sum = 0;
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int64_t i = 0; i < pixels; ++i) {
      channel_a[static_cast<size_t>(i)] = a[static_cast<size_t>(i * shape.channels + c)];
      channel_b[static_cast<size_t>(i)] = b[static_cast<size_t>(i * shape.channels + c)];
    }
    sum += channel_ssim(channel_a, channel_b, shape.height, shape.width);
  }
  return sum / static_cast<double>(shape.channels);
}

}  // namespace ebm
