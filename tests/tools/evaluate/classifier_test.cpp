#include "tools/evaluate/classifier_file.h"

#include <doctest/doctest.h>

#include "tests/random_tensor.h"
#include "tests/train/fixtures.h"
#include "tests/train/tiny_run.h"
#include "tools/evaluate/classifier_training.h"
#include "train/files/safetensors.h"

using namespace ebm;
using namespace ebm::test;

namespace {

const Dataset& synthetic(Split split) {
  static const Dataset train = load_dataset("synthetic", {}, Split::train),
                       test = load_dataset("synthetic", {}, Split::test);
  return split == Split::train ? train : test;
}

struct Lines {
  std::vector<std::string> all;
  std::function<void(const std::string&)> say() {
    return [this](const std::string& line) { all.push_back(line); };
  }
};

TrainedClassifier load(const std::filesystem::path& root, Lines& lines) {
  return load_or_train_classifier(root, synthetic(Split::train), synthetic(Split::test), test_device(), lines.say());
}

}  // namespace

TEST_CASE("augmented images are moved and mirrored whole, each its own way") {
  const ImageShape shape{5, 6, 2};
  const int64_t n = 200, elements = shape.elements();
  std::vector<float> x(static_cast<size_t>(n * elements), -1.0f);
  for (int64_t i = 0; i < n; ++i) {  // one bright pixel at (2, 1), its two channels different
    x[static_cast<size_t>(i * elements + (2 * 6 + 1) * 2)] = 1.0f;
    x[static_cast<size_t>(i * elements + (2 * 6 + 1) * 2 + 1)] = 0.5f;
  }
  std::vector<float> same = x;
  augment(same, shape, 0, false, {1, Stream::data_noise});
  CHECK(same == x);
  augment(x, shape, 1, true, {1, Stream::data_noise});
  std::vector<int64_t> places(30);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t pixel = 0; pixel < 30; ++pixel) {
      const float* value = x.data() + i * elements + pixel * 2;
      if (value[0] == -1.0f) continue;
      CHECK(value[1] == 0.5f);
      ++places[static_cast<size_t>(pixel)];
    }
  }
  // rows 1 to 3; columns 0 to 2, mirrored 3 to 5: 18 places, each about 11 times
  int64_t total = 0;
  for (int64_t row = 1; row <= 3; ++row)
    for (int64_t column = 0; column < 6; ++column) {
      const int64_t count = places[static_cast<size_t>(row * 6 + column)];
      CHECK(count > 0);
      total += count;
    }
  CHECK(total == n);
}

TEST_CASE("the classifier is trained once, learns its classes, and comes back from its file") {
  const OneThread one_thread;
  const FixedPlans fixed_plans;
  const TemporaryFolder folder;
  Lines first, second;
  const TrainedClassifier made = load(folder.path(), first);
  CHECK(made.test_accuracy > 0.95);  // four shapes
  CHECK(made.test_accuracy == accuracy(made.network, synthetic(Split::test)));
  CHECK(first.all.size() == 18);  // a line at the start, for each of 16 epochs, and at the end
  CHECK(std::filesystem::exists(folder / "synthetic/classifier-v2.safetensors"));

  const TrainedClassifier read = load(folder.path(), second);
  CHECK(second.all.empty());
  CHECK(read.test_accuracy == doctest::Approx(made.test_accuracy).epsilon(1e-6));
  CHECK(read.fingerprint == made.fingerprint);
  CHECK(read.fingerprint.size() == 12);
  const Var x(normal({3, 28, 28, 1}, 1));
  CHECK(read.network(x).features.shape() == Shape{3, 16});
  CHECK(read.network(x).features.value().to_host() == made.network(x).features.value().to_host());
  CHECK(read.network(x).logits.value().to_host() == made.network(x).logits.value().to_host());

  const TemporaryFolder other;
  CHECK(load(other.path(), second).fingerprint == made.fingerprint);  // one seed, one result

  const std::filesystem::path path = folder / "synthetic/classifier-v2.safetensors";
  const std::string whole = get(path);
  const auto refused = [&](const std::string& content, const std::string& part) {
    put(path, content);
    const std::string error = error_of([&] { load(folder.path(), second); });
    CHECK_MESSAGE((contains(error, part) && contains(error, path.string()) && contains(error, "delete the file")),
                  error);
  };
  std::string flipped = whole;
  flipped[flipped.size() - 3] = static_cast<char>(flipped[flipped.size() - 3] ^ 1);
  refused(flipped, "parameters_sha256");
  refused(whole.substr(0, whole.size() / 2), "cut short");
  refused("junk", "4 bytes");
  put(path, whole);
  SafetensorsFile file = read_safetensors(path);
  const auto refused_with = [&](const char* key, const std::string& value, const std::string& part) {
    SafetensorsFile changed = file;
    changed.metadata[key] = value;
    write_safetensors(path, changed);
    refused(get(path), part);
  };
  refused_with("ebm.classifier", "7", "ebm.classifier \"7\"");
  refused_with("dataset", "mnist", "dataset \"mnist\"");
  refused_with("images", "100", "images \"100\"");
  refused_with("test_accuracy", "high", "test accuracy");
  file.tensors.erase("head.bias");
  refused_with("images", "512", "no tensor \"head.bias\"");
}

TEST_CASE("a classifier is not trained for a folder that cannot be written to, nor on foreign images") {
  const TemporaryFolder folder;
  Lines lines;
  put(folder / "file", "");
  CHECK(contains(error_of([&] { load(folder / "file", lines); }), "file"));
  CHECK(lines.all.empty());
  Dataset unlabelled = synthetic(Split::test);
  unlabelled.images.labels.clear();
  const Classifier network(classifier_recipe("synthetic").network, kCpu, 1);
  CHECK(contains(error_of([&] { accuracy(network, unlabelled); }), "with labels"));
  CHECK(contains(error_of([] { classifier_recipe("svhn"); }), "svhn"));
}
