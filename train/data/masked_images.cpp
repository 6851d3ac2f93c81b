#include "train/data/masked_images.h"

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

constexpr char kOp[] = "masked images";

// x (N, H, W, C), holes (N, H, W) -> c (N, H, W, C + 1)
void write_conditions(const float* x, std::span<const uint8_t> holes, int64_t channels, float* c) {
  for (const uint8_t hole : holes) {
    for (int64_t i = 0; i < channels; ++i) *c++ = hole ? 0.0f : x[i];
    *c++ = hole ? 1.0f : 0.0f;
    x += channels;
  }
}

ImageShape shape_of(const std::vector<SourcePart>& parts) {
  EBM_CHECK(parts.size() == 1 && parts[0].name == "x" && parts[0].shape.size() == 3, kOp,
            fmt::format("a source of {} parts", parts.size()), "one, x of height, width and channels");
  return {parts[0].shape[0], parts[0].shape[1], parts[0].shape[2]};
}

}  // namespace

std::vector<float> conditions(std::span<const float> images, ImageShape image, std::span<const uint8_t> holes) {
  EBM_CHECK(static_cast<int64_t>(images.size()) == static_cast<int64_t>(holes.size()) * image.channels &&
                holes.size() % static_cast<size_t>(image.height * image.width) == 0,
            kOp, fmt::format("{} values and a hole of {} pixels", images.size(), holes.size()),
            fmt::format("images of {}x{}x{} and a hole of each", image.height, image.width, image.channels));
  std::vector<float> c(images.size() + holes.size());
  write_conditions(images.data(), holes, image.channels, c.data());
  return c;
}

MaskedImages::MaskedImages(std::unique_ptr<const Source> images, Mask mask)
    : images_(std::move(images)), mask_(std::move(mask)), image_(shape_of(images_->parts())) {
  EBM_CHECK(mask_.height() == image_.height && mask_.width() == image_.width, kOp,
            fmt::format("images of {}x{}", image_.height, image_.width),
            fmt::format("{}x{}, as the mask", mask_.height(), mask_.width()));
}

std::vector<SourcePart> MaskedImages::parts() const {
  return {{"x", {image_.height, image_.width, image_.channels}},
          {"c", {image_.height, image_.width, image_.channels + 1}}};
}

void MaskedImages::fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
                        std::span<float* const> out) const {
  EBM_CHECK(out.size() == 2, kOp, fmt::format("{} parts", out.size()), "two, x and c");
  images_->fill(seed, iteration, batch, first, n, out.first(1));
  write_conditions(out[0], mask_.holes(seed, iteration, first, n), image_.channels, out[1]);
}

std::unique_ptr<const Source> with_holes(std::unique_ptr<const Source> images, const std::string& hole) {
  if (hole.empty()) return images;
  Mask mask(hole, shape_of(images->parts()));
  return std::make_unique<MaskedImages>(std::move(images), std::move(mask));
}

}  // namespace ebm
