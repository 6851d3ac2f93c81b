#include "core/cache_folder.h"

#include <cstdlib>

namespace ebm {

std::optional<std::filesystem::path> cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value ? value : "");
  };
  // The XDG specification has relative values ignored.
  if (const auto cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "ebm";
  if (const auto home = variable("HOME"); !home.empty()) return home / ".cache" / "ebm";
  return std::nullopt;
}

}  // namespace ebm
