#include "tools/evaluate/inception_file.h"

#include "core/check.h"
#include "train/data/sha256.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {
constexpr char kOp[] = "inception";
constexpr int64_t kLargestFile = int64_t{1} << 30;
constexpr size_t kFingerprintDigits = 12;
}  // namespace

std::filesystem::path inception_path(const std::filesystem::path& root) {
  return root / "inception-2015-12-05.safetensors";
}

InceptionFile load_inception(const std::filesystem::path& path, Device device) {
  EBM_CHECK(std::filesystem::exists(path), kOp, "no file " + path.string(),
            "the Inception network's weights there: get pt_inception-2015-12-05-6726825d.pth (github.com/mseitzer/"
            "pytorch-fid, release fid_weights), then tools/scripts/inception_weights.py FILE.pth " +
                path.string());
  const std::vector<std::byte> bytes = read_file(path, kLargestFile);
  const SafetensorsFile file = parse_safetensors(bytes, path.string());
  try {
    return {Inception(file, device), sha256(bytes).substr(0, kFingerprintDigits)};
  } catch (const Error& error) {
    EBM_FAIL(kOp, path.string() + ": " + error.received(), "a file that tools/scripts/inception_weights.py wrote");
  }
}

}  // namespace ebm
