#include "kernels/scalars.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "kernels/map.h"

namespace ebm {
namespace {

// The words travel as the launch's argument: no staging memory that a later upload could overwrite too early.
struct SetWords {
  uint32_t from[Scalars::kWords];
  uint32_t* to;
  EBM_HD void operator()(int64_t i) const { to[i] = from[i]; }
};

constexpr size_t kMostInRow = 64;

struct StoreRow {
  const float* from[kMostInRow];
  float* rows;
  int64_t columns;
  Scalar row;
  EBM_HD void load() { row.load(); }
  EBM_HD void operator()(int64_t i) const { rows[static_cast<int64_t>(row.value) * columns + i] = *from[i]; }
};

}  // namespace

Scalars::Scalars(Device device) : words_(Tensor::zeros({kWords}, device)) {}

int Scalars::take(int words) {
  EBM_CHECK(used_ + words <= kWords, "scalars", std::to_string(used_ + words) + " words",
            "at most " + std::to_string(kWords));
  return std::exchange(used_, used_ + words);
}

int Scalars::add() { return take(1); }
int Scalars::add_offset() { return take(sizeof(RandomOffset) / sizeof(uint32_t)); }

void Scalars::set(int place, float value) { host_[place] = std::bit_cast<uint32_t>(value); }

void Scalars::set_offset(int place, const RandomOffset& offset) {
  host_[place] = offset.iteration;
  host_[place + 1] = offset.step;
  host_[place + 2] = offset.quad;
}

const RandomOffset* Scalars::offset(int place) const {
  return reinterpret_cast<const RandomOffset*>(words_.data() + place);
}

void Scalars::upload() {
  SetWords set{};
  std::copy(std::begin(host_), std::end(host_), set.from);
  set.to = reinterpret_cast<uint32_t*>(words_.mutable_data());
  map(words_.device(), used_, set);
}

void store_row(std::span<const Tensor> values, Tensor& rows, Scalar row) {
  EBM_CHECK(rows.rank() == 2 && rows.extent(1) == static_cast<int64_t>(values.size()) && values.size() <= kMostInRow,
            "store_row", std::to_string(values.size()) + " values for rows " + to_string(rows.shape()),
            "one for each column, at most " + std::to_string(kMostInRow));
  StoreRow store{{}, rows.mutable_data(), rows.extent(1), row};
  for (size_t i = 0; i < values.size(); ++i) {
    check_shape("store_row", "value", values[i], {1});
    check_same_device("store_row", values[i], rows);
    store.from[i] = values[i].data();
  }
  map(rows.device(), rows.extent(1), store);
}

}  // namespace ebm
