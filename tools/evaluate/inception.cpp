#include "tools/evaluate/inception.h"

#include <cmath>
#include <initializer_list>

#include "core/check.h"
#include "kernels/channels.h"
#include "kernels/linear.h"
#include "kernels/pool.h"
#include "kernels/resize.h"
#include "train/files/tensor_entry.h"

namespace ebm {
namespace {

constexpr char kOp[] = "inception";
constexpr char kConv[] = ".conv.weight";
constexpr double kBatchNormEps = 1e-3;
const ConvGeometry kSame3(1, {1, 1}), kHalve3(2, {0, 0});  // 3×3 windows that keep the size, or halve it

std::vector<float> tensor_of(const SafetensorsFile& file, const std::string& name, const std::vector<int64_t>& shape) {
  const SafetensorsFile::Entry& entry = find_entry(file, name, kOp, "one");
  EBM_CHECK(entry.dtype == "F32" && entry.shape == shape, kOp, "tensor \"" + name + "\" of another type or shape",
            "F32 as in Inception v3 with 1008 classes");
  return to_floats(entry);
}

}  // namespace

Inception::Inception(const SafetensorsFile& file, Device device) : device_(device) {
  for (const auto& [tensor, entry] : file.tensors) {
    if (!tensor.ends_with(kConv)) continue;
    EBM_CHECK(entry.shape.size() == 4, kOp, "tensor \"" + tensor + "\" without four extents", "(K, C, R, S)");
    const std::string name = tensor.substr(0, tensor.size() - sizeof(kConv) + 1);
    const int64_t k = entry.shape[0], c = entry.shape[1], r = entry.shape[2], s = entry.shape[3];
    const auto w = tensor_of(file, tensor, entry.shape);  // (K, C, R, S)
    const auto norm = [&](const char* part) { return tensor_of(file, name + ".bn." + part, {k}); };
    const auto gamma = norm("weight"), beta = norm("bias"), mean = norm("running_mean"), var = norm("running_var");
    std::vector<float> folded(w.size()), bias(static_cast<size_t>(k));  // (K, R, S, C), (K)
    for (int64_t i = 0; i < k; ++i) {
      const double factor = gamma[i] / std::sqrt(var[i] + kBatchNormEps);
      bias[i] = static_cast<float>(beta[i] - mean[i] * factor);
      for (int64_t j = 0; j < c; ++j)
        for (int64_t place = 0; place < r * s; ++place)
          folded[(i * r * s + place) * c + j] = static_cast<float>(w[(i * c + j) * r * s + place] * factor);
    }
    convolutions_[name] = {Tensor::from_host(folded, {k, r, s, c}, device), Tensor::from_host(bias, {k}, device)};
  }
  head_ = Tensor::from_host(tensor_of(file, "fc.weight", {kClasses, kFeatures}), {kClasses, kFeatures}, device);
  forward(Tensor::zeros({1, kSmallestSide, kSmallestSide, 3}, device));  // refuses what does not fit together
}

// One pass through the network: its convolutions, named, and its blocks.
class Inception::Pass {
 public:
  Pass(const Inception& network, const Observer& observe) : network_(network), observe_(observe) {}

  // x (N,H,W,3) -> (N,P,Q,2048)
  Tensor blocks(const Tensor& image) {
    Tensor x = conv(image, "Conv2d_1a_3x3", 2, false);
    x = conv(x, "Conv2d_2a_3x3", 1, false);
    x = conv(x, "Conv2d_2b_3x3");
    x = max_pool2d(x, 3, kHalve3);
    x = conv(x, "Conv2d_3b_1x1");
    x = conv(x, "Conv2d_4a_3x3", 1, false);
    x = max_pool2d(x, 3, kHalve3);  // at 299 × 299: (N,35,35,192)
    for (const char* name : {"Mixed_5b", "Mixed_5c", "Mixed_5d"}) x = block_a(x, name);
    x = block_b(x, "Mixed_6a");  // (N,17,17,768)
    for (const char* name : {"Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"}) x = block_c(x, name);
    x = block_d(x, "Mixed_7a");  // (N,8,8,1280)
    x = block_e(x, "Mixed_7b", average_pool2d(x, 3, kSame3));
    return block_e(x, "Mixed_7c", max_pool2d(x, 3, kSame3));  // (N,8,8,2048)
  }

 private:
  // ReLU(conv + bias); `same`: with the border that keeps the size, else with none.
  Tensor conv(const Tensor& x, const std::string& name, int stride = 1, bool same = true) {
    const auto found = network_.convolutions_.find(name);
    EBM_CHECK(found != network_.convolutions_.end(), kOp, "no tensor \"" + name + kConv + "\"", "one");
    const Tensor& w = found->second.w;
    ConvGeometry geometry(stride, {0, 0});
    if (same) {
      const int h = static_cast<int>(w.extent(1) / 2), v = static_cast<int>(w.extent(2) / 2);
      geometry.pad_h = {h, h};
      geometry.pad_w = {v, v};
    }
    const Tensor y = conv2d(x, w, found->second.b, geometry, 0.0f);
    if (observe_) observe_(name, y);
    return y;
  }

  // The convolutions `name` + ".1", ".2", … one after the other, all of them keeping the size.
  Tensor chain(Tensor x, const std::string& block, std::initializer_list<const char*> names) {
    for (const char* name : names) x = conv(x, block + "." + name);
    return x;
  }

  Tensor concat(const std::string& block, std::initializer_list<Tensor> branches) {
    Tensor all;
    for (const Tensor& branch : branches) all = all.defined() ? concat_channels(all, branch) : branch;
    if (observe_) observe_(block, all);
    return all;
  }

  Tensor block_a(const Tensor& x, const std::string& name) {
    return concat(name, {chain(x, name, {"branch1x1"}), chain(x, name, {"branch5x5_1", "branch5x5_2"}),
                         chain(x, name, {"branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"}),
                         chain(average_pool2d(x, 3, kSame3), name, {"branch_pool"})});
  }

  Tensor block_b(const Tensor& x, const std::string& name) {
    const Tensor twice = chain(x, name, {"branch3x3dbl_1", "branch3x3dbl_2"});
    return concat(name, {conv(x, name + ".branch3x3", 2, false), conv(twice, name + ".branch3x3dbl_3", 2, false),
                         max_pool2d(x, 3, kHalve3)});
  }

  Tensor block_c(const Tensor& x, const std::string& name) {
    return concat(
        name,
        {chain(x, name, {"branch1x1"}), chain(x, name, {"branch7x7_1", "branch7x7_2", "branch7x7_3"}),
         chain(x, name, {"branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"}),
         chain(average_pool2d(x, 3, kSame3), name, {"branch_pool"})});
  }

  Tensor block_d(const Tensor& x, const std::string& name) {
    const Tensor narrow = chain(x, name, {"branch3x3_1"});
    const Tensor cross = chain(x, name, {"branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3"});
    return concat(name, {conv(narrow, name + ".branch3x3_2", 2, false), conv(cross, name + ".branch7x7x3_4", 2, false),
                         max_pool2d(x, 3, kHalve3)});
  }

  Tensor block_e(const Tensor& x, const std::string& name, const Tensor& pooled) {
    const Tensor once = chain(x, name, {"branch3x3_1"});
    const Tensor twice = chain(x, name, {"branch3x3dbl_1", "branch3x3dbl_2"});
    return concat(name, {chain(x, name, {"branch1x1"}), chain(once, name, {"branch3x3_2a"}),
                         chain(once, name, {"branch3x3_2b"}), chain(twice, name, {"branch3x3dbl_3a"}),
                         chain(twice, name, {"branch3x3dbl_3b"}), chain(pooled, name, {"branch_pool"})});
  }

  const Inception& network_;
  const Observer& observe_;
};

Inception::Parts Inception::forward(const Tensor& x, const Observer& observe) const {
  EBM_CHECK(x.rank() == 4 && x.extent(1) >= kSmallestSide && x.extent(2) >= kSmallestSide && x.extent(3) == 3, kOp,
            to_string(x.shape()), "x (N,H,W,3) of at least 75x75");
  const Tensor last = Pass(*this, observe).blocks(x);  // (N,P,Q,K)
  EBM_CHECK(last.extent(3) == kFeatures, kOp, std::to_string(last.extent(3)) + " features", "2048");
  Parts parts;
  parts.features = average_pixels(last);
  parts.logits = linear(parts.features, head_, {});
  return parts;
}

FeatureNetwork::Values Inception::values(std::span<const uint8_t> levels, ImageShape image) const {
  const int64_t pixels = image.height * image.width, n = static_cast<int64_t>(levels.size()) / image.elements();
  EBM_CHECK(image.channels == 1 || image.channels == 3, kOp, std::to_string(image.channels) + " channels", "1 or 3");
  std::vector<float> x(static_cast<size_t>(n * pixels * 3));  // (n, H, W, 3)
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = (static_cast<float>(levels[image.channels == 1 ? i / 3 : i]) - 128.0f) / 128.0f;
  const Parts parts =
      forward(resize_bilinear(Tensor::from_host(x, {n, image.height, image.width, 3}, device_), kSide, kSide));
  return {parts.features.to_host(), parts.logits.to_host()};
}

}  // namespace ebm
