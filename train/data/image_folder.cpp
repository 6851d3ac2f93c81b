#include "train/data/image_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <thread>

#include "core/check.h"
#include "core/random.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"
#include "train/files/resize_image.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOp = "--images";
constexpr uint64_t kTestShare = 10;  // one in so many is a test image where no folder says which are
constexpr size_t kNamedReasons = 5;  // of images that are left out

bool is_folder_there(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

fs::path training_folder(const fs::path& folder) {
  return is_folder_there(folder / "train") ? folder / "train" : folder;
}

std::vector<fs::path> visible_images(const fs::path& folder) {
  std::vector<fs::path> files;
  try {
    files = image_files(folder);
  } catch (const Error& e) {
    EBM_FAIL(kOp, e.received(), e.expected() + " in it, not in folders below");
  }
  std::erase_if(files, [](const fs::path& file) { return file.filename().string().starts_with('.'); });
  EBM_CHECK(!files.empty(), kOp, folder.string() + ": a folder with hidden images alone", "images that are not hidden");
  return files;
}

// FNV-1a, then Philox: a number that a name alone decides.
uint32_t number_of(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : name) hash = (hash ^ c) * 0x100000001b3;
  return random_words({hash, Stream::data_order, 0, 0}, 0).v[0];
}

// Which files are test images where no folder says.
std::vector<bool> held_out_tenth(const std::vector<fs::path>& files) {
  std::vector<uint32_t> numbers;
  for (const fs::path& file : files) numbers.push_back(number_of(file.filename().string()));
  std::vector<bool> held;
  for (const uint32_t number : numbers) held.push_back(number % kTestShare == 0);
  if (std::find(held.begin(), held.end(), true) == held.end())  // then the one that others hardly change
    held[static_cast<size_t>(std::min_element(numbers.begin(), numbers.end()) - numbers.begin())] = true;
  if (std::find(held.begin(), held.end(), false) == held.end())
    held[static_cast<size_t>(std::max_element(numbers.begin(), numbers.end()) - numbers.begin())] = false;
  return held;
}

// Copies so many rows and columns from (y, x) on.
template <class Out, class Convert>
Out copy_part(const ImageSet& image, int64_t size, int64_t y, int64_t x, bool mirrored, Out out,
              const Convert& convert) {
  for (int64_t row = y; row < y + size; ++row)
    for (int64_t i = 0; i < size; ++i) {
      const int64_t column = mirrored ? x + size - 1 - i : x + i;
      const uint8_t* pixel = image.pixels.data() + (row * image.width + column) * image.channels;
      out = std::transform(pixel, pixel + image.channels, out, convert);
    }
  return out;
}

void make_colour(ImageSet& image) {
  std::vector<uint8_t> colour;
  colour.reserve(image.pixels.size() * 3);
  for (const uint8_t grey : image.pixels) colour.insert(colour.end(), 3, grey);
  image.pixels = std::move(colour);
  image.channels = 3;
}

// A whole number below `end`.
int64_t below(int64_t end, uint32_t word) {
  return static_cast<int64_t>(uint64_t{word} * static_cast<uint64_t>(end) >> 32);
}

// An image, or why there is none.
struct Decoded {
  std::optional<ImageSet> image;
  std::string trouble;
};

Decoded decode(const fs::path& file, const FolderRequest& request) {
  try {
    const std::string name = file.filename().string();
    const ImageSet image = decode_image(read_file(file, kMaxImageFileBytes), name, {0, 0, request.channels});
    return {shrink_for(image, request.size, name), ""};
  } catch (const Error& e) {
    return {{}, e.received()};
  }
}

}  // namespace

std::vector<fs::path> folder_files(const fs::path& folder, Split split) {
  EBM_CHECK(is_folder_there(folder), kOp, folder.string() + ", which is no folder that is there",
            "a folder of images, by itself or with train/ and test/ in it");
  const bool has_test = is_folder_there(folder / "test");
  if (has_test && split == Split::test) return visible_images(folder / "test");
  const fs::path train = training_folder(folder);
  std::vector<fs::path> all = visible_images(train);
  EBM_CHECK(all.size() > 1, kOp, train.string() + ", a folder with one image",
            "two or more: a model learns in what they differ");
  if (has_test) return all;
  const std::vector<bool> held = held_out_tenth(all);
  std::vector<fs::path> files;
  for (size_t i = 0; i < all.size(); ++i)
    if (held[i] == (split == Split::test)) files.push_back(all[i]);
  return files;
}

ImageSet shrink_for(const ImageSet& image, int64_t size, const std::string& name) {
  const int64_t shorter = std::min(image.height, image.width), wanted = size + size / 8;
  EBM_CHECK(shorter >= size, kOp,
            fmt::format("{}: an image of {}x{} (height x width)", name, image.height, image.width),
            fmt::format("{0}x{0} or more", size));
  if (shorter <= wanted) return image;
  const auto scaled = [&](int64_t edge) { return std::max(wanted, (edge * wanted + shorter / 2) / shorter); };
  return resize_image(image, scaled(image.height), scaled(image.width));
}

ImageSet middle_of(const ImageSet& image, int64_t size) {
  ImageSet middle{.count = 1, .height = size, .width = size, .channels = image.channels, .pixels = {}, .labels = {}};
  copy_part(image, size, (image.height - size) / 2, (image.width - size) / 2, false, std::back_inserter(middle.pixels),
            [](uint8_t pixel) { return pixel; });
  return middle;
}

ImageFolder::ImageFolder(const FolderRequest& request, Split split, int threads, const Progress& progress)
    : name_(request.folder.lexically_normal().filename().string()), size_(request.size), channels_(request.channels) {
  if (name_.empty()) name_ = request.folder.lexically_normal().parent_path().filename().string();  // of "photos/"
  const std::vector<fs::path> files = folder_files(request.folder, split);
  std::vector<Decoded> decoded(files.size());
  std::atomic<size_t> next = 0, done = 0;
  std::vector<std::exception_ptr> failures(static_cast<size_t>(std::max(threads, 1)));  // memory that is not there
  const auto work = [&](size_t worker) {
    try {
      for (size_t i = next++; i < files.size(); i = next++) {
        decoded[i] = decode(files[i], request);
        ++done;
        if (worker == 0 && progress) progress(static_cast<int64_t>(done), static_cast<int64_t>(files.size()));
      }
    } catch (...) {
      failures[worker] = std::current_exception();
      next = files.size();
    }
  };
  {
    std::vector<std::jthread> others;
    for (size_t worker = 1; worker < failures.size(); ++worker) others.emplace_back(work, worker);
    work(0);
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);

  std::vector<std::string> troubles;
  for (Decoded& d : decoded) {
    if (d.image)
      images_.push_back(std::move(*d.image));
    else
      troubles.push_back(d.trouble);
  }
  const std::string expected = fmt::format("whole images of {0}x{0} or more", size_);
  const std::string first_trouble = troubles.empty() ? "" : troubles.front();
  EBM_CHECK(!request.strict || troubles.empty(), "--strict", first_trouble, expected);
  EBM_CHECK(
      !images_.empty(), kOp,
      fmt::format("{}, where none of {} images can be used; {}", request.folder.string(), files.size(), first_trouble),
      expected + ", or a smaller --size");
  const bool colour = std::any_of(images_.begin(), images_.end(), [](const ImageSet& i) { return i.channels == 3; });
  if (channels_ == 0) channels_ = colour ? 3 : 1;
  for (ImageSet& image : images_)
    if (image.channels < channels_) make_colour(image);

  if (!is_folder_there(request.folder / "test"))
    note_ = fmt::format("{} has no folder test: about a tenth of its images, chosen by name, are the test images",
                        request.folder.string());
  if (troubles.empty()) return;
  const size_t named = std::min(troubles.size(), kNamedReasons);
  note_ += fmt::format("{}{} of {} images left out: {}{}", note_.empty() ? "" : "; ", troubles.size(), files.size(),
                       fmt::join(troubles.begin(), troubles.begin() + static_cast<ptrdiff_t>(named), "; "),
                       named < troubles.size() ? "; and others" : "");
}

void ImageFolder::fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n, bool mirror,
                       float* out) const {
  const std::vector<int64_t> indices = batch_indices(seed, iteration, batch, count());
  for (int64_t row = first; row < first + n; ++row) {
    const ImageSet& image = images_[static_cast<size_t>(indices[static_cast<size_t>(row)])];
    const RandomKey key{seed, Stream::crop, static_cast<uint32_t>(iteration), 0};
    const Words4 words = random_words(key, static_cast<uint64_t>(row));
    const int64_t y = below(image.height - size_ + 1, words.v[0]), x = below(image.width - size_ + 1, words.v[1]);
    out = copy_part(image, size_, y, x, mirror && words.v[2] >> 31 != 0, out, to_float);
  }
}

Dataset ImageFolder::middles() const {
  Dataset dataset{name_, {}, note_};
  dataset.images = {
      .count = count(), .height = size_, .width = size_, .channels = channels_, .pixels = {}, .labels = {}};
  for (const ImageSet& image : images_) {
    const ImageSet middle = middle_of(image, size_);
    dataset.images.pixels.insert(dataset.images.pixels.end(), middle.pixels.begin(), middle.pixels.end());
  }
  return dataset;
}

std::vector<SourcePart> FolderImages::parts() const {
  const ImageShape image = folder_.shape();
  return {{"x", {image.height, image.width, image.channels}}};
}

void FolderImages::fill(uint64_t seed, int64_t iteration, int64_t batch, int64_t first, int64_t n,
                        std::span<float* const> out) const {
  EBM_CHECK(out.size() == 1, "images", std::to_string(out.size()) + " parts", "one, x");
  folder_.fill(seed, iteration, batch, first, n, mirror_, out[0]);
}

}  // namespace ebm
