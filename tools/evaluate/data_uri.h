// Files inside the page that shows them.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ebm {

// RFC 4648, section 4.
std::string base64(std::span<const std::byte> bytes);
// "data:image/png;base64,..."
std::string png_uri(std::span<const std::byte> png);

}  // namespace ebm
