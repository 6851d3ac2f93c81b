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
#include <type_traits>

#include "kernels/conv/winograd_layout.h"

namespace ebm::cpu {
namespace {

// A chunk's transforms stay in the second-level cache beside the weights that pass through it, about this much, but it has
// not so few images that reading the weights for each chunk costs more than the transforms' own memory traffic.
constexpr int64_t kChunkBytes = 1 << 19;
// Rows of dU in one piece of work: enough to reuse the operands, few enough to share out.
constexpr int kRowBlock = 32 * kTileRows;
// Distance between points beyond their data: points at equal places in a page would share cache sets.
constexpr int64_t kPointGap = 5 * 64 / sizeof(float);

// How far ahead a transform asks for memory. It walks up to 36 places at once, more than the processor
// follows by itself; the next tile lies behind the last channel. Halves the time of the transforms.
constexpr int64_t kPrefetch = 64;

constexpr int kStep = kLanes, kLine = kMaxPoints * kLanes;  // of a tile held on the stack

// The element (i, j) of a tile in memory, channels following each other; nullptr: zero (read), skip (write).
template <class T>
struct Tile {
  T* at[kMaxPoints][kMaxPoints];
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

// From, To: float or Bf16, as each is stored.
template <class From, class To>
void transform_tile(const TileMap& map, const Tile<const From>& from, const Tile<To>& to, int channels) {
  alignas(64) float a[kMaxPoints * kLine], b[kMaxPoints * kLine];
  for (int c = 0; c < channels; c += kLanes) {
    for (int i = 0; i < map.rows_in; ++i)
      for (int j = 0; j < map.columns_in; ++j) {
        const From* in = from.at[i][j];
        if (in != nullptr) __builtin_prefetch(in + c + kPrefetch);
        store(a + i * kLine + j * kStep, in != nullptr ? load(in + c) : Vec{});
      }
    map.vertical(a, kLine, kStep, b, kLine, kStep, map.columns_in);
    map.horizontal(b, kStep, kLine, a, kStep, kLine, map.rows_out);
    for (int i = 0; i < map.rows_out; ++i)
      for (int j = 0; j < map.columns_out; ++j) {
        if (to.at[i][j] == nullptr) continue;
        To* out = to.at[i][j] + c;
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

// V (or dV) and M (or dM) of the images in work; both are by point, then row. What is multiplied is of the maps' type,
// what comes of it fp32.
struct Transformed {
  float* v;
  float* m;
  float* image;  // of x, where tiles are summed up before they are rounded
  int64_t images;
};

// A matrix of these as packed_gemm takes it, in elements of the depth.
const float* operand(const float* a) { return a; }
const Bf16Pair* operand(const Bf16* a) { return reinterpret_cast<const Bf16Pair*>(a); }
template <class Map>
constexpr int64_t kInOperand = 1;  // numbers in one of its elements
template <>
constexpr int64_t kInOperand<Bf16> = 2;

// The elements of a map's tensor.
template <class Map>
const Map* map_data(const Tensor& t) {
  return static_cast<const Map*>(t.raw());
}

// Map: float or Bf16, of x, w and y, and of what is multiplied. Transforms and sums are fp32.
template <class Map>
class WinogradRoutine : public ConvRoutine {
 public:
  explicit WinogradRoutine(const ConvProblem& problem)
      : problem_(problem), layout_(problem), weights_(weights_name(problem), layout_.weights_size, kMapType) {
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
    const auto* first = map_data<Map>(a);
    auto* result = static_cast<Map*>(out.mutable_raw());
    if constexpr (kMapType == ElementType::fp32) {
      if (problem_.direction == ConvDirection::backward_weight) return backward_weight(first, b.data(), result);
    }
    const Tensor& packed = weights_.get(b, [this](const Tensor& from, Tensor& to) {
      pack_weights(layout_, problem_.direction == ConvDirection::backward_data, map_data<Map>(from),
                   static_cast<Map*>(to.mutable_raw()));
    });
    const Map* const u = map_data<Map>(packed);
    if (problem_.direction == ConvDirection::forward) {
      forward(first, u, end, result);
    } else {
      backward_data(first, u, ImageEpilogue(end, problem_.c), result);
    }
  }

 private:
  using Point = WinogradLayout::Point;
  static constexpr ElementType kMapType = std::is_same_v<Map, Bf16> ? ElementType::bf16 : ElementType::fp32;

  static std::string weights_name(const ConvProblem& p);
  void forward(const Map* x, const Map* u, const ConvEpilogue& end, Map* y);
  void backward_data(const Map* dy, const Map* u, const ImageEpilogue& epilogue, Map* dx);
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
    const int64_t image_size = kMapType == ElementType::bf16 ? problem_.x_size() : 0;
    const int64_t size = v_size_ + m_size_ + image_size;
    Tensor scratch = Tensor::empty({size * problem_.threads}, kCpu);
    float* const memory = scratch.mutable_data();
#pragma omp parallel for schedule(dynamic, 1) num_threads(problem_.threads)
    for (int64_t chunk = 0; chunk < chunks_; ++chunk) {
      float *const v = memory + omp_get_thread_num() * size, *const m = v + v_size_;
      const int64_t first = chunk * chunk_;
      work(first, Transformed{v, m, m + m_size_, std::min(chunk_, problem_.n - first)});
    }
  }

  // V and M at one point, of elements T.
  template <class T>
  T* v_of(size_t point, const Transformed& t) const {
    return reinterpret_cast<T*>(t.v) + layout_.points[point].v_per_image * t.images +
           kPointGap * static_cast<int64_t>(point);
  }
  template <class T>
  T* m_of(size_t point, const Transformed& t) const {
    return reinterpret_cast<T*>(t.m) + layout_.points[point].m_per_image * t.images +
           kPointGap * static_cast<int64_t>(point);
  }

  // Row of a tile in V and M at one point.
  static int64_t row_of(const Point& point, int group, int64_t image, int64_t images, int tiles, int tile) {
    return point.first_row[group] * images + image * tiles + tile;
  }

  // Pixels (rows, columns) of an image (height, width, channels), stepping by the strides.
  template <class T>
  static Tile<T> pixels(T* image, int rows, int columns, int row, int column, int stride_h, int stride_w, int height,
                        int width, int64_t channels) {
    Tile<T> tile;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) {
        const int h = row + i * stride_h, w = column + j * stride_w;
        const bool inside = h >= 0 && h < height && w >= 0 && w < width;
        tile.at[i][j] = inside ? image + (int64_t{h} * width + w) * channels : nullptr;
      }
    return tile;
  }

  // x (H,W,C) of image n of the chunk to V.
  void input_transform(const Map* x, int64_t n, const Transformed& t) const;
  // dV of image n of the chunk, added to dx (H,W,C).
  void input_adjoint(float* dx, int64_t n, const Transformed& t) const;
  // M of image n of the chunk to y (P,Q,K).
  void output_transform(const float* bias, Map* y, int64_t n, const Transformed& t) const;
  // dy (P,Q,K) of image n of the chunk to dM.
  void output_adjoint(const Map* dy, int64_t n, const Transformed& t) const;
  // Calls visit(tall, wide, group, phase, row, column, tile): of each tile and phase, its first pixel of x.
  template <class Visit>
  void for_each_phase(Visit visit) const {
    const auto &vertical = layout_.vertical, &horizontal = layout_.horizontal;
    for_each_tile([&](const auto& tall, const auto& wide, int group, int p, int q, int tile) {
      for (int phase = 0; phase < layout_.phases(); ++phase)
        visit(tall, wide, group, phase, vertical.input_of(p, phase / horizontal.stride),
              horizontal.input_of(q, phase % horizontal.stride), tile);
    });
  }
  // The pixels of x that a tile of one phase reads, from (h, w) on.
  template <class T>
  Tile<T> x_tile(T* x, const WinogradAxis::Kind& tall, const WinogradAxis::Kind& wide, int h, int w) const {
    const auto &vertical = layout_.vertical, &horizontal = layout_.horizontal;
    return pixels(x, tall.transforms.points, wide.transforms.points, h, w, vertical.stride, horizontal.stride,
                  vertical.in, horizontal.in, layout_.c);
  }

  template <class T>
  Tile<T> v_tile(const WinogradAxis::Kind& tall, const WinogradAxis::Kind& wide, int group, int phase, int tile,
                 int64_t n, const Transformed& t) const {
    Tile<T> address;
    for (int i = 0; i < tall.transforms.points; ++i)
      for (int j = 0; j < wide.transforms.points; ++j) {
        const size_t index = i * layout_.horizontal.points + j;
        const Point& point = layout_.points[index];
        const int64_t row = row_of(point, group, n, t.images, tall.count * wide.count, tile);
        T* v = v_of<T>(index, t) + row * point.channels + int64_t{point.slot[phase]} * layout_.c;
        address.at[i][j] = point.slot[phase] < 0 ? nullptr : v;
      }
    return address;
  }
  template <class T>
  Tile<T> m_tile(const WinogradAxis::Kind& tall, const WinogradAxis::Kind& wide, int group, int tile, int64_t n,
                 const Transformed& t) const {
    Tile<T> address;
    for (int i = 0; i < tall.transforms.points; ++i)
      for (int j = 0; j < wide.transforms.points; ++j) {
        const size_t index = i * layout_.horizontal.points + j;
        const Point& point = layout_.points[index];
        const int64_t row = row_of(point, group, n, t.images, tall.count * wide.count, tile);
        address.at[i][j] = m_of<T>(index, t) + row * layout_.k;
      }
    return address;
  }

  ConvProblem problem_;
  WinogradLayout layout_;
  PackedWeights weights_;
  int64_t chunk_ = 1, chunks_ = 1;   // images in a chunk, number of chunks
  int64_t v_size_ = 0, m_size_ = 0;  // floats of V and M of a chunk
};

template <class Map>
void WinogradRoutine<Map>::input_transform(const Map* x, int64_t n, const Transformed& t) const {
  for_each_phase([&](const auto& tall, const auto& wide, int group, int phase, int h, int w, int tile) {
    const auto &a = tall.transforms, &b = wide.transforms;
    transform_tile<Map, Map>({a.input, b.input, a.points, b.points, a.points, b.points}, x_tile(x, tall, wide, h, w),
                             v_tile<Map>(tall, wide, group, phase, tile, n, t), layout_.c);
  });
}

template <class Map>
void WinogradRoutine<Map>::input_adjoint(float* dx, int64_t n, const Transformed& t) const {
  for_each_phase([&](const auto& tall, const auto& wide, int group, int phase, int h, int w, int tile) {
    const auto &a = tall.transforms, &b = wide.transforms;
    transform_tile<float, float>(
        {a.input_adjoint, b.input_adjoint, a.points, b.points, a.points, b.points, Finish::add},
        v_tile<const float>(tall, wide, group, phase, tile, n, t), x_tile(dx, tall, wide, h, w), layout_.c);
  });
}

template <class Map>
void WinogradRoutine<Map>::output_transform(const float* bias, Map* y, int64_t n, const Transformed& t) const {
  for_each_tile([&](const auto& tall, const auto& wide, int group, int p, int q, int tile) {
    const auto &a = tall.transforms, &b = wide.transforms;
    const bool activates = !problem_.has_mask && (bias != nullptr || problem_.negative_slope != 1.0f);
    transform_tile<float, Map>(
        {a.output, b.output, a.points, b.points, a.outputs, b.outputs,
         activates ? Finish::bias_and_activation : Finish::store, bias, problem_.negative_slope},
        m_tile<const float>(tall, wide, group, tile, n, t),
        pixels(y, a.outputs, b.outputs, p, q, 1, 1, layout_.vertical.out, layout_.horizontal.out, layout_.k),
        layout_.k);
  });
}

template <class Map>
void WinogradRoutine<Map>::output_adjoint(const Map* dy, int64_t n, const Transformed& t) const {
  for_each_tile([&](const auto& tall, const auto& wide, int group, int p, int q, int tile) {
    const auto &a = tall.transforms, &b = wide.transforms;
    transform_tile<Map, Map>(
        {a.output_adjoint, b.output_adjoint, a.outputs, b.outputs, a.points, b.points},
        pixels(dy, a.outputs, b.outputs, p, q, 1, 1, layout_.vertical.out, layout_.horizontal.out, layout_.k),
        m_tile<Map>(tall, wide, group, tile, n, t), layout_.k);
  });
}

template <class Map>
void WinogradRoutine<Map>::forward(const Map* x, const Map* u, const ConvEpilogue& end, Map* y) {
  const int64_t x_size = problem_.x_size(), y_size = problem_.y_size();
  const float* bias = end.bias.defined() ? end.bias.data() : nullptr;
  const ImageEpilogue epilogue(end, problem_.k);
  for_each_chunk([&](int64_t first, const Transformed& t) {
    for (int64_t n = 0; n < t.images; ++n) input_transform(x + (first + n) * x_size, n, t);
    for (size_t i = 0; i < layout_.points.size(); ++i) {
      const Point& point = layout_.points[i];
      const int64_t depth = point.channels / kInOperand<Map>;
      packed_gemm(point.rows_per_image * t.images, layout_.k, depth, operand(v_of<Map>(i, t)), depth,
                  operand(u + point.weights), m_of<float>(i, t), layout_.k);
    }
    for (int64_t n = 0; n < t.images; ++n) {
      output_transform(bias, y + (first + n) * y_size, n, t);
      if constexpr (kMapType == ElementType::fp32) {
        if (problem_.has_mask) epilogue.finish(first + n, y + (first + n) * y_size, y_size);
      }
    }
  });
}

template <class Map>
void WinogradRoutine<Map>::backward_data(const Map* dy, const Map* u, const ImageEpilogue& epilogue, Map* dx) {
  const int64_t x_size = problem_.x_size(), y_size = problem_.y_size(), depth = layout_.k / kInOperand<Map>;
  for_each_chunk([&](int64_t first, const Transformed& t) {
    for (int64_t n = 0; n < t.images; ++n) output_adjoint(dy + (first + n) * y_size, n, t);
    for (size_t i = 0; i < layout_.points.size(); ++i) {
      const Point& point = layout_.points[i];
      packed_gemm(point.rows_per_image * t.images, point.channels, depth, operand(m_of<Map>(i, t)), depth,
                  operand(u + point.weights), v_of<float>(i, t), point.channels);
    }
    if constexpr (kMapType == ElementType::fp32) std::fill(dx + first * x_size, dx + (first + t.images) * x_size, 0.0f);
    for (int64_t n = first; n < first + t.images; ++n) {
      float* image = t.image;
      if constexpr (kMapType == ElementType::fp32)
        image = dx + n * x_size;
      else
        std::fill(image, image + x_size, 0.0f);
      input_adjoint(image, n - first, t);
      // tiles overlap, so an image is finished when its last one is in; it is still in the cache then
      epilogue.finish(n, image, x_size);
      if constexpr (kMapType == ElementType::bf16)
        for (int64_t i = 0; i < x_size; i += kLanes) store(dx + n * x_size + i, load(image + i));
    }
  });
}

template <class Map>
void WinogradRoutine<Map>::backward_weight(const float* x, const float* dy, float* dw) {
  const int64_t x_size = problem_.x_size(), y_size = problem_.y_size();
  const int points = static_cast<int>(layout_.points.size());
  const int row_blocks = (layout_.k + kRowBlock - 1) / kRowBlock;
  Tensor scratch = Tensor::empty({v_size_ + m_size_}, kCpu);
  Tensor du = Tensor::empty({layout_.weights_size}, kCpu);  // by point: (K, channels)
  float* const v = scratch.mutable_data();
  float* const sums = du.mutable_data();
#pragma omp parallel num_threads(problem_.threads)
  for (int64_t first = 0; first < problem_.n; first += chunk_) {
    const Transformed t{v, v + v_size_, nullptr, std::min(chunk_, problem_.n - first)};
#pragma omp for schedule(dynamic, 1)
    for (int64_t n = 0; n < t.images; ++n) {
      input_transform(x + (first + n) * x_size, n, t);
      output_adjoint(dy + (first + n) * y_size, n, t);
    }
#pragma omp for collapse(2) schedule(dynamic, 1)
    for (int i = 0; i < points; ++i)
      for (int block = 0; block < row_blocks; ++block) {
        const Point& point = layout_.points[i];
        const int k = block * kRowBlock, rows = std::min(kRowBlock, layout_.k - k);
        transposed_gemm(rows, point.channels, point.rows_per_image * t.images, m_of<float>(i, t) + k, layout_.k,
                        v_of<float>(i, t), point.channels, sums + point.weights + int64_t{k} * point.channels,
                        point.channels, first > 0);
      }
  }
  unpack_weights(layout_, sums, dw);
}

template <class Map>
std::string WinogradRoutine<Map>::weights_name(const ConvProblem& p) {
  // The packing depends on the tiles' points, and so on the output's extents if these are small.
  const WinogradLayout layout(p);
  return std::string("winograd ") + name(kMapType) + " " + std::to_string(static_cast<int>(p.direction)) + " " +
         std::to_string(p.c) + " " + std::to_string(p.k) + " " + std::to_string(p.r) + " " + std::to_string(p.s) + " " +
         std::to_string(p.stride_h) + " " + std::to_string(p.stride_w) + " " + std::to_string(layout.vertical.points) +
         " " + std::to_string(layout.horizontal.points);
}

}  // namespace

std::unique_ptr<ConvRoutine> make_winograd_routine(const ConvProblem& problem) {
  if (!WinogradLayout::applies_to(problem)) return nullptr;
  const int64_t plain = problem.p * problem.q * problem.r * problem.s * problem.c * problem.k;
  if (WinogradLayout(problem).multiplications_per_image() >= plain) return nullptr;
  if (!problem.bf16) return std::make_unique<WinogradRoutine<float>>(problem);
  // a mask is no part of a chain's forward convolutions, which are what bf16 maps are for
  if (problem.has_mask && problem.direction == ConvDirection::forward) return nullptr;
  return std::make_unique<WinogradRoutine<Bf16>>(problem);
}

}  // namespace ebm::cpu
