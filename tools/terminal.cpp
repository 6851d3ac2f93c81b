#include "tools/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "core/parse_number.h"

namespace ebm {

size_t terminal_width() {
  constexpr size_t kUsual = 100, kLeast = 40;
  winsize size{};
  size_t width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  if (const char* columns = std::getenv("COLUMNS"); width == 0 && columns)
    width = parse_number<size_t>(columns).value_or(0);
  return width == 0 ? kUsual : std::max(width, kLeast);
}

std::string wrapped(const std::string& text, size_t indent, size_t width) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!out.empty()) out += "\n" + std::string(indent, ' ');
    size_t used = indent;
    // a line's own first spaces stay, and what follows them begins there too
    const size_t own = std::min(line.find_first_not_of(' '), line.size());
    out += std::string(own, ' ');
    used += own;
    std::istringstream words(line);
    bool first = true;
    for (std::string word; words >> word;) {
      if (!first && used + 1 + word.size() > width) {
        out += "\n" + std::string(indent + own, ' ');
        used = indent + own;
        first = true;
      }
      out += (first ? "" : " ") + word;
      used += word.size() + !first;
      first = false;
    }
  }
  return out;
}

}  // namespace ebm
