// Where programs keep what they can fetch or make again: data sets, compiled convolutions.
#pragma once

#include <filesystem>
#include <optional>

namespace ebm {

// $XDG_CACHE_HOME/ebm, else ~/.cache/ebm; nullopt where neither is known.
std::optional<std::filesystem::path> cache_folder();

}  // namespace ebm
