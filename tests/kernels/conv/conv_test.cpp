// Every algorithm of the CPU convolution against the definition summed in double, over a table of shapes.
#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "core/check.h"
#include "core/memory.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/conv_plan.h"
#include "tests/kernels/conv/conv_cases.h"
#include "tests/random_tensor.h"

namespace {

using namespace ebm;
using cpu::ConvAlgorithm;

// Calls visit(x index, w index, y index) for each product of the convolution's definition.
template <class Visit>
void for_each_product(const Shape& x, const Shape& w, const Shape& y, const ConvGeometry& g, Visit visit) {
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t p = 0; p < y[1]; ++p)
      for (int64_t q = 0; q < y[2]; ++q)
        for (int64_t r = 0; r < w[1]; ++r)
          for (int64_t s = 0; s < w[2]; ++s) {
            const int64_t row = p * g.stride_h + r - g.pad_h.before;
            const int64_t column = q * g.stride_w + s - g.pad_w.before;
            if (row < 0 || row >= x[1] || column < 0 || column >= x[2]) continue;
            for (int64_t k = 0; k < w[0]; ++k)
              for (int64_t c = 0; c < w[3]; ++c)
                visit(((n * x[1] + row) * x[2] + column) * x[3] + c, ((k * w[1] + r) * w[2] + s) * w[3] + c,
                      ((n * y[1] + p) * y[2] + q) * y[3] + k);
          }
}

double error(const Tensor& got, const std::vector<double>& expected) { return relative_error(got.to_host(), expected); }

constexpr double kTolerance = 1e-5;
constexpr float kSlope = 0.2f;

void check_against_definition(const ConvCase& c) {
  const Shape y_shape = conv2d_shape(c.x, c.w, c.geometry);
  const Tensor x = cpu_normal(c.x, 1), w = cpu_normal(c.w, 2);
  const Tensor b = cpu_normal({c.w[0]}, 3), dy = cpu_normal(y_shape, 4), b_x = cpu_normal({c.w[3]}, 5);
  const auto xv = x.to_host(), wv = w.to_host(), bv = b.to_host(), dyv = dy.to_host(), b_xv = b_x.to_host();
  std::vector<double> y(dyv.size()), dx(xv.size()), dw(wv.size());
  for_each_product(c.x, c.w, y_shape, c.geometry, [&](int64_t i, int64_t j, int64_t o) {
    y[o] += double{xv[i]} * wv[j];
    dx[i] += double{dyv[o]} * wv[j];
    dw[j] += double{xv[i]} * dyv[o];
  });
  const auto activated = [](std::vector<double> s, const std::vector<float>& bias) {
    for (size_t i = 0; i < s.size(); ++i) {
      s[i] += bias[i % bias.size()];
      if (s[i] < 0) s[i] *= kSlope;
    }
    return s;
  };
  const auto masked = [](std::vector<double> s, const std::vector<float>& mask) {
    for (size_t i = 0; i < s.size(); ++i)
      if (mask[i] <= 0) s[i] *= kSlope;
    return s;
  };

  for (const auto algorithm :
       {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns, ConvAlgorithm::winograd}) {
    CAPTURE(cpu::name(algorithm));
    const Forced forced(algorithm);
    CHECK(error(conv2d(x, w, {}, c.geometry), y) < kTolerance);
    CHECK(error(conv2d(x, w, b, c.geometry, kSlope), activated(y, bv)) < kTolerance);
    CHECK(error(conv2d(x, w, c.geometry, LeakyMask{dy, kSlope}), masked(y, dyv)) < kTolerance);
    CHECK(error(conv2d_backward_data(dy, w, c.x, c.geometry), dx) < kTolerance);
    CHECK(error(conv2d_backward_data(dy, w, c.x, c.geometry, LeakyMask{x, kSlope}), masked(dx, xv)) < kTolerance);
    CHECK(error(conv2d_backward_data(dy, w, c.x, c.geometry, ConvEpilogue::bias_activation(b_x, kSlope)),
                activated(dx, b_xv)) < kTolerance);
    CHECK(error(conv2d_backward_weight(x, dy, c.w, c.geometry), dw) < kTolerance);
  }
}

}  // namespace

TEST_CASE("CPU convolutions agree with the definition") {
  for (const ConvCase& c : kConvCases) {
    CAPTURE(c.name);
    check_against_definition(c);
  }
}

TEST_CASE("CPU convolutions follow weights changed in place") {
  const Tensor x = cpu_normal({2, 7, 7, 16}, 1);
  const ConvGeometry g(1, {1, 1});
  for (const auto algorithm :
       {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns, ConvAlgorithm::winograd}) {
    CAPTURE(cpu::name(algorithm));
    const Forced forced(algorithm);
    Tensor w = cpu_normal({32, 3, 3, 16}, 2);
    conv2d(x, w, {}, g);
    w.copy_from(cpu_normal({32, 3, 3, 16}, 5));
    CHECK(conv2d(x, w, {}, g).to_host() == conv2d(x, w.clone(), {}, g).to_host());
  }
}

TEST_CASE("CPU convolutions are bitwise repeatable and allocate nothing once warm") {
  const Tensor x = cpu_normal({5, 14, 14, 32}, 1), w = cpu_normal({64, 3, 3, 32}, 2);
  const ConvGeometry g(2, {0, 1});
  const Tensor dy = cpu_normal(conv2d_shape(x.shape(), w.shape(), g), 3);
  for (const auto algorithm :
       {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns, ConvAlgorithm::winograd}) {
    CAPTURE(cpu::name(algorithm));
    const Forced forced(algorithm);
    const auto y = conv2d(x, w, {}, g).to_host();
    const auto dx = conv2d_backward_data(dy, w, x.shape(), g).to_host();
    const auto dw = conv2d_backward_weight(x, dy, w.shape(), g).to_host();
    const auto before = memory_stats(kCpu).system_allocations;
    for (int i = 0; i < 3; ++i) {
      CHECK(conv2d(x, w, {}, g).to_host() == y);
      CHECK(conv2d_backward_data(dy, w, x.shape(), g).to_host() == dx);
      CHECK(conv2d_backward_weight(x, dy, w.shape(), g).to_host() == dw);
    }
    CHECK(memory_stats(kCpu).system_allocations == before);
  }
}

TEST_CASE("convolution plans survive the trip through text") {
  const bool timing = cpu::plan_timing();
  const Tensor x = cpu_normal({4, 8, 8, 16}, 1), w = cpu_normal({16, 3, 3, 16}, 2);
  const ConvGeometry g(1, {1, 1});

  cpu::clear_plans();
  cpu::set_plan_timing(true);
  const auto timed = conv2d(x, w, {}, g).to_host();
  const std::string plans = cpu::plans_to_string();
  CHECK(plans.find("forward n4 h8 w8 c16 k16 r3 s3") != std::string::npos);

  cpu::clear_plans();
  CHECK(cpu::plans_to_string().empty());
  cpu::plans_from_string(plans);
  CHECK(cpu::plans_to_string() == plans);
  CHECK(conv2d(x, w, {}, g).to_host() == timed);

  // Without timing the choice is a function of the shape alone.
  cpu::clear_plans();
  cpu::set_plan_timing(false);
  const auto fixed = conv2d(x, w, {}, g).to_host();
  cpu::clear_plans();
  CHECK(conv2d(x, w, {}, g).to_host() == fixed);

  CHECK_THROWS_AS(cpu::plans_from_string("forward n4 = magic\n"), Error);
  cpu::clear_plans();
  cpu::set_plan_timing(timing);
}
