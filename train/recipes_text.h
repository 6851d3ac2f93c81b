// The files of train/recipes/ as text: programs need no file beside them.
#pragma once

#include <string>

namespace ebm {

// METHOD.toml; throws Error where there is none.
std::string recipe_text(const std::string& method);

}  // namespace ebm
