#include "train/checkpoint.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/check.h"
#include "core/parse_number.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr char kOp[] = "checkpoint";
constexpr std::string_view kPrefix = "checkpoint-", kSuffix = ".safetensors";
constexpr char kVersion[] = "1";

SafetensorsFile read_valid(const fs::path& path) {
  SafetensorsFile file = read_safetensors(path);
  const auto format = file.metadata.find(kCheckpointFormat);
  const bool exported = file.metadata.contains("networks");
  EBM_CHECK(format != file.metadata.end(), kOp,
            path.string() + (exported ? ", networks alone, as `ebm export` writes them"
                                      : ", a safetensors file of another program"),
            exported ? "the run's folder, or a checkpoint in it" : "a checkpoint that train_ebm_vae wrote");
  EBM_CHECK(format->second == kVersion, kOp, path.string() + " of format " + format->second,
            std::string("format ") + kVersion);
  if (const auto sum = file.metadata.find(kCheckpointChecksum); sum != file.metadata.end())
    EBM_CHECK(sum->second == checksum(file), kOp,
              fmt::format("{} with checksum {} of what is in it", path.string(), checksum(file)),
              sum->second + ", as it was written: the file has been damaged");
  for (const char* key : {kCheckpointConfig, kCheckpointPlans, kCheckpointThreads, "iteration"})
    EBM_CHECK(file.metadata.contains(key), kOp, fmt::format("{} without \"{}\"", path.string(), key),
              "a whole checkpoint");
  const std::string& iteration = file.metadata.at("iteration");
  EBM_CHECK(
      !iteration.empty() && iteration.size() < 19 && iteration.find_first_not_of("0123456789") == std::string::npos,
      kOp, fmt::format("{} with iteration \"{}\"", path.string(), iteration), "a whole number");
  return file;
}

void write_whole(const fs::path& path, SafetensorsFile file) {
  file.metadata.insert_or_assign(kCheckpointFormat, std::string(kVersion));
  file.metadata.insert_or_assign(kCheckpointChecksum, checksum(file));
  write_safetensors(path, file);
}

// The newest valid checkpoint of the folder with a smaller iteration than this one's.
fs::path valid_before(const fs::path& path) {
  std::vector<fs::path> list = list_checkpoints(path.parent_path());
  std::reverse(list.begin(), list.end());
  for (const fs::path& candidate : list) {
    if (checkpoint_iteration(candidate) >= checkpoint_iteration(path)) continue;
    try {
      read_valid(candidate);
      return candidate;
    } catch (const Error&) {
      continue;  // damaged too
    }
  }
  return {};
}

}  // namespace

std::string checksum(const SafetensorsFile& file) {
  uLong crc = crc32_z(0, nullptr, 0);
  const auto take = [&crc](const void* bytes, size_t size) {
    const auto length = static_cast<uint64_t>(size);  // where each part ends
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(&length), sizeof length);
    crc = crc32_z(crc, static_cast<const Bytef*>(bytes), size);
  };
  const auto take_text = [&take](const std::string& text) { take(text.data(), text.size()); };
  for (const auto& [name, text] : file.metadata) {
    if (name == kCheckpointChecksum) continue;
    take_text(name);
    take_text(text);
  }
  for (const auto& [name, entry] : file.tensors) {
    take_text(name);
    take_text(entry.dtype);
    take(entry.shape.data(), entry.shape.size() * sizeof(int64_t));
    take(entry.data.data(), entry.data.size());
  }
  return fmt::format("{:08x}", crc);
}

int64_t checkpoint_iteration(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || name.size() <= kPrefix.size() + kSuffix.size())
    return -1;
  const char* first = name.data() + kPrefix.size();
  const char* last = name.data() + name.size() - kSuffix.size();
  int64_t iteration = -1;
  const auto result = std::from_chars(first, last, iteration);
  return result.ec == std::errc() && result.ptr == last ? iteration : -1;
}

std::vector<fs::path> list_checkpoints(const fs::path& folder) {
  std::vector<fs::path> list;
  std::error_code error;
  for (fs::directory_iterator it(folder.empty() ? "." : folder, error), end; !error && it != end; it.increment(error))
    if (checkpoint_iteration(it->path()) >= 0) list.push_back(it->path());
  std::sort(list.begin(), list.end(),
            [](const fs::path& a, const fs::path& b) { return checkpoint_iteration(a) < checkpoint_iteration(b); });
  return list;
}

Checkpoint read_checkpoint(const fs::path& path) {
  fs::path file = path;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    fs::directory_iterator listing(path, error);
    EBM_CHECK(!error, kOp, path.string() + ": " + error.message(), "a folder that can be read");
    const std::vector<fs::path> list = list_checkpoints(path);
    EBM_CHECK(!list.empty(), kOp, path.string() + " without a checkpoint", "the folder of a run");
    file = list.back();
  }
  EBM_CHECK(fs::exists(file, error), kOp, file.string() + ", which is not there",
            "a checkpoint file or the folder of a run");
  try {
    return {file, read_valid(file)};
  } catch (const Error& e) {
    refuse_checkpoint(file, e);
  }
}

void refuse_checkpoint(const fs::path& path, const Error& reason) {
  const fs::path before = valid_before(path);
  if (before.empty()) throw reason;
  EBM_FAIL(reason.op(), reason.received(), reason.expected() + "; the one before it is valid: " + before.string());
}

CheckpointStore::CheckpointStore(fs::path folder, int keep) : folder_(std::move(folder)), keep_(keep) {}

int64_t CheckpointStore::set_aside_after(int64_t iteration) {
  int64_t count = 0;
  for (const fs::path& path : list_checkpoints(folder_)) {
    if (checkpoint_iteration(path) <= iteration) continue;
    set_aside(path);
    ++count;
  }
  return count;
}

bool CheckpointStore::find_best(int64_t iteration) {
  const fs::path path = folder_ / kBest;
  std::error_code error;
  if (!fs::exists(path, error)) return false;
  try {
    const auto metadata = read_valid(path).metadata;
    const auto score = metadata.find(kCheckpointScore);
    if (score != metadata.end() && std::stoll(metadata.at("iteration")) <= iteration) {
      best_score_ = parse_number<double>(score->second).value_or(best_score_);
      return false;
    }
  } catch (const Error&) {  // damaged
  }
  set_aside(path);
  return true;
}

void CheckpointStore::write(int64_t iteration, SafetensorsFile file) {
  write_whole(folder_ / fmt::format("{}{:08}{}", kPrefix, iteration, kSuffix), std::move(file));
  const std::vector<fs::path> list = list_checkpoints(folder_);
  for (size_t i = 0; i + keep_ < list.size(); ++i) {
    std::error_code ignored;  // an old file too many does no harm
    fs::remove(list[i], ignored);
  }
}

void CheckpointStore::write_best(SafetensorsFile file, double score) {
  file.metadata[kCheckpointScore] = fmt::format("{}", score);
  write_whole(folder_ / kBest, std::move(file));
  best_score_ = score;
}

fs::path CheckpointStore::last() const {
  const std::vector<fs::path> list = list_checkpoints(folder_);
  return list.empty() ? fs::path() : list.back();
}

}  // namespace ebm
