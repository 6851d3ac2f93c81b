// SHA-256 (FIPS 180-4), to tell the published data files from others.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ebm {

// 64 lower-case hexadecimal digits.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace ebm
