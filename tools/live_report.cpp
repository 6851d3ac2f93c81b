#include "tools/live_report.h"

#include <cctype>
#include <exception>
#include <string_view>

#include <fmt/format.h>

#include "tools/evaluate/report.h"

namespace ebm {

void LiveReport::refresh() {
  if (Clock::now() < next_) return;
  try {
    write_report({{folder_}}, folder_ / kReportName, kSeconds);
  } catch (const std::exception&) {
  }
  next_ = Clock::now() + std::chrono::seconds(kSeconds);
}

std::string page_address(const std::filesystem::path& page) {
  std::string address = "file://";
  for (const char c : std::filesystem::absolute(page).lexically_normal().string()) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/-_.~+").find(c) != std::string_view::npos;
    address += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return address;
}

}  // namespace ebm
