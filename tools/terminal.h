// What a terminal has room for.
#pragma once

#include <cstddef>
#include <string>

namespace ebm {

// Characters of a line on stdout: the terminal's, else what COLUMNS says, else 100.
size_t terminal_width();

// Breaks a text between words into lines of at most `width` characters. All but the first begin with `indent` spaces, for
// which the first one is taken to have room already. Line ends in the text stay.
std::string wrapped(const std::string& text, size_t indent, size_t width);

}  // namespace ebm
