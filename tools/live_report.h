// The page of a run that goes on.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace ebm {

// Rewrites report.html every half minute at most, so that a browser may look on. A page that cannot be written is left as
// it is: the run's end will say so.
class LiveReport {
 public:
  static constexpr int kSeconds = 30;

  explicit LiveReport(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // After an iteration. The first call writes.
  void refresh();

 private:
  using Clock = std::chrono::steady_clock;
  std::filesystem::path folder_;
  Clock::time_point next_ = Clock::now();
};

// The page's address for a browser, file:///…/report.html, which terminals make a link.
std::string page_address(const std::filesystem::path& page);

}  // namespace ebm
