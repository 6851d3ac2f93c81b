#include "tools/evaluate/image_scores.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/check.h"

namespace ebm {
namespace {

constexpr double kSigma = 1.5, kPeak = 255;
constexpr double kC1 = 0.01 * kPeak * 0.01 * kPeak, kC2 = 0.03 * kPeak * 0.03 * kPeak;

// A window's weights along one edge, of sum 1, and the factor that its variances and covariances take.
struct Weights {
  std::vector<double> along;
  double of_variance = 1;
};

Weights weights_of(SsimWindow window) {
  const auto edge = static_cast<int64_t>(window);
  Weights w{std::vector<double>(static_cast<size_t>(edge), 1.0 / static_cast<double>(edge))};
  if (window == SsimWindow::uniform) {
    const double pixels = static_cast<double>(edge * edge);
    w.of_variance = pixels / (pixels - 1);
    return w;
  }
  double sum = 0;
  for (int64_t i = 0; i < edge; ++i) {
    const double x = static_cast<double>(i - edge / 2) / kSigma;
    sum += w.along[static_cast<size_t>(i)] = std::exp(-0.5 * x * x);
  }
  for (double& value : w.along) value /= sum;
  return w;
}

// The window's weighted mean of map (height, width) at every place where it lies inside:
// (height − edge + 1, width − edge + 1). Rows and columns go one after the other: the weights are a product of both.
std::vector<double> blurred(const std::vector<double>& map, int64_t height, int64_t width,
                            const std::vector<double>& along) {
  const auto edge = static_cast<int64_t>(along.size());
  const int64_t rows = height - edge + 1, columns = width - edge + 1;
  std::vector<double> across(static_cast<size_t>(height * columns)), result(static_cast<size_t>(rows * columns));
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t i = 0; i < edge; ++i)
        across[static_cast<size_t>(y * columns + x)] +=
            along[static_cast<size_t>(i)] * map[static_cast<size_t>(y * width + x + i)];
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t i = 0; i < edge; ++i)
      for (int64_t x = 0; x < columns; ++x)
        result[static_cast<size_t>(y * columns + x)] +=
            along[static_cast<size_t>(i)] * across[static_cast<size_t>((y + i) * columns + x)];
  return result;
}

// Of one channel, at every place of the window: (height − edge + 1, width − edge + 1).
std::vector<double> channel_ssim(const std::vector<double>& a, const std::vector<double>& b, int64_t height,
                                 int64_t width, const Weights& window) {
  const auto mean = [&](const std::vector<double>& map) { return blurred(map, height, width, window.along); };
  const auto product = [](const std::vector<double>& u, const std::vector<double>& v) {
    std::vector<double> w(u.size());
    for (size_t i = 0; i < u.size(); ++i) w[i] = u[i] * v[i];
    return w;
  };
  const std::vector<double> mean_a = mean(a), mean_b = mean(b);
  const std::vector<double> aa = mean(product(a, a)), bb = mean(product(b, b)), ab = mean(product(a, b));
  std::vector<double> map(mean_a.size());
  for (size_t i = 0; i < map.size(); ++i) {
    const double ma = mean_a[i], mb = mean_b[i];
    const double var_a = window.of_variance * (aa[i] - ma * ma), var_b = window.of_variance * (bb[i] - mb * mb);
    const double covariance = window.of_variance * (ab[i] - ma * mb);
    map[i] = (2 * ma * mb + kC1) * (2 * covariance + kC2) / ((ma * ma + mb * mb + kC1) * (var_a + var_b + kC2));
  }
  return map;
}

double decibels(double squares, int64_t values) {
  return 10 * std::log10(kPeak * kPeak * static_cast<double>(values) / squares);
}

double squared_difference(uint8_t a, uint8_t b) {
  const double difference = static_cast<double>(a) - b;
  return difference * difference;
}

void check_pair(const char* op, std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape) {
  EBM_CHECK(a.size() == b.size() && static_cast<int64_t>(a.size()) == shape.elements(), op,
            std::to_string(a.size()) + " and " + std::to_string(b.size()) + " values",
            "two images of " + std::to_string(shape.elements()));
}

void check_region(const char* op, std::span<const uint8_t> region, ImageShape shape) {
  EBM_CHECK(static_cast<int64_t>(region.size()) == shape.height * shape.width, op,
            "a region of " + std::to_string(region.size()) + " pixels",
            std::to_string(shape.height * shape.width) + ", as the images");
  EBM_CHECK(std::any_of(region.begin(), region.end(), [](uint8_t p) { return p != 0; }), op, "an empty region",
            "one pixel or more");
}

}  // namespace

double psnr(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  EBM_CHECK(a.size() == b.size() && !a.empty(), "psnr",
            std::to_string(a.size()) + " and " + std::to_string(b.size()) + " pixels", "two images of one size");
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) squares += squared_difference(a[i], b[i]);
  return decibels(squares, static_cast<int64_t>(a.size()));
}

double psnr(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape, std::span<const uint8_t> region) {
  check_pair("psnr", a, b, shape);
  check_region("psnr", region, shape);
  const auto channels = static_cast<size_t>(shape.channels);
  double squares = 0;
  int64_t values = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!region[i / channels]) continue;
    squares += squared_difference(a[i], b[i]);
    ++values;
  }
  return decibels(squares, values);
}

double ssim(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape, SsimWindow window) {
  return *region_ssim(a, b, shape, std::vector<uint8_t>(static_cast<size_t>(shape.height * shape.width), 1), window);
}

std::optional<double> region_ssim(std::span<const uint8_t> a, std::span<const uint8_t> b, ImageShape shape,
                                  std::span<const uint8_t> region, SsimWindow window) {
  check_pair("ssim", a, b, shape);
  const auto edge = static_cast<int64_t>(window);
  EBM_CHECK(shape.height >= edge && shape.width >= edge, "ssim",
            std::to_string(shape.height) + "x" + std::to_string(shape.width),
            "images of at least " + std::to_string(edge) + "x" + std::to_string(edge));
  check_region("ssim", region, shape);
  std::vector<size_t> places;  // of windows whose middle lies in the region
  const int64_t rows = shape.height - edge + 1, columns = shape.width - edge + 1;
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x)
      if (region[static_cast<size_t>((y + edge / 2) * shape.width + x + edge / 2)])
        places.push_back(static_cast<size_t>(y * columns + x));
  if (places.empty()) return std::nullopt;
  const Weights weights = weights_of(window);
  const int64_t pixels = shape.height * shape.width;
  std::vector<double> channel_a(static_cast<size_t>(pixels)), channel_b(channel_a);
  double sum = 0;
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int64_t i = 0; i < pixels; ++i) {
      channel_a[static_cast<size_t>(i)] = a[static_cast<size_t>(i * shape.channels + c)];
      channel_b[static_cast<size_t>(i)] = b[static_cast<size_t>(i * shape.channels + c)];
    }
    const std::vector<double> map = channel_ssim(channel_a, channel_b, shape.height, shape.width, weights);
    double of_channel = 0;
    for (const size_t place : places) of_channel += map[place];
    sum += of_channel / static_cast<double>(places.size());
  }
  return sum / static_cast<double>(shape.channels);
}

Box bounding_box(std::span<const uint8_t> region, ImageShape shape) {
  check_region("bounding_box", region, shape);
  int64_t top = shape.height, left = shape.width, bottom = 0, right = 0;
  for (int64_t y = 0; y < shape.height; ++y) {
    for (int64_t x = 0; x < shape.width; ++x) {
      if (!region[static_cast<size_t>(y * shape.width + x)]) continue;
      top = std::min(top, y), bottom = std::max(bottom, y + 1);
      left = std::min(left, x), right = std::max(right, x + 1);
    }
  }
  return {top, left, bottom - top, right - left};
}

std::vector<uint8_t> cropped(std::span<const uint8_t> image, ImageShape shape, Box box) {
  EBM_CHECK(static_cast<int64_t>(image.size()) == shape.elements() && box.top >= 0 && box.left >= 0 &&
                box.top + box.height <= shape.height && box.left + box.width <= shape.width,
            "cropped", "a rectangle that is not inside the image", "one that is");
  std::vector<uint8_t> part;
  for (int64_t y = box.top; y < box.top + box.height; ++y) {
    const auto row = image.begin() + (y * shape.width + box.left) * shape.channels;
    part.insert(part.end(), row, row + box.width * shape.channels);
  }
  return part;
}

}  // namespace ebm
