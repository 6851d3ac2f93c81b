#include "train/data/masked_images.h"

#include <doctest/doctest.h>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

struct Batch {
  std::vector<float> x, c;  // (n, 28, 28, 1), (n, 28, 28, 2)
};

Batch filled(const Source& source, int64_t iteration, int64_t first, int64_t n) {
  Batch batch{std::vector<float>(static_cast<size_t>(n * 784)), std::vector<float>(static_cast<size_t>(n * 1568))};
  float* const out[] = {batch.x.data(), batch.c.data()};
  source.fill(3, iteration, 10, first, n, out);
  return batch;
}

class LatentSource : public Source {
 public:
  std::vector<SourcePart> parts() const override { return {{"z", {8}}}; }
  int64_t count() const override { return 1; }
  void fill(uint64_t, int64_t, int64_t, int64_t, int64_t, std::span<float* const>) const override {}
};

}  // namespace

TEST_CASE("conditions: grey and 1 in the hole, the image and 0 around it") {
  const std::vector<float> x{0.1f, 0.2f, 0.3f, 0.4f, -0.1f, -0.2f, -0.3f, -0.4f};  // (2, 1, 2, 2)
  CHECK(conditions(x, {1, 2, 2}, std::vector<uint8_t>{0, 1, 1, 0}) ==
        std::vector<float>{0.1f, 0.2f, 0, 0, 0, 1, 0, 0, 1, -0.3f, -0.4f, 0});
  CHECK(contains(error_of([&] {
                   conditions(x, {1, 2, 2}, std::vector<uint8_t>{0, 1});
                 }),
                 "8 values and a hole of 2 pixels"));
  CHECK(contains(error_of([&] { conditions(x, {1, 3, 2}, std::vector<uint8_t>{0, 1, 1, 0}); }), "images of 1x3x2"));
}

TEST_CASE("masked images are those of their source, each with the hole of its place") {
  const Dataset dataset = load_dataset("synthetic", "", Split::test);
  const LabelledImages images(dataset);
  const Mask mask("random", dataset.images.shape());
  const MaskedImages source(std::make_unique<LabelledImages>(dataset), mask);
  REQUIRE(source.parts().size() == 2);
  CHECK(source.parts()[0].name == "x");
  CHECK(source.parts()[1].name == "c");
  CHECK(source.parts()[1].shape == std::vector<int64_t>{28, 28, 2});
  CHECK(source.count() == 128);

  const Batch batch = filled(source, 4, 0, 10);
  std::vector<float> x(10 * 784);
  float* const out[] = {x.data()};
  images.fill(3, 4, 10, 0, 10, out);
  CHECK(batch.x == x);
  CHECK(batch.c == conditions(x, dataset.images.shape(), mask.holes(3, 4, 0, 10)));
  CHECK(batch.c != filled(source, 5, 0, 10).c);

  Batch joined;  // shares of three ranks
  for (const auto& [first, n] : {std::pair{0, 4}, {4, 3}, {7, 3}}) {
    const Batch share = filled(source, 4, first, n);
    joined.x.insert(joined.x.end(), share.x.begin(), share.x.end());
    joined.c.insert(joined.c.end(), share.c.begin(), share.c.end());
  }
  CHECK(joined.x == batch.x);
  CHECK(joined.c == batch.c);
}

TEST_CASE("a source is as it was where no hole is asked for") {
  const Dataset dataset = load_dataset("synthetic", "", Split::test);
  CHECK(with_holes(std::make_unique<LabelledImages>(dataset), "")->parts().size() == 1);
  CHECK(with_holes(std::make_unique<LabelledImages>(dataset), "left")->parts().size() == 2);
}

TEST_CASE("masked images refuse a source of other parts, and a mask of another size") {
  const Dataset dataset = load_dataset("synthetic", "", Split::test);
  CHECK(contains(error_of([&] {
                   MaskedImages(std::make_unique<LabelledImages>(dataset), Mask("left", {32, 32, 1}));
                 }),
                 "received images of 28x28, expected 32x32, as the mask"));
  CHECK(contains(error_of([&] {
                   MaskedImages(std::make_unique<LatentSource>(), Mask("left", {32, 32, 1}));
                 }),
                 "expected one, x of height, width and channels"));
}
