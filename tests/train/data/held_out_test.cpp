#include "train/data/held_out.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/check.h"

namespace ebm {

TEST_CASE("a class is held out: training sees none of it and most of the others, and no image is in two parts") {
  const Dataset train = load_dataset("synthetic", {}, Split::train), test = load_dataset("synthetic", {}, Split::test);
  const HeldOut split = hold_out(train, test, 2);
  const auto has = [](const Dataset& set, uint8_t label) {
    return std::count(set.images.labels.begin(), set.images.labels.end(), label);
  };
  CHECK(has(split.train, 2) == 0);
  CHECK(has(split.normal, 2) == 0);
  CHECK(has(split.held, 2) == has(train, 2) + has(test, 2));
  CHECK(split.held.count() == has(split.held, 2));
  CHECK(split.train.count() + split.normal.count() + split.held.count() == train.count() + test.count());
  const double share =
      static_cast<double>(split.train.count()) / static_cast<double>(split.train.count() + split.normal.count());
  CHECK(share == doctest::Approx(kHeldOutTrainShare).epsilon(0.05));
  CHECK(split.train.images.pixels.size() == static_cast<size_t>(split.train.count() * train.images.image_elements()));
  CHECK(split.train.note == "generated shapes, not a published data set, without its class 2");
  CHECK(hold_out(train, test, 2).train.images.pixels == split.train.images.pixels);
  CHECK_THROWS_WITH_AS(hold_out(train, test, 7), doctest::Contains("label 7"), Error);
}

}  // namespace ebm
