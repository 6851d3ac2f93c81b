#include "kernels/chain/replay.h"

#include <string>

#include "kernels/map.h"

namespace ebm {
namespace {

// Iteration i is element i of the n rows.
struct Rows {
  int64_t count, size;  // rows of the buffer, elements of a row
  Scalar first;
  EBM_HD int64_t place(int64_t i) const {
    return (static_cast<int64_t>(first.value) + i / size) % count * size + i % size;
  }
};

struct TakeRows {
  Rows rows;
  const float* buffer;
  float* y;
  EBM_HD void load() { rows.first.load(); }
  EBM_HD void operator()(int64_t i) const { y[i] = buffer[rows.place(i)]; }
};

struct PutRows {
  Rows rows;
  const float* x;
  float* buffer;
  EBM_HD void load() { rows.first.load(); }
  EBM_HD void operator()(int64_t i) const { buffer[rows.place(i)] = x[i]; }
};

struct RestartRows {
  float* x;
  int64_t size, first_row;  // elements of a row
  float p;
  RandomKey choice, key;
  EBM_HD void load() {
    choice.load();
    key.load();
  }
  EBM_HD void operator()(int64_t i) const {
    if (uniform1(choice, first_row + i / size) < p) x[i] = 2 * uniform1(key, first_row * size + i) - 1;
  }
};

Shape with_rows(const Shape& shape, int64_t n) {
  EBM_CHECK(shape.rank() == 4 && shape.size() > 0, "replay buffer", to_string(shape), "(M,H,W,C)");
  return {n, shape[1], shape[2], shape[3]};
}

}  // namespace

Tensor take_rows(const Tensor& buffer, Scalar first, int64_t n) {
  Tensor y = Tensor::empty(with_rows(buffer.shape(), n), buffer.device());
  const int64_t count = buffer.extent(0);
  map(buffer.device(), y.size(), TakeRows{{count, buffer.size() / count, first}, buffer.data(), y.mutable_data()});
  return y;
}

void put_rows(Tensor& buffer, Scalar first, const Tensor& x) {
  check_shape("put_rows", "x", x, with_rows(buffer.shape(), x.extent(0)));
  check_same_device("put_rows", buffer, x);
  const int64_t count = buffer.extent(0);
  EBM_CHECK(x.extent(0) <= count, "put_rows", std::to_string(x.extent(0)) + " rows",
            "at most the buffer's " + std::to_string(count));
  map(x.device(), x.size(), PutRows{{count, buffer.size() / count, first}, x.data(), buffer.mutable_data()});
}

void restart_rows(Tensor& x, float p, const RandomKey& choice, const RandomKey& key, int64_t first_row) {
  if (x.size() == 0) return;
  constexpr int64_t kCost = 64;  // two Philox calls, in elements of plain arithmetic
  map(x.device(), x.size(), RestartRows{x.mutable_data(), x.size() / x.extent(0), first_row, p, choice, key}, kCost);
}

}  // namespace ebm
