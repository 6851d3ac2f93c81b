// The gradient to x for images of few channels, which is on the path of every Langevin step. Libraries lay
// out channels in blocks of a vector and so waste most of it here. Instead, per image,
//   columns (P·Q, R·S·C) = dy (P·Q, K) w (K, R·S·C)
// is one dense product, and dx collects its columns: the entry of output (p, q) and tap (r, s) belongs to
// pixel (stride·p + r − before, stride·q + s − before). All of it stays in the first-level cache.
#include <algorithm>

#include "kernels/conv/conv_routine.h"
#include "kernels/conv/tile_gemm.h"

namespace ebm::cpu {
namespace {

constexpr int64_t kMostColumns = 256;
// Output rows are taken in blocks whose columns fit in about this many floats.
constexpr int64_t kBlockSize = 4096;
constexpr int64_t kCacheLine = 16;  // floats

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

class ColumnsRoutine : public ConvRoutine {
 public:
  explicit ColumnsRoutine(const ConvProblem& p)
      : p_(p),
        taps_(p.r * p.s * p.c),
        width_(round_up(taps_, kLanes)),
        rows_(std::clamp<int64_t>(kBlockSize / (p.q * width_), 1, p.p)),
        framed_h_(std::max((p.p - 1) * p.stride_h + p.r, p.pad_top + p.h)),
        framed_w_(std::max((p.q - 1) * p.stride_w + p.s, p.pad_left + p.w)),
        weights_("columns " + std::to_string(p.k) + " " + std::to_string(taps_), p.k * width_) {}

  void run(const Tensor& dy, const Tensor& w, const ConvEpilogue& end, Tensor& dx) override {
    const float* const packed =
        weights_.get(w, [this](const Tensor& from, Tensor& to) { pack(from.data(), to.mutable_data()); }).data();
    // Vectors are read and written at any float, so the first two have room for one more.
    const int64_t columns_size = rows_ * p_.q * width_ + kLanes, sums_size = row_size() + kLanes;
    const int64_t frame_size = framed_h_ * framed_w_ * p_.c;
    const int64_t scratch_size = round_up(columns_size + sums_size + frame_size, kCacheLine) + kCacheLine;
    Tensor scratch = Tensor::empty({scratch_size * p_.threads}, kCpu);
    float* const scratch_data = scratch.mutable_data();
    const float* const from = dy.data();
    float* const to = dx.mutable_data();
    const ImageEpilogue epilogue(end, p_.c);
    const int64_t share = (p_.n + p_.threads - 1) / p_.threads;
#pragma omp parallel for schedule(static)
    for (int thread = 0; thread < p_.threads; ++thread) {
      float* columns = scratch_data + thread * scratch_size;  // (rows_·Q, width_)
      float* sums = columns + columns_size;                   // of one row
      float* frame = sums + sums_size;                        // dx with its padding: (framed_h_, framed_w_, C)
      for (int64_t n = thread * share; n < std::min(p_.n, (thread + 1) * share); ++n) {
        float* dx_image = to + n * p_.x_size();
        image(from + n * p_.y_size(), packed, columns, sums, frame, dx_image);
        epilogue.finish(n, dx_image, p_.x_size());
      }
    }
  }

 private:
  void pack(const float* w, float* packed) const {
    for (int64_t k = 0; k < p_.k; ++k)
      for (int64_t j = 0; j < width_; ++j) packed[pack_index(k, j, p_.k, width_)] = j < taps_ ? w[k * taps_ + j] : 0.0f;
  }

  void image(const float* dy, const float* packed, float* columns, float* sums, float* frame, float* dx) const {
    std::fill(frame, frame + framed_h_ * framed_w_ * p_.c, 0.0f);
    for (int64_t p = 0; p < p_.p; p += rows_) {
      const int64_t rows = std::min(rows_, p_.p - p);
      packed_gemm(rows * p_.q, width_, p_.k, dy + p * p_.q * p_.k, p_.k, packed, columns, width_, Residence::memory);
      for (int64_t row = 0; row < rows; ++row)
        collect(columns + row * p_.q * width_, sums, frame + (p + row) * p_.stride_h * framed_w_ * p_.c);
    }
    for (int64_t h = 0; h < p_.h; ++h) {
      const float* from = frame + ((h + p_.pad_top) * framed_w_ + p_.pad_left) * p_.c;
      std::copy(from, from + p_.w * p_.c, dx + h * p_.w * p_.c);
    }
  }

  // Adds the columns (Q, width_) of one output row to the R rows of the frame from `frame` on.
  void collect(const float* columns, float* row, float* frame) const {
    const int64_t run = p_.s * p_.c;  // neighbouring entries of the frame that one tap row r reaches
    for (int64_t r = 0; r < p_.r; ++r) {
      if (run <= kLanes && p_.stride_w * p_.c <= kLanes) {
        sum_runs_in_register(columns + r * run, row);
      } else {
        sum_runs_in_memory(columns + r * run, row);
      }
      float* to = frame + r * framed_w_ * p_.c;
      for (int64_t i = 0; i < row_size(); ++i) to[i] += row[i];
    }
  }

  int64_t row_size() const { return (p_.q - 1) * p_.stride_w * p_.c + p_.s * p_.c; }

  // row (row_size()) = the runs of all q, each shifted by the stride against the one before. Neighbouring
  // runs overlap, and adding them in memory would make each addition wait for the last one's store; so the
  // sum moves through a register from which finished entries drop out.
  void sum_runs_in_register(const float* columns, float* row) const {
    const int step = static_cast<int>(p_.stride_w * p_.c);
    const int run = static_cast<int>(p_.s * p_.c);
    IntVec in_run, shifted;
    for (int i = 0; i < kLanes; ++i) {
      in_run[i] = i < run ? -1 : 0;
      shifted[i] = i + step;  // from kLanes on: zeros
    }
    Vec sum{};
    for (int64_t q = 0; q < p_.q; ++q) {
      sum += reinterpret_cast<Vec>(reinterpret_cast<IntVec>(load(columns + q * width_)) & in_run);
      store(row + q * p_.stride_w * p_.c, sum);  // what reaches beyond this step is overwritten by the next
      sum = __builtin_shuffle(sum, Vec{}, shifted);
    }
  }

  void sum_runs_in_memory(const float* columns, float* row) const {
    std::fill(row, row + row_size(), 0.0f);
    for (int64_t q = 0; q < p_.q; ++q)
      for (int64_t j = 0; j < p_.s * p_.c; ++j) row[q * p_.stride_w * p_.c + j] += columns[q * width_ + j];
  }

  ConvProblem p_;
  int64_t taps_, width_;  // R·S·C and that rounded up to whole vectors
  int64_t rows_;          // output rows of a block
  int64_t framed_h_, framed_w_;
  PackedWeights weights_;
};

}  // namespace

std::unique_ptr<ConvRoutine> make_columns_routine(const ConvProblem& problem) {
  if (problem.direction != ConvDirection::backward_data || problem.bf16) return nullptr;
  if (problem.r * problem.s * problem.c > kMostColumns) return nullptr;
  return std::make_unique<ColumnsRoutine>(problem);
}

}  // namespace ebm::cpu
