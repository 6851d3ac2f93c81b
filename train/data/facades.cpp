#include "train/data/facades.h"

#include <fmt/format.h>

#include "core/check.h"
#include "train/data/process.h"
#include "train/data/scratch_folder.h"
#include "train/data/sha256.h"
#include "train/files/file_io.h"
#include "train/files/image_file.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOp = "fetch";
constexpr const char* kAddress = "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/facades.tar.gz";
constexpr int64_t kEdge = 256;
constexpr int64_t kMaxArchiveBytes = int64_t{1} << 30;

struct Part {
  const char* name;
  size_t count;
};
constexpr Part kParts[] = {{"train", 400}, {"test", 106}};  // val's 100 are left where they are

bool has_images(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return false;
  try {
    return !image_files(folder).empty();
  } catch (const Error&) {
    return false;
  }
}

void check_count(const fs::path& folder, size_t wanted) {
  const size_t count = image_files(folder).size();
  EBM_CHECK(count == wanted, kOp, fmt::format("{}: {} images", folder.string(), count),
            fmt::format("the {} of the published set", wanted));
}

// The left half of a pair (256, 512, 3) as a PNG.
void keep_photograph(const fs::path& pair, const fs::path& folder) {
  const ImageSet both = decode_image(read_file(pair, kMaxImageFileBytes), pair.string(), {kEdge, 2 * kEdge, 3});
  std::vector<uint8_t> photograph;
  const int64_t half = kEdge * both.channels;
  for (int64_t row = 0; row < kEdge; ++row)
    photograph.insert(photograph.end(), both.pixels.begin() + 2 * row * half,
                      both.pixels.begin() + (2 * row + 1) * half);
  write_png(folder / pair.stem().concat(".png"), photograph, {kEdge, kEdge, both.channels});
}

void unpack(const fs::path& archive, const fs::path& folder, const Say& say) {
  say(fmt::format("{}: SHA-256 {}; none is published, so that nothing tells whether it is the original",
                  archive.string(), sha256(read_file(archive, kMaxArchiveBytes))));
  const ScratchFolder scratch(folder, "fetch");
  const ProcessResult tar =
      run_process({"tar", "-xzf", archive.string(), "-C", scratch.path().string(), "--no-same-owner"}, scratch.path());
  EBM_CHECK(tar.exit_code == 0, kOp, archive.string() + ", which tar does not unpack",
            "the archive of " + std::string(kAddress));
  for (const Part& part : kParts) {
    const fs::path pairs = scratch.path() / "facades" / part.name, photographs = scratch.path() / part.name;
    check_count(pairs, part.count);
    make_folder(photographs);
    for (const fs::path& pair : image_files(pairs)) keep_photograph(pair, photographs);
  }
  for (const Part& part : kParts) fs::rename(scratch.path() / part.name, folder / part.name);  // whole, or not there
}

}  // namespace

void fetch_facades(const fs::path& root, const Say& say) {
  const fs::path folder = fs::absolute(root) / "facades", archive = folder / "facades.tar.gz";
  try {
    if (!has_images(folder / "train") && !has_images(folder / "test")) {
      EBM_CHECK(fs::exists(archive), kOp,
                "no SHA-256 of facades that is published, to check what comes from the network",
                fmt::format("{} put by hand as {}, or photographs in {}/train and test", kAddress, archive.string(),
                            folder.string()));
      unpack(archive, folder, say);
    }
    for (const Part& part : kParts) {
      check_count(folder / part.name, part.count);
      say(fmt::format("{}: {} photographs", (folder / part.name).string(), part.count));
    }
  } catch (const fs::filesystem_error& error) {
    EBM_FAIL(kOp, error.what(), "a readable and writable data folder");
  }
}

}  // namespace ebm
