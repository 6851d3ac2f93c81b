#include "tools/evaluate/inception.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/check.h"
#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"
#include "tools/evaluate/inception_file.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// What inception_fixture.py wrote of a layer.
struct Layer {
  std::string name;
  Shape shape;      // (N,P,Q,K)
  int64_t c, r, s;  // of its filters; 0: it has none
  double root_mean_square;
  std::vector<double> probes;
};

std::vector<Layer> read_fixture() {
  std::ifstream file(EBM_INCEPTION_FIXTURE);
  std::vector<Layer> layers;
  for (std::string text; std::getline(file, text);) {
    std::istringstream words(text);
    Layer layer;
    int64_t n, p, q, k;
    words >> layer.name >> n >> p >> q >> k >> layer.c >> layer.r >> layer.s >> layer.root_mean_square;
    layer.shape = {n, p, q, k};
    for (double value; words >> value;) layer.probes.push_back(value);
    layers.push_back(layer);
  }
  return layers;
}

uint64_t splitmix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// Numbers in [-1, 1) of 24 bits, from the FNV-1a hash of the name and their place: `made_up` of the script.
std::vector<double> made_up(const std::string& name, int64_t size) {
  uint64_t seed = 0xCBF29CE484222325u;
  for (const char c : name) seed = (seed ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  std::vector<double> numbers(static_cast<size_t>(size));
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<double>(splitmix(seed + i) >> 40) / 8388608.0 - 1;
  return numbers;
}

void add(SafetensorsFile& file, const std::string& name, const std::vector<int64_t>& shape, double base,
         double factor) {
  int64_t size = 1;
  for (const int64_t extent : shape) size *= extent;
  std::vector<float> values;
  for (const double u : made_up(name, size)) values.push_back(static_cast<float>(base + factor * u));
  SafetensorsFile::Entry entry{"F32", shape, std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(entry.data.data(), values.data(), entry.data.size());
  file.tensors[name] = std::move(entry);
}

const SafetensorsFile& made_up_weights() {
  static SafetensorsFile file;
  if (!file.tensors.empty()) return file;
  for (const Layer& layer : read_fixture()) {
    if (layer.c == 0) continue;
    const int64_t k = layer.shape[3];
    const double fan_in = static_cast<double>(layer.c * layer.r * layer.s);
    add(file, layer.name + ".conv.weight", {k, layer.c, layer.r, layer.s}, 0, std::sqrt(6 / fan_in));
    add(file, layer.name + ".bn.weight", {k}, 1, 0.25);
    add(file, layer.name + ".bn.bias", {k}, 0, 0.1);
    add(file, layer.name + ".bn.running_mean", {k}, 0, 0.1);
    add(file, layer.name + ".bn.running_var", {k}, 1, 0.5);
  }
  add(file, "fc.weight", {1008, 2048}, 0, std::sqrt(6 / 2048.0));
  return file;
}

// Largest difference at the probes, and of the root mean square, over that root.
double error_of_layer(const Layer& layer, const Tensor& value) {
  const std::vector<float> v = value.to_host();
  double squares = 0;
  for (const float x : v) squares += static_cast<double>(x) * x;
  double worst = std::abs(std::sqrt(squares / static_cast<double>(v.size())) - layer.root_mean_square);
  for (size_t i = 0; i < layer.probes.size(); ++i)
    worst = std::max(worst, std::abs(v[splitmix(i) % v.size()] - layer.probes[i]));
  return worst / layer.root_mean_square;
}

}  // namespace

TEST_CASE("the Inception network computes what PyTorch's does, layer by layer") {
  const std::vector<Layer> layers = read_fixture();
  REQUIRE(layers.size() == 107);
  const Inception inception(made_up_weights(), test_device());
  std::vector<float> image;
  for (const double u : made_up("image", 147 * 131 * 3)) image.push_back(static_cast<float>(u));
  std::map<std::string, Tensor> seen;
  const Inception::Parts parts =
      inception.forward(Tensor::from_host(image, {1, 147, 131, 3}, test_device()),
                        [&](const std::string& name, const Tensor& value) { seen[name] = value; });
  seen["features"] = parts.features.reshaped({1, 2048, 1, 1});
  seen["logits"] = parts.logits.reshaped({1, 1008, 1, 1});
  for (const Layer& layer : layers) {
    REQUIRE_MESSAGE(seen.contains(layer.name), layer.name);
    REQUIRE_MESSAGE(seen[layer.name].shape() == layer.shape, layer.name);
    CHECK_MESSAGE(error_of_layer(layer, seen[layer.name]) < 1e-4, layer.name);
  }
}

TEST_CASE("the Inception network takes 8-bit images of any size: scaled, grey in all channels, resized") {
  const Inception inception(made_up_weights(), test_device());
  std::vector<uint8_t> levels(299 * 299 * 3);  // of the network's own size: not resized
  for (size_t i = 0; i < levels.size(); ++i) levels[i] = static_cast<uint8_t>(splitmix(i));
  std::vector<float> scaled;
  for (const uint8_t level : levels) scaled.push_back((static_cast<float>(level) - 128) / 128);
  const Tensor x = Tensor::from_host(scaled, {1, 299, 299, 3}, test_device());
  CHECK(relative_error(inception.values(levels, {299, 299, 3}).features, inception.forward(x).features.to_host()) <
        1e-6);

  const std::vector<uint8_t> grey(28 * 28, 200), coloured(32 * 32 * 3, 200);  // one level stays one level
  CHECK(relative_error(inception.values(grey, {28, 28, 1}).logits, inception.values(coloured, {32, 32, 3}).logits) <
        1e-5);
  CHECK(contains(error_of([&] { inception.values(grey, {28, 14, 2}); }), "2 channels"));

  std::vector<uint8_t> drawn(28 * 28), thrice;  // a grey image, and the same in three equal channels
  for (size_t i = 0; i < drawn.size(); ++i) {
    drawn[i] = static_cast<uint8_t>(splitmix(i));
    thrice.insert(thrice.end(), 3, drawn[i]);
  }
  CHECK(relative_error(inception.values(drawn, {28, 28, 1}).features, inception.values(thrice, {28, 28, 3}).features) <
        1e-6);
}

TEST_CASE("a file of another network is refused") {
  SafetensorsFile weights = made_up_weights();
  const auto error = [&] { return error_of([&] { Inception(weights, test_device()); }); };
  SUBCASE("without a convolution") {
    weights.tensors.erase("Mixed_6c.branch7x7_2.conv.weight");
    CHECK(contains(error(), "no tensor \"Mixed_6c.branch7x7_2.conv.weight\""));
  }
  SUBCASE("without batch normalisation") {
    weights.tensors.erase("Conv2d_4a_3x3.bn.bias");
    CHECK(contains(error(), "no tensor \"Conv2d_4a_3x3.bn.bias\""));
  }
  SUBCASE("with a thousand classes") {
    weights.tensors["fc.weight"].shape = {1000, 2048};
    CHECK(contains(error(), "\"fc.weight\" of another type or shape"));
  }
  SUBCASE("with filters that do not fit") {
    weights.tensors["Mixed_5b.branch5x5_2.conv.weight"].shape = {64, 50, 6, 4};  // was 48, 5, 5
    CHECK(contains(error(), "conv2d"));
  }
  SUBCASE("through a file, whose name is said, or how to get it") {
    const TemporaryFolder folder;
    const std::filesystem::path path = inception_path(folder.path());
    CHECK(contains(error_of([&] { load_inception(path, test_device()); }), "tools/scripts/inception_weights.py"));
    weights.tensors.erase("fc.weight");
    write_safetensors(path, weights);
    CHECK(
        contains(error_of([&] { load_inception(path, test_device()); }), path.string() + ": no tensor \"fc.weight\""));
  }
}
