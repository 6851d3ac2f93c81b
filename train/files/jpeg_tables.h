// A check that JPEG files pass before they are decoded.
#pragma once

#include <cstddef>
#include <span>

namespace ebm {

// False when a Huffman table of the JPEG file lists more than 256 codes, which no sound file does.
// stb_image up to 2.27, the version in Debian 12, writes past its tables on such a file. What is
// not JPEG passes.
bool jpeg_tables_fit(std::span<const std::byte> file);

}  // namespace ebm
