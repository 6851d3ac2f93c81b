#include "core/tensor.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>

#include "core/check.h"
#include "core/cuda.h"

namespace ebm {

Shape::Shape(std::initializer_list<int64_t> extents) {
  EBM_CHECK(extents.size() <= 4, "shape", std::to_string(extents.size()) + " extents", "at most 4");
  for (int64_t extent : extents) {
    EBM_CHECK(extent >= 0, "shape", "extent " + std::to_string(extent), "0 or more");
    extents_[rank_++] = extent;
  }
}

int64_t Shape::size() const {
  int64_t size = 1;
  for (int i = 0; i < rank_; ++i) size *= extents_[i];
  return size;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.rank(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

namespace {

uint64_t next_storage_id() {
  static std::atomic<uint64_t> next{1};
  return next++;
}

// All copies between tensors go through here.
void copy_bytes(Device to_device, void* to, Device from_device, const void* from, size_t bytes) {
  if (bytes == 0) return;
  if (to_device.is_cuda() && from_device.is_cuda()) {
    EBM_CHECK(to_device == from_device, "copy", to_string(from_device) + " to " + to_string(to_device),
              "one GPU, or a copy through the host");
    cuda::copy_on_device(to_device.index, to, from, bytes);
  } else if (to_device.is_cuda()) {
    cuda::copy_to_device(to_device.index, to, from, bytes);
  } else if (from_device.is_cuda()) {
    cuda::copy_to_host(from_device.index, to, from, bytes);
  } else {
    std::memcpy(to, from, bytes);
  }
}

}  // namespace

Storage::Storage(Device device, size_t bytes)
    : device(device), bytes(bytes), pool(current_pool(device)), memory(pool->allocate(bytes)), id(next_storage_id()) {}

Storage::~Storage() { pool->release(memory, bytes); }

const char* name(ElementType type) { return type == ElementType::fp32 ? "fp32" : "bf16"; }

Tensor::Tensor(std::shared_ptr<Storage> storage, void* data, const Shape& shape, ElementType type)
    : storage_(std::move(storage)), data_(data), shape_(shape), size_(shape.size()), type_(type) {}

Tensor Tensor::empty(const Shape& shape, Device device, ElementType type) {
  // Whole 16 bytes, which kernels may read at a time.
  const size_t size = shape.size() * size_of(type);
  const size_t bytes = type == ElementType::fp32 ? size : (size + 15) / 16 * 16;
  auto storage = std::make_shared<Storage>(device, bytes);
  void* const data = storage->memory;
  return {std::move(storage), data, shape, type};
}

Tensor Tensor::zeros(const Shape& shape, Device device) {
  Tensor tensor = empty(shape, device);
  if (device.is_cuda())
    cuda::fill_zero(device.index, tensor.data_, tensor.bytes());
  else
    std::memset(tensor.data_, 0, tensor.bytes());
  return tensor;
}

Tensor Tensor::from_host(std::span<const float> values, const Shape& shape, Device device) {
  Tensor tensor = empty(shape, device);
  tensor.copy_from_host(values);
  return tensor;
}

void* Tensor::mutable_raw() {
  ++storage_->version;
  return data_;
}

float* Tensor::mutable_data() {
  of_type(ElementType::fp32);
  return static_cast<float*>(mutable_raw());
}

Bf16* Tensor::mutable_bf16_data() {
  of_type(ElementType::bf16);
  return static_cast<Bf16*>(mutable_raw());
}

void Tensor::refuse_type(ElementType wanted) const {
  EBM_FAIL("tensor", std::string(name(type_)) + " elements of " + to_string(shape_), name(wanted));
}

int64_t Tensor::storage_offset() const {
  const auto offset = static_cast<const std::byte*>(data_) - static_cast<const std::byte*>(storage_->memory);
  return offset / static_cast<int64_t>(size_of(type_));
}

Tensor Tensor::reshaped(const Shape& shape) const {
  EBM_CHECK(shape.size() == size_, "reshape", to_string(shape_) + " to " + to_string(shape),
            "the same number of elements");
  return {storage_, data_, shape, type_};
}

Tensor Tensor::view(int64_t first, const Shape& shape) const {
  EBM_CHECK(first >= 0 && first + shape.size() <= size_, "view",
            to_string(shape) + " from element " + std::to_string(first), "elements within " + to_string(shape_));
  return {storage_, static_cast<std::byte*>(data_) + first * size_of(type_), shape, type_};
}

std::vector<float> Tensor::to_host() const {
  std::vector<float> values(size_);
  if (type_ == ElementType::fp32) {
    copy_bytes(kCpu, values.data(), device(), data_, bytes());
    return values;
  }
  std::vector<Bf16> halves(size_);
  copy_bytes(kCpu, halves.data(), device(), data_, bytes());
  std::transform(halves.begin(), halves.end(), values.begin(), [](Bf16 x) { return value_of(x); });
  return values;
}

float Tensor::item() const {
  EBM_CHECK(size_ == 1, "item", "a tensor of shape " + to_string(shape_), "one element");
  return to_host()[0];
}

Tensor Tensor::clone() const {
  Tensor copy = empty(shape_, device(), type_);
  copy_bytes(device(), copy.data_, device(), data_, bytes());
  return copy;
}

Tensor Tensor::to(Device target) const {
  if (target == device()) return *this;
  Tensor copy = empty(shape_, target, type_);
  copy_bytes(target, copy.data_, device(), data_, bytes());
  return copy;
}

void Tensor::copy_from(const Tensor& other) {
  EBM_CHECK(other.size() == size_, "copy", to_string(other.shape()), to_string(shape_));
  EBM_CHECK(other.type() == type_, "copy", std::string(name(other.type())) + " elements", name(type_));
  copy_bytes(device(), mutable_raw(), other.device(), other.raw(), bytes());
}

void Tensor::copy_from_host(std::span<const float> values) {
  EBM_CHECK(static_cast<int64_t>(values.size()) == size_, "copy", std::to_string(values.size()) + " values",
            "one for each element of " + to_string(shape_));
  copy_bytes(device(), mutable_data(), kCpu, values.data(), bytes());
}

Tensor aligned(const Tensor& tensor, size_t bytes) {
  return !tensor.defined() || reinterpret_cast<uintptr_t>(tensor.raw()) % bytes == 0 ? tensor : tensor.clone();
}

void check_same_shape(const char* op, const Tensor& a, const Tensor& b) {
  EBM_CHECK(a.shape() == b.shape(), op, "shapes " + to_string(a.shape()) + " and " + to_string(b.shape()),
            "equal shapes");
  check_same_device(op, a, b);
}

void check_shape(const char* op, const char* name, const Tensor& tensor, const Shape& expected) {
  EBM_CHECK(tensor.defined(), op, std::string(name) + " undefined", to_string(expected));
  EBM_CHECK(tensor.shape() == expected, op, std::string(name) + " " + to_string(tensor.shape()), to_string(expected));
}

void check_same_device(const char* op, const Tensor& a, const Tensor& b) {
  EBM_CHECK(a.device() == b.device(), op, "tensors on " + to_string(a.device()) + " and " + to_string(b.device()),
            "one device");
}

}  // namespace ebm
