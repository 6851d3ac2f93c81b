// Tensor: a contiguous array of up to four dimensions on one device. Images are NHWC. Its elements are fp32, but in
// the maps of a Langevin chain on a GPU, which bf16 halves (train/chains/langevin.h).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/memory.h"
#include "core/random.h"  // EBM_HD

namespace ebm {

// Up to four extents. Legend used in all comments: N images, H height, W width, C channels (in),
// K channels out, R S kernel height and width, P Q output height and width, d latent dimension.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> extents);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return extents_[i]; }
  int64_t back() const { return extents_[rank_ - 1]; }
  // The same with another first extent: that many rows. Of rank 1 or more.
  Shape with_first(int64_t n) const {
    Shape s = *this;
    s.extents_[0] = n;
    return s;
  }
  // Number of elements; 1 for rank 0.
  int64_t size() const;
  bool operator==(const Shape&) const = default;

 private:
  std::array<int64_t, 4> extents_{};
  int rank_ = 0;
};

// "(100, 28, 28, 1)".
std::string to_string(const Shape& shape);

enum class ElementType : uint8_t { fp32, bf16 };
const char* name(ElementType type);

// An element of a bf16 tensor: the upper half of an fp32 number's bits.
struct Bf16 {
  uint16_t bits;
};
EBM_HD float value_of(Bf16 x) { return __builtin_bit_cast(float, uint32_t{x.bits} << 16); }

constexpr size_t size_of(ElementType type) { return type == ElementType::fp32 ? sizeof(float) : sizeof(Bf16); }

// The memory behind one or more tensors.
struct Storage {
  Storage(Device device, size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Device device;
  size_t bytes;
  std::shared_ptr<MemoryPool> pool;  // where memory came from and returns to
  void* memory;
  const uint64_t id;     // unique in the process; never reused
  uint64_t version = 0;  // counts in-place changes: what was derived from the values is stale when it moved
};

// A cheap handle: copies share the storage. Element order is row-major with the last extent fastest.
class Tensor {
 public:
  Tensor() = default;  // undefined: no storage

  static Tensor empty(const Shape& shape, Device device, ElementType type = ElementType::fp32);  // uninitialised
  static Tensor zeros(const Shape& shape, Device device);
  static Tensor from_host(std::span<const float> values, const Shape& shape, Device device);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t extent(int i) const { return shape_[i]; }
  int64_t size() const { return size_; }
  ElementType type() const { return type_; }
  size_t bytes() const { return static_cast<size_t>(size_) * size_of(type_); }
  Device device() const { return storage_->device; }

  // The elements: data() of an fp32 tensor, bf16_data() of a bf16 one; of another type they throw Error, so that an
  // op that does not know bf16 says so. raw() is either's first byte.
  const float* data() const { return static_cast<const float*>(of_type(ElementType::fp32)); }
  const Bf16* bf16_data() const { return static_cast<const Bf16*>(of_type(ElementType::bf16)); }
  const void* raw() const { return data_; }
  // Writing through these pointers is a change in place: it counts up the storage's version.
  float* mutable_data();
  Bf16* mutable_bf16_data();
  void* mutable_raw();

  // The same elements under another shape of the same size; shares storage. These keep the type, as clone() and to() do.
  Tensor reshaped(const Shape& shape) const;
  // shape.size() consecutive elements from element `first` on; shares storage.
  Tensor view(int64_t first, const Shape& shape) const;

  std::vector<float> to_host() const;  // of either type; waits for the device
  float item() const;                  // the value of a one-element tensor; waits for the device
  Tensor clone() const;
  Tensor to(Device device) const;       // a copy there; *this if it is there already
  void copy_from(const Tensor& other);  // same size and type, any device
  void copy_from_host(std::span<const float> values);

  uint64_t storage_id() const { return storage_->id; }
  uint64_t version() const { return storage_->version; }
  int64_t storage_offset() const;  // elements
  // Expires when the last tensor of this storage is gone.
  std::weak_ptr<const Storage> storage() const { return storage_; }

 private:
  Tensor(std::shared_ptr<Storage> storage, void* data, const Shape& shape, ElementType type);
  const void* of_type(ElementType type) const {
    if (type != type_) refuse_type(type);
    return data_;
  }
  [[noreturn]] void refuse_type(ElementType wanted) const;

  std::shared_ptr<Storage> storage_;
  void* data_ = nullptr;
  Shape shape_;
  int64_t size_ = 0;
  ElementType type_ = ElementType::fp32;
};

// The tensor itself where its memory begins at a multiple of `bytes` and where it is undefined, else a copy: a view may
// begin anywhere.
Tensor aligned(const Tensor& tensor, size_t bytes = 16);

// Throws Error unless the two shapes are equal / the tensor has this shape / both are on one device.
void check_same_shape(const char* op, const Tensor& a, const Tensor& b);
void check_shape(const char* op, const char* name, const Tensor& tensor, const Shape& expected);
void check_same_device(const char* op, const Tensor& a, const Tensor& b);

}  // namespace ebm
