#include "train/data/synthetic.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace ebm {
namespace {

constexpr int64_t kEdge = 28;
constexpr int64_t kShapes = 4;
constexpr uint64_t kSeed = 0x5e7;

struct Point {
  float y, x;
};

// Distance from p to the segment a-b.
float segment_distance(Point p, Point a, Point b) {
  const float dy = b.y - a.y, dx = b.x - a.x;
  const float t = std::clamp(((p.y - a.y) * dy + (p.x - a.x) * dx) / (dy * dy + dx * dx), 0.0f, 1.0f);
  const float y = p.y - a.y - t * dy, x = p.x - a.x - t * dx;
  return std::sqrt(y * y + x * x);
}

// About the distance from p to an axis-aligned ellipse's line.
float ring_distance(Point p, Point centre, float radius_y, float radius_x) {
  const float y = (p.y - centre.y) / radius_y, x = (p.x - centre.x) / radius_x;
  return std::abs(std::sqrt(y * y + x * x) - 1.0f) * std::min(radius_y, radius_x);
}

// What makes one image; lengths in pixels.
struct Figure {
  int64_t shape;
  Point centre;
  float half_height, half_width, slant, stroke;

  float distance(Point p) const {
    const float top = centre.y - half_height, bottom = centre.y + half_height;
    const float left = centre.x - half_width, right = centre.x + half_width;
    switch (shape) {
      case 0: return ring_distance(p, centre, half_height, half_width);
      case 1: return segment_distance(p, {top, centre.x + slant}, {bottom, centre.x - slant});
      case 2:
        return std::min(segment_distance(p, {top, left}, {bottom, right}),
                        segment_distance(p, {top, right}, {bottom, left}));
      default:
        return std::min(segment_distance(p, {top, left}, {top, right}),
                        segment_distance(p, {top, right}, {bottom, centre.x - slant}));
    }
  }
};

Figure figure_of(int64_t n, uint32_t stream) {
  const RandomKey key{kSeed, Stream::data_noise, stream, 0};
  const Floats4 a = uniform4(key, static_cast<uint64_t>(2 * n));
  const Floats4 b = uniform4(key, static_cast<uint64_t>(2 * n + 1));
  const auto between = [](float u, float low, float high) { return low + u * (high - low); };
  return {.shape = n % kShapes,
          .centre = {between(a.v[0], 12.5f, 15.5f), between(a.v[1], 12.5f, 15.5f)},
          .half_height = between(a.v[2], 6.0f, 9.5f),
          .half_width = between(a.v[3], 4.0f, 7.5f),
          .slant = between(b.v[0], -2.0f, 4.0f),
          .stroke = between(b.v[1], 0.8f, 1.8f)};
}

}  // namespace

ImageSet synthetic_images(int64_t count, uint32_t stream) {
  ImageSet set{.count = count, .height = kEdge, .width = kEdge, .channels = 1, .pixels = {}, .labels = {}};
  set.pixels.reserve(static_cast<size_t>(count * set.image_elements()));
  for (int64_t n = 0; n < count; ++n) {
    const Figure figure = figure_of(n, stream);
    set.labels.push_back(static_cast<uint8_t>(figure.shape));
    for (int64_t y = 0; y < kEdge; ++y) {
      for (int64_t x = 0; x < kEdge; ++x) {
        const float distance = figure.distance({static_cast<float>(y), static_cast<float>(x)});
        // Full brightness inside the stroke, fading over one pixel at its edge.
        const float ink = std::clamp(figure.stroke + 0.5f - distance, 0.0f, 1.0f);
        set.pixels.push_back(static_cast<uint8_t>(ink * 255.0f + 0.5f));
      }
    }
  }
  return set;
}

}  // namespace ebm
