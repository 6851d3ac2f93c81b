#include "train/data/held_out.h"

#include <cmath>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

constexpr uint64_t kSplitSeed = 42;

// Adds image i of `from`.
void append(Dataset& to, const Dataset& from, int64_t i) {
  const int64_t n = from.images.image_elements();
  const auto first = from.images.pixels.begin() + i * n;
  to.images.pixels.insert(to.images.pixels.end(), first, first + n);
  to.images.labels.push_back(from.images.labels[static_cast<size_t>(i)]);
  ++to.images.count;
}

}  // namespace

HeldOut hold_out(const Dataset& train, const Dataset& test, int64_t label) {
  Dataset empty = train;
  empty.images.pixels.clear();
  empty.images.labels.clear();
  empty.images.count = 0;
  HeldOut split{empty, empty, empty};
  const int64_t all = train.count() + test.count();
  const int64_t trained = std::llround(kHeldOutTrainShare * static_cast<double>(all));
  for (int64_t place = 0; place < all; ++place) {
    const int64_t i = permuted_index(kSplitSeed, 0, place, all);
    const Dataset& from = i < train.count() ? train : test;
    const int64_t at = i < train.count() ? i : i - train.count();
    const bool held = from.images.labels.at(static_cast<size_t>(at)) == label;
    append(held ? split.held : place < trained ? split.train : split.normal, from, at);
  }
  EBM_CHECK(split.held.count() > 0 && split.train.count() > 0 && split.normal.count() > 0, "--held-out",
            fmt::format("label {}", label), "a label of some of the images of " + train.name);
  const std::string note = fmt::format("without its class {}", label);
  for (Dataset* part : {&split.train, &split.normal}) part->note = train.note.empty() ? note : train.note + ", " + note;
  return split;
}

}  // namespace ebm
