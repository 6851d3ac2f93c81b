// The fused step against its two parts, at the first layers of the networks and at odd shapes.
#include "kernels/chain/langevin_conv.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/check.h"
#include "kernels/scalars.h"
#include "kernels/to_bf16.h"
#include "tests/kernels/conv/conv_cases.h"
#include "tests/random_tensor.h"

namespace ebm {
namespace {

const LangevinStep kStep{0.3f, 0.2f, 0.5f, 1.5f};
const RandomKey kKey{9, Stream::langevin, 5, 6};

struct Case {
  Shape x, w;
  ConvGeometry geometry;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const ConvCase& c : kConvCases) {
    if (langevin_step_conv_applies(c.x, c.w, c.geometry)) all.push_back({c.x, c.w, c.geometry});
  }
  for (int64_t channels : {1, 3})
    for (int stride : {1, 2})
      for (int kernel : {1, 2, 3, 4, 5})
        for (Padding pad : {Padding{0, 0}, Padding{1, 2}, Padding{0, 1}, Padding{4, 1}})
          for (int64_t size : {5, 9}) {
            if (pad.before >= kernel + stride) continue;
            all.push_back(
                {{2, size, size + 2, channels}, {36, kernel, kernel, channels}, uneven(stride, stride, pad, {1, 1})});
          }
  return all;
}

Tensor unfused(const Tensor& start, const Tensor& df_dh, const LeakyMask& mask, const Tensor& w, const ConvGeometry& g,
               const LangevinStep& step, uint64_t first) {
  Tensor ds = df_dh.clone(), x = start.clone();
  auto values = ds.to_host();
  const auto h = mask.y.to_host();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= h[i] > 0 ? 1 : mask.negative_slope;
  ds.copy_from_host(values);
  langevin_step(x, conv2d_backward_data(ds, w, x.shape(), g), step, kKey, first);
  return x;
}

}  // namespace

TEST_CASE("the fused step equals the convolution's gradient and the update one after the other") {
  int seen = 0;
  for (const Case& c : cases()) {
    CAPTURE(to_string(c.x));
    CAPTURE(to_string(c.w));
    CAPTURE(c.geometry.stride_h);
    CAPTURE(c.geometry.pad_h.before);
    const Shape h_shape = conv2d_shape(c.x, c.w, c.geometry);
    const float scale = 1 / std::sqrt(static_cast<float>(c.w.size()));
    const Tensor w = normal(c.w, 1, 0, scale), df_dh = normal(h_shape, 2), h = normal(h_shape, 3);
    const Tensor start = normal(c.x, 4);
    for (uint64_t first : {uint64_t{0}, uint64_t{7}}) {
      Tensor x = start.clone();
      langevin_step_conv(x, df_dh, {h, 0.2f}, w, c.geometry, kStep, kKey, first);
      const Tensor expected = unfused(start, df_dh, {h, 0.2f}, w, c.geometry, kStep, first);
      CHECK(relative_error(x.to_host(), expected.to_host()) < 2e-6);
    }
    ++seen;
  }
  CHECK(seen > 100);
}

TEST_CASE("the fused step draws the same noise, bit for bit") {
  // With a gradient of exactly 0 the two do the same arithmetic on x and the noise.
  const Shape x_shape{3, 9, 7, 3};
  const Tensor w = normal({8, 3, 3, 3}, 1);
  const ConvGeometry g(2, {1, 1});
  const Shape h_shape = conv2d_shape(x_shape, w.shape(), g);
  const Tensor none = Tensor::zeros(h_shape, test_device());
  const Tensor start = normal(x_shape, 4);
  for (uint64_t first : {uint64_t{0}, uint64_t{4}, uint64_t{1}, uint64_t{(uint64_t{1} << 33) + 3}}) {
    Tensor fused = start.clone(), plain = start.clone();
    langevin_step_conv(fused, none, {}, w, g, kStep, kKey, first);
    langevin_step(plain, Tensor::zeros(x_shape, test_device()), kStep, kKey, first);
    CHECK(fused.to_host() == plain.to_host());
  }
}

TEST_CASE("the fused step on bf16 maps is that on their values, and gives the new x as bf16 too") {
  for (const Case& c : cases()) {
    CAPTURE(to_string(c.x));
    CAPTURE(to_string(c.w));
    const Shape h_shape = conv2d_shape(c.x, c.w, c.geometry);
    const Tensor w = normal(c.w, 1), df_dh = to_bf16(normal(h_shape, 2)), h = to_bf16(normal(h_shape, 3));
    const Tensor start = normal(c.x, 4);
    for (uint64_t first : {uint64_t{0}, uint64_t{7}}) {
      Tensor x = start.clone(), y = start.clone(), rounded = to_bf16(start);
      langevin_step_conv(x, df_dh, {h, 0.2f}, w, c.geometry, kStep, kKey, first, &rounded);
      langevin_step_conv(y, to_fp32(df_dh), {to_fp32(h), 0.2f}, w, c.geometry, kStep, kKey, first);
      CHECK(relative_error(x.to_host(), y.to_host()) < 2e-6);
      CHECK(rounded.to_host() == to_bf16(x).to_host());
    }
  }
}

TEST_CASE("the fused step says which layers it cannot compute") {
  CHECK(langevin_step_conv_applies({400, 28, 28, 1}, {64, 5, 5, 1}, {2, {1, 2}}));
  CHECK(langevin_step_conv_applies({900, 32, 32, 3}, {64, 3, 3, 3}, {1, {1, 1}}));
  CHECK_FALSE(langevin_step_conv_applies({1, 28, 28, 2}, {64, 5, 5, 2}, {2, {1, 2}}));      // channels
  CHECK_FALSE(langevin_step_conv_applies({1, 28, 28, 1}, {62, 5, 5, 1}, {2, {1, 2}}));      // K not by fours
  CHECK_FALSE(langevin_step_conv_applies({1, 28, 28, 1}, {64, 5, 5, 1}, {3, {1, 2}}));      // stride
  CHECK_FALSE(langevin_step_conv_applies({1, 2000, 2000, 1}, {64, 5, 5, 1}, {1, {1, 2}}));  // a row is too wide
  Tensor x = normal({1, 6, 6, 2}, 1);
  const Tensor df_dh = normal({1, 4, 4, 4}, 2), w = normal({4, 3, 3, 2}, 3);
  CHECK_THROWS_AS(langevin_step_conv(x, df_dh, {}, w, {1, {}}, kStep, kKey), Error);
}

TEST_CASE("the fused step takes in an offset of its key in the device's memory") {
  Scalars scalars(test_device());
  const int place = scalars.add_offset();
  scalars.set_offset(place, {3, 2, 7});
  scalars.upload();
  const Shape shape{2, 8, 8, 1};
  const Tensor w = normal({8, 3, 3, 1}, 1), start = normal(shape, 2);
  const ConvGeometry geometry{1, {1, 1}};
  const Tensor dh = normal({2, 8, 8, 8}, 3), h = normal({2, 8, 8, 8}, 4);
  Tensor here = start.clone(), there = start.clone();
  langevin_step_conv(here, dh, {h, 0.2f}, w, geometry, kStep, kKey, 4 * 7);
  RandomKey key = kKey;
  key.iteration -= 3;
  key.step -= 2;
  key.offset = scalars.offset(place);
  langevin_step_conv(there, dh, {h, 0.2f}, w, geometry, kStep, key);
  CHECK(here.to_host() == there.to_host());
}

}  // namespace ebm
