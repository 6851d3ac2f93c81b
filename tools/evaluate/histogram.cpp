#include "tools/evaluate/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

constexpr int64_t kBarWidth = 6, kPanelHeight = 80, kGap = 8;  // pixels

double highest(const std::vector<double>& shares) { return *std::max_element(shares.begin(), shares.end()); }

// Pixels of a bar in a panel.
int64_t bar_height(const std::vector<double>& shares, size_t bin) {
  return std::lround(shares[bin] / highest(shares) * static_cast<double>(kPanelHeight));
}

}  // namespace

Histogram histogram(const std::vector<std::vector<float>>& sets, int64_t bins) {
  EBM_CHECK(!sets.empty() && bins > 0, "histogram", fmt::format("{} sets, {} bins", sets.size(), bins), "1 or more");
  Histogram h{INFINITY, -INFINITY, {}};
  for (const std::vector<float>& set : sets) {
    EBM_CHECK(!set.empty(), "histogram", "an empty set", "numbers");
    for (const float v : set) {
      EBM_CHECK(std::isfinite(v), "histogram", fmt::format("{}", v), "finite numbers");
      h.low = std::min<double>(h.low, v);
      h.high = std::max<double>(h.high, v);
    }
  }
  const double width = h.high > h.low ? (h.high - h.low) / static_cast<double>(bins) : 1;
  for (const std::vector<float>& set : sets) {
    std::vector<double> shares(static_cast<size_t>(bins));
    for (const float v : set) {
      const auto bin = std::min(static_cast<int64_t>((v - h.low) / width), bins - 1);  // the largest value too
      shares[static_cast<size_t>(bin)] += 1 / static_cast<double>(set.size());
    }
    h.shares.push_back(std::move(shares));
  }
  return h;
}

Picture picture(const Histogram& h) {
  const auto bins = static_cast<int64_t>(h.shares[0].size()), panels = static_cast<int64_t>(h.shares.size());
  Picture p{{panels * (kPanelHeight + kGap) + kGap, bins * kBarWidth + 2 * kGap, 1}, {}};
  p.pixels.assign(static_cast<size_t>(p.shape.elements()), 0);
  const auto draw = [&](int64_t panel, int64_t bin, int64_t from, int64_t to,
                        uint8_t grey) {  // heights above the base
    const int64_t base = (panel + 1) * (kPanelHeight + kGap) - 1;
    for (int64_t y = base - to + 1; y <= base - from; ++y)
      for (int64_t x = 0; x < kBarWidth - 1; ++x)
        p.pixels[static_cast<size_t>(y * p.shape.width + kGap + bin * kBarWidth + x)] = grey;
  };
  for (int64_t panel = 0; panel < panels; ++panel)
    for (int64_t bin = 0; bin < bins; ++bin) {
      const int64_t first = bar_height(h.shares[0], static_cast<size_t>(bin));
      draw(panel, bin, -1, 0, 60);  // the axis
      draw(panel, bin, 0, bar_height(h.shares[static_cast<size_t>(panel)], static_cast<size_t>(bin)), 255);
      if (panel > 0 && first > 0) draw(panel, bin, std::max<int64_t>(0, first - 2), first, 120);
    }
  return p;
}

std::string line_of(const Histogram& h, size_t set) {
  constexpr std::array kBlocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string line;
  for (const double share : h.shares[set])
    // what is there is seen: a bin with any value at all has the lowest block
    line += kBlocks[static_cast<size_t>(std::ceil(share / highest(h.shares[set]) * 8 - 1e-9))];
  return line;
}

}  // namespace ebm
