// Convolution by minimal filtering: F(4, 3) needs 36 multiplications where the definition needs 144. The
// three directions are one linear map and its adjoints (winograd.h has the matrices, winograd_layout.h the
// cutting into tiles), V, U, M being the transformed x, w, y:
//   forward           V = Bᵀ x B    M = V U        y = Aᵀ M A
//   backward data     dM = A dy Aᵀ  dV = dM Uᵀ     dx = B dV Bᵀ, summed where tiles overlap
//   backward weight   V and dM      dU = Vᵀ dM     dw = Gᵀ dU G
// The first two run chunk by chunk, each chunk of images on one core from transform to transform, so that
// V and M stay in its cache; the third sums over all images and shares out the products.
#include <omp.h>

#include <algorithm>

#include "kernels/conv/winograd_layout.h"

namespace ebm::cpu {
namespace {

// A chunk's transforms stay in the second-level cache, about this much, but it has not so few images that
// reading the weights for each chunk costs more than the transforms' own memory traffic.
constexpr int64_t kChunkBytes = 1 << 20;
// Rows of dU in one piece of work: enough to reuse the operands, few enough to share out.
constexpr int kRowBlock = 32 * kTileRows;
// Distance between points beyond their data: points at equal places in a page would share cache sets.
constexpr int64_t kPointGap = 5 * 64 / sizeof(float);

// How far ahead a transform asks for memory. It walks up to 36 places at once, more than the processor
// follows by itself; the next tile lies behind the last channel. Halves the time of the transforms.
constexpr int64_t kPrefetch = 64;

constexpr int kStep = kLanes, kLine = kMaxPoints * kLanes;  // of a tile held on the stack

// The element (i, j) of a tile in memory, channels following each other; nullptr: zero (read), skip (write).
struct TileAddress {
  float* at[kMaxPoints][kMaxPoints];
};
struct TileSource {
  const float* at[kMaxPoints][kMaxPoints];
};

enum class Finish { store, add, bias_and_activation };

// One two-dimensional transform: its two one-dimensional ones, and what becomes of the result.
struct TileMap {
  LineTransform vertical, horizontal;
  int rows_in, columns_in, rows_out, columns_out;
  Finish finish = Finish::store;
  const float* bias = nullptr;  // (channels) or nullptr
  float negative_slope = 1.0f;
};

void transform_tile(const TileMap& map, const TileSource& from, const TileAddress& to, int channels) {
  alignas(64) float a[kMaxPoints * kLine], b[kMaxPoints * kLine];
  for (int c = 0; c < channels; c += kLanes) {
    for (int i = 0; i < map.rows_in; ++i)
      for (int j = 0; j < map.columns_in; ++j) {
        const float* in = from.at[i][j];
        if (in != nullptr) __builtin_prefetch(in + c + kPrefetch);
        store(a + i * kLine + j * kStep, in != nullptr ? load(in + c) : Vec{});
      }
    map.vertical(a, kLine, kStep, b, kLine, kStep, map.columns_in);
    map.horizontal(b, kStep, kLine, a, kStep, kLine, map.rows_out);
    for (int i = 0; i < map.rows_out; ++i)
      for (int j = 0; j < map.columns_out; ++j) {
        if (to.at[i][j] == nullptr) continue;
        float* out = to.at[i][j] + c;
        __builtin_prefetch(out + kPrefetch, 1);
        Vec value = load(a + i * kLine + j * kStep);
        if (map.finish == Finish::add) value += load(out);
        if (map.finish == Finish::bias_and_activation) {
          if (map.bias != nullptr) value += load(map.bias + c);
          value = value > 0.0f ? value : value * map.negative_slope;
        }
        store(out, value);
      }
  }
}

// V (or dV) and M (or dM) of the images in work; both are by point, then row.
struct Transformed {
  float* v;
  float* m;
  int64_t images;
};

class WinogradRoutine : public ConvRoutine {
 public:
  explicit WinogradRoutine(const ConvProblem& problem)
      : problem_(problem), layout_(problem), weights_(weights_name(problem), layout_.weights_size) {
    const int64_t per_image = (layout_.v_per_image + layout_.m_per_image) * sizeof(float);
    const int64_t weights_bytes = layout_.weights_size * sizeof(float);
    if (problem.direction == ConvDirection::backward_weight) {
      chunk_ = std::max(kChunkBytes * std::max(2, problem.threads), weights_bytes) / per_image;
      chunk_ = std::clamp<int64_t>(chunk_, 1, problem.n);
    } else {
      chunk_ = std::max(kChunkBytes, weights_bytes / 2) / per_image;
      chunk_ = std::clamp<int64_t>(chunk_, 1, (problem.n + problem.threads - 1) / problem.threads);
      // As many chunks for each core, and of equal size.
      chunks_ = (problem.n + chunk_ - 1) / chunk_;
      chunks_ = (chunks_ + problem.threads - 1) / problem.threads * problem.threads;
      chunk_ = (problem.n + chunks_ - 1) / chunks_;
    }
    chunks_ = (problem.n + chunk_ - 1) / chunk_;
    const int64_t gaps = kPointGap * static_cast<int64_t>(layout_.points.size());
    v_size_ = layout_.v_per_image * chunk_ + gaps;
    m_size_ = layout_.m_per_image * chunk_ + gaps;
  }

  void run(const Tensor& a, const Tensor& b, const ConvEpilogue& end, Tensor& out) override {
    const float* first = a.data();
    float* result = out.mutable_data();
    if (problem_.direction == ConvDirection::backward_weight) {
      backward_weight(first, b.data(), result);
      return;
    }
    const Tensor& packed = weights_.get(b, [this](const Tensor& from, Tensor& to) {
      pack_weights(layout_, problem_.direction == ConvDirection::backward_data, from.data(), to.mutable_data());
    });
    const float* const u = packed.data();
    if (problem_.direction == ConvDirection::forward) {
      forward(first, u, end, result);
    } else {
      backward_data(first, u, ImageEpilogue(end, problem_.c), result);
    }
  }

 private:
  using Point = WinogradLayout::Point;

  static std::string weights_name(const ConvProblem& p);
  void forward(const float* x, const float* u, const ConvEpilogue& end, float* y);
  void backward_data(const float* dy, const float* u, const ImageEpilogue& epilogue, float* dx);
  void backward_weight(const float* x, const float* dy, float* dw);

  // Calls visit(tall, wide, group, row, column, tile): each tile of an image, its kinds, first output and
  // number within its group.
  template <class Visit>
  void for_each_tile(Visit visit) const {
    for (size_t a = 0; a < layout_.vertical.kinds.size(); ++a)
      for (size_t b = 0; b < layout_.horizontal.kinds.size(); ++b) {
        const auto &tall = layout_.vertical.kinds[a], &wide = layout_.horizontal.kinds[b];
        for (int i = 0; i < tall.count; ++i)
          for (int j = 0; j < wide.count; ++j)
            visit(tall, wide, static_cast<int>(2 * a + b), tall.first + i * layout_.vertical.tile,
                  wide.first + j * layout_.horizontal.tile, i * wide.count + j);
      }
  }

  // Calls work(first image, Transformed) for each chunk, several at a time.
  template <class Work>
  void for_each_chunk(Work work) const {
    Tensor scratch = Tensor::empty({(v_size_ + m_size_) * problem_.threads}, kCpu);
    float* const memory = scratch.mutable_data();
#pragma omp parallel for schedule(dynamic, 1) num_threads(problem_.threads)
    for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
      float* v = memory + omp_get_thread_num() * (v_size_ + m_size_);
      const int64_t first = chunk * chunk_;
      work(first, Transformed{v, v + v_size_, std::min(chunk_, problem_.n - first)});
    }
  }

  float* v_of(size_t point, const Transformed& t) const {
    return t.v + layout_.points[point].v_per_image * t.images + kPointGap * static_cast<int64_t>(point);
  }
  float* m_of(size_t point, const Transformed& t) const {
    return t.m + layout_.points[point].m_per_image * t.images + kPointGap * static_cast<int64_t>(point);
  }

  // Row of a tile in V and M at one point.
  static int64_t row_of(const Point& point, int group, int64_t image, int64_t images, int tiles, int tile) {
    return point.first_row[group] * images + image * tiles + tile;
  }

  // Pixels (rows, columns) of an image (height, width, channels), stepping by the strides.
  template <class Address, class Pointer>
  static Address pixels(Pointer image, int rows, int columns, int row, int column, int stride_h, int stride_w,
                        int height, int width, int64_t channels) {
    Address tile;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) {
        const int h = row + i * stride_h, w = column + j * stride_w;
        const bool inside = h >= 0 && h < height && w >= 0 && w < width;
        tile.at[i][j] = inside ? image + (int64_t{h} * width + w) * channels : nullptr;
      }
    return tile;
  }

  // x (H,W,C) of image n of the chunk to V, or with `adjoint` dV to dx.
  void input_transform(const float* x, float* dx, int64_t n, const Transformed& t) const;
  // M of image n of the chunk to y (P,Q,K).
  void output_transform(const float* bias, float* y, int64_t n, const Transformed& t) const;
  // dy (P,Q,K) of image n of the chunk to dM.
  void output_adjoint(const float* dy, int64_t n, const Transformed& t) const;

  template <class Address, class Pointer>
  Address v_tile(const WinogradAxis::Kind& tall, const WinogradAxis::Kind& wide, int group, int phase, int tile,
                 int64_t n, const Transformed& t) const {
    Address address;
    for (int i = 0; i < tall.transforms.points; ++i)
      for (int j = 0; j < wide.transforms.points; ++j) {
        const size_t index = i * layout_.horizontal.points + j;
        const Point& point = layout_.points[index];
        const int64_t row = row_of(point, group, n, t.images, tall.count * wide.count, tile);
        Pointer v = v_of(index, t) + row * point.channels + int64_t{point.slot[phase]} * layout_.c;
        address.at[i][j] = point.slot[phase] < 0 ? nullptr : v;
      }
    return address;
  }
  template <class Address, class Pointer>
  Address m_tile(const WinogradAxis::Kind& tall, const WinogradAxis::Kind& wide, int group, int tile, int64_t n,
                 const Transformed& t) const {
    Address address;
    for (int i = 0; i < tall.transforms.points; ++i)
      for (int j = 0; j < wide.transforms.points; ++j) {
        const size_t index = i * layout_.horizontal.points + j;
        const Point& point = layout_.points[index];
        Pointer m = m_of(index, t) + row_of(point, group, n, t.images, tall.count * wide.count, tile) * layout_.k;
        address.at[i][j] = m;
      }
    return address;
  }

  ConvProblem problem_;
  WinogradLayout layout_;
  PackedWeights weights_;
  int64_t chunk_ = 1, chunks_ = 1;   // images in a chunk, number of chunks
  int64_t v_size_ = 0, m_size_ = 0;  // floats of V and M of a chunk
};

void WinogradRoutine::input_transform(const float* x, float* dx, int64_t n, const Transformed& t) const {
  const auto &vertical = layout_.vertical, &horizontal = layout_.horizontal;
  for_each_tile([&](const auto& tall, const auto& wide, int group, int p, int q, int tile) {
    const int rows = tall.transforms.points, columns = wide.transforms.points;
    for (int phase = 0; phase < layout_.phases(); ++phase) {
      const int h = vertical.input_of(p, phase / horizontal.stride);
      const int w = horizontal.input_of(q, phase % horizontal.stride);
      if (x != nullptr) {
        transform_tile({tall.transforms.input, wide.transforms.input, rows, columns, rows, columns},
                       pixels<TileSource>(x, rows, columns, h, w, vertical.stride, horizontal.stride, vertical.in,
                                          horizontal.in, layout_.c),
                       v_tile<TileAddress, float*>(tall, wide, group, phase, tile, n, t), layout_.c);
      } else {
        transform_tile(
            {tall.transforms.input_adjoint, wide.transforms.input_adjoint, rows, columns, rows, columns, Finish::add},
            v_tile<TileSource, const float*>(tall, wide, group, phase, tile, n, t),
            pixels<TileAddress>(dx, rows, columns, h, w, vertical.stride, horizontal.stride, vertical.in, horizontal.in,
                                layout_.c),
            layout_.c);
      }
    }
  });
}

void WinogradRoutine::output_transform(const float* bias, float* y, int64_t n, const Transformed& t) const {
  for_each_tile([&](const auto& tall, const auto& wide, int group, int p, int q, int tile) {
    const auto &a = tall.transforms, &b = wide.transforms;
    const bool activates = !problem_.has_mask && (bias != nullptr || problem_.negative_slope != 1.0f);
    transform_tile({a.output, b.output, a.points, b.points, a.outputs, b.outputs,
                    activates ? Finish::bias_and_activation : Finish::store, bias, problem_.negative_slope},
                   m_tile<TileSource, const float*>(tall, wide, group, tile, n, t),
                   pixels<TileAddress>(y, a.outputs, b.outputs, p, q, 1, 1, layout_.vertical.out,
                                       layout_.horizontal.out, layout_.k),
                   layout_.k);
  });
}

void WinogradRoutine::output_adjoint(const float* dy, int64_t n, const Transformed& t) const {
  for_each_tile([&](const auto& tall, const auto& wide, int group, int p, int q, int tile) {
    const auto &a = tall.transforms, &b = wide.transforms;
    transform_tile({a.output_adjoint, b.output_adjoint, a.outputs, b.outputs, a.points, b.points},
                   pixels<TileSource>(dy, a.outputs, b.outputs, p, q, 1, 1, layout_.vertical.out,
                                      layout_.horizontal.out, layout_.k),
                   m_tile<TileAddress, float*>(tall, wide, group, tile, n, t), layout_.k);
  });
}

void WinogradRoutine::forward(const float* x, const float* u, const ConvEpilogue& end, float* y) {
  const int64_t x_size = problem_.x_size(), y_size = problem_.y_size();
  const float* bias = end.bias.defined() ? end.bias.data() : nullptr;
  const ImageEpilogue epilogue(end, problem_.k);
  for_each_chunk([&](int64_t first, const Transformed& t) {
    for (int64_t n = 0; n < t.images; ++n) input_transform(x + (first + n) * x_size, nullptr, n, t);
    for (size_t i = 0; i < layout_.points.size(); ++i) {
      const Point& point = layout_.points[i];
      packed_gemm(point.rows_per_image * t.images, layout_.k, point.channels, v_of(i, t), point.channels,
                  u + point.weights, m_of(i, t), layout_.k);
    }
    for (int64_t n = 0; n < t.images; ++n) {
      output_transform(bias, y + (first + n) * y_size, n, t);
      if (problem_.has_mask) epilogue.finish(first + n, y + (first + n) * y_size, y_size);
    }
  });
}

void WinogradRoutine::backward_data(const float* dy, const float* u, const ImageEpilogue& epilogue, float* dx) {
  const int64_t x_size = problem_.x_size(), y_size = problem_.y_size();
  for_each_chunk([&](int64_t first, const Transformed& t) {
    for (int64_t n = 0; n < t.images; ++n) output_adjoint(dy + (first + n) * y_size, n, t);
    for (size_t i = 0; i < layout_.points.size(); ++i) {
      const Point& point = layout_.points[i];
      packed_gemm(point.rows_per_image * t.images, point.channels, layout_.k, m_of(i, t), layout_.k, u + point.weights,
                  v_of(i, t), point.channels);
    }
    std::fill(dx + first * x_size, dx + (first + t.images) * x_size, 0.0f);
    for (int64_t n = first; n < first + t.images; ++n) {
      input_transform(nullptr, dx + n * x_size, n - first, t);
      // tiles overlap, so an image is finished when its last one is in; it is still in the cache then
      epilogue.finish(n, dx + n * x_size, x_size);
    }
  });
}

void WinogradRoutine::backward_weight(const float* x, const float* dy, float* dw) {
  const int64_t x_size = problem_.x_size(), y_size = problem_.y_size();
  const int points = static_cast<int>(layout_.points.size());
  const int row_blocks = (layout_.k + kRowBlock - 1) / kRowBlock;
  Tensor scratch = Tensor::empty({v_size_ + m_size_}, kCpu);
  Tensor du = Tensor::empty({layout_.weights_size}, kCpu);  // by point: (K, channels)
  float* const v = scratch.mutable_data();
  float* const sums = du.mutable_data();
#pragma omp parallel num_threads(problem_.threads)
  for (int64_t first = 0; first < problem_.n; first += chunk_) {
    const Transformed t{v, v + v_size_, std::min(chunk_, problem_.n - first)};
#pragma omp for schedule(dynamic, 1)
    for (int64_t n = 0; n < t.images; ++n) {
      input_transform(x + (first + n) * x_size, nullptr, n, t);
      output_adjoint(dy + (first + n) * y_size, n, t);
    }
#pragma omp for collapse(2) schedule(dynamic, 1)
    for (int i = 0; i < points; ++i)
      for (int block = 0; block < row_blocks; ++block) {
        const Point& point = layout_.points[i];
        const int k = block * kRowBlock, rows = std::min(kRowBlock, layout_.k - k);
        transposed_gemm(rows, point.channels, point.rows_per_image * t.images, m_of(i, t) + k, layout_.k, v_of(i, t),
                        point.channels, sums + point.weights + int64_t{k} * point.channels, point.channels, first > 0);
      }
  }
  unpack_weights(layout_, sums, dw);
}

std::string WinogradRoutine::weights_name(const ConvProblem& p) {
  // The packing depends on the tiles' points, and so on the output's extents if these are small.
  const WinogradLayout layout(p);
  return "winograd " + std::to_string(static_cast<int>(p.direction)) + " " + std::to_string(p.c) + " " +
         std::to_string(p.k) + " " + std::to_string(p.r) + " " + std::to_string(p.s) + " " +
         std::to_string(p.stride_h) + " " + std::to_string(p.stride_w) + " " + std::to_string(layout.vertical.points) +
         " " + std::to_string(layout.horizontal.points);
}

}  // namespace

std::unique_ptr<ConvRoutine> make_winograd_routine(const ConvProblem& problem) {
  if (problem.bf16 || !WinogradLayout::applies_to(problem)) return nullptr;
  const int64_t plain = problem.p * problem.q * problem.r * problem.s * problem.c * problem.k;
  if (WinogradLayout(problem).multiplications_per_image() >= plain) return nullptr;
  return std::make_unique<WinogradRoutine>(problem);
}

}  // namespace ebm::cpu
