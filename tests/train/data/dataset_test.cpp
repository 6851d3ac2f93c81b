#include "train/data/dataset.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("dataset: MNIST files are found raw or gzipped") {
  const TemporaryFolder root;
  put(root / "mnist/train-images-idx3-ubyte", idx_images(20, 28, 28));
  put(root / "mnist/train-labels-idx1-ubyte.gz", gzip(idx_labels(20)));
  const Dataset set = load_dataset("mnist", root.path(), Split::train);
  CHECK(set.count() == 20);
  CHECK(set.images.shape() == ImageShape{28, 28, 1});
  CHECK(set.images.labels.at(13) == 3);
  CHECK(set.note == "20 images, the published set has 60000");

  const std::string message = error_of([&] { load_dataset("mnist", root.path(), Split::test); });
  CHECK(contains(message, "no t10k-images-idx3-ubyte in"));
  CHECK(contains(message, "./ebm fetch mnist"));
}

TEST_CASE("dataset: files that disagree or have another size are refused") {
  const TemporaryFolder root;
  const auto message = [&] { return error_of([&] { load_dataset("mnist", root.path(), Split::train); }); };
  put(root / "mnist/train-images-idx3-ubyte", idx_images(5, 28, 28));
  put(root / "mnist/train-labels-idx1-ubyte", idx_labels(4));
  CHECK(contains(message(), "4 labels, expected 5, one for each image"));
  put(root / "mnist/train-labels-idx1-ubyte", idx_labels(4) + "\x0b");
  CHECK(contains(message(), "data past the end"));
  put(root / "mnist/train-labels-idx1-ubyte", big_endian(0x801) + big_endian(5) + "\1\2\3\4\x0b");
  CHECK(contains(message(), "label 11"));
  put(root / "mnist/train-images-idx3-ubyte", idx_images(5, 32, 32));
  put(root / "mnist/train-labels-idx1-ubyte", idx_labels(5));
  CHECK(contains(message(), "images of 32x32, expected 28x28 for mnist"));
}

TEST_CASE("dataset: CIFAR-10 batches are joined in order") {
  const TemporaryFolder root;
  for (char batch = 1; batch <= 5; ++batch) {
    put(root / ("cifar10/cifar-10-batches-bin/data_batch_" + std::to_string(batch) + ".bin"),
        std::string(1, batch) + std::string(3072, static_cast<char>(10 * batch)));
  }
  const std::string third = get(root / "cifar10/cifar-10-batches-bin/data_batch_3.bin");
  std::filesystem::remove(root / "cifar10/cifar-10-batches-bin/data_batch_3.bin");
  put(root / "cifar10/data_batch_3.bin.gz", gzip(third));
  const Dataset set = load_dataset("cifar10", root.path(), Split::train);
  CHECK(set.images.labels == std::vector<uint8_t>{1, 2, 3, 4, 5});
  CHECK(set.images.pixels.back() == 50);
  CHECK(set.images.pixels.size() == 5 * 3072);
  CHECK(contains(error_of([&] { load_dataset("cifar10", root.path(), Split::test); }), "no test_batch.bin"));
  CHECK(contains(error_of([&] { load_dataset("imagenet", root.path(), Split::test); }),
                 "received 'imagenet', expected mnist, fashion, cifar10 or synthetic"));
}

TEST_CASE("dataset: the synthetic set is the same every time, and varied") {
  const Dataset a = load_dataset("synthetic", "", Split::train);
  const Dataset b = load_dataset("synthetic", "", Split::train);
  const Dataset test = load_dataset("synthetic", "", Split::test);
  CHECK(a.count() == 512);
  CHECK(test.count() == 128);
  CHECK(a.images.pixels == b.images.pixels);
  CHECK(a.images.shape() == ImageShape{28, 28, 1});
  std::set<std::string> distinct;
  for (const Dataset* set : {&a, &test}) {
    for (int64_t n = 0; n < set->count(); ++n) {
      const auto first = set->images.pixels.begin() + n * 784;
      distinct.emplace(first, first + 784);
    }
  }
  CHECK(distinct.size() == 640);
  const double mean = std::accumulate(a.images.pixels.begin(), a.images.pixels.end(), 0.0) / (255.0 * 512 * 784);
  CHECK(mean > 0.05);  // MNIST: 0.13
  CHECK(mean < 0.2);
  CHECK(*std::max_element(a.images.labels.begin(), a.images.labels.end()) == 3);
}

TEST_CASE("dataset: each epoch is a permutation, and each is another") {
  for (const int64_t count : {1, 2, 3, 10, 64, 65, 1000}) {
    for (const int64_t epoch : {0, 1, 77}) {
      std::vector<int64_t> seen;
      for (int64_t i = 0; i < count; ++i) seen.push_back(permuted_index(5, epoch, i, count));
      std::sort(seen.begin(), seen.end());
      for (int64_t i = 0; i < count; ++i) CHECK(seen.at(static_cast<size_t>(i)) == i);
    }
  }
  CHECK(batch_indices(5, 0, 1000, 1000) != batch_indices(5, 1, 1000, 1000));
  CHECK(batch_indices(5, 0, 1000, 1000) != batch_indices(6, 0, 1000, 1000));
  CHECK_THROWS_AS(permuted_index(5, 0, 3, 3), Error);
}

TEST_CASE("dataset: the order has no visible pattern") {
  // Over many epochs every image comes first about equally often: chi-squared, 9 degrees of
  // freedom, 99.99 % below 33.7. Neighbours stay neighbours (distance 1) in 2/n of the cases.
  constexpr int64_t kEpochs = 5000;
  std::vector<double> first(10);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    ++first.at(static_cast<size_t>(permuted_index(1, epoch, 0, 10)));
  }
  double chi_squared = 0;
  for (const double n : first) chi_squared += (n - 500) * (n - 500) / 500;
  CHECK(chi_squared < 33.7);
  int64_t neighbours = 0;
  const std::vector<int64_t> order = batch_indices(1, 0, 60000, 60000);
  for (size_t i = 1; i < order.size(); ++i) neighbours += std::abs(order[i] - order[i - 1]) == 1;
  CHECK(neighbours < 12);  // 2 expected
}

TEST_CASE("dataset: batches follow each other without gaps, whatever their size") {
  std::vector<int64_t> in_sevens, in_threes;
  for (int64_t i = 0; i < 3; ++i) {
    for (const int64_t index : batch_indices(9, i, 7, 10)) in_sevens.push_back(index);
  }
  for (int64_t i = 0; i < 7; ++i) {
    for (const int64_t index : batch_indices(9, i, 3, 10)) in_threes.push_back(index);
  }
  CHECK(in_sevens == in_threes);
  // A change of the order would break resumed runs.
  CHECK(batch_indices(1, 0, 8, 60000) == std::vector<int64_t>{44231, 14946, 8869, 33580, 30418, 1202, 12414, 17468});
  CHECK(batch_indices(1, 150, 4, 60000) == std::vector<int64_t>{17385, 2267, 15769, 34837});
}

TEST_CASE("dataset: fill_batch maps bytes to [-1, 1]") {
  CHECK(to_float(0) == -1.0f);
  CHECK(to_float(255) == 1.0f);
  const Dataset set = load_dataset("synthetic", "", Split::test);
  std::vector<float> batch(2 * 784);
  fill_batch(set, std::vector<int64_t>{127, 3}, batch.data());
  CHECK(batch[0] == to_float(set.images.pixels[127 * 784]));
  CHECK(batch[784 + 400] == to_float(set.images.pixels[3 * 784 + 400]));
  CHECK(*std::max_element(batch.begin(), batch.end()) == 1.0f);
  CHECK_THROWS_AS(fill_batch(set, std::vector<int64_t>{128}, batch.data()), Error);
}

TEST_CASE("dataset: the data root comes from the option, then the environment") {
  const ScopedVariable data("EBM_DATA", "/d"), cache("XDG_CACHE_HOME", "/c"), home("HOME", "/h");
  CHECK(data_root("/o") == "/o");
  CHECK(data_root() == "/d");
  const ScopedVariable no_data("EBM_DATA", "");
  CHECK(data_root() == "/c/ebm");
  const ScopedVariable relative("XDG_CACHE_HOME", "c");
  CHECK(data_root() == "/h/.cache/ebm");
  const ScopedVariable no_home("HOME", "");
  CHECK_THROWS_AS(data_root(), Error);
}
