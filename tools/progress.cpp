#include "tools/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "tools/terminal.h"

namespace ebm {
namespace {

constexpr double kBarSeconds = 0.1, kLineSeconds = 5.0;
constexpr int64_t kFirstLines = 3;        // iterations that get a line each: a sign of life
constexpr double kEstimateSeconds = 2.0;  // measured before a time is promised
constexpr double kMarkSeconds = 30.0;
constexpr int kBarWidth = 24;

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void OccasionalLine::operator()(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (seconds_between(last_, now) < kLineSeconds) return;
  last_ = now;
  say_(line);
}

std::string duration_text(double seconds) {
  if (!(seconds < 1e8)) return "a very long time";
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

Progress::Style Progress::choose(bool quiet) {
  if (quiet) return Style::quiet;
  return ::isatty(STDOUT_FILENO) ? Style::bar : Style::lines;
}

void Progress::started(const Trainer& trainer) {
  start_ = trainer.iteration();
  shown_ = Clock::now();
  older_ = newer_ = {shown_, start_};
}

void Progress::measure(int64_t iterations) {
  const Mark now{Clock::now(), iterations};
  // the first iteration chooses kernels and fills caches, and a run that went back begins to count anew
  if (iterations <= start_ + 1 || iterations < newer_.iterations) older_ = newer_ = now;
  if (seconds_between(newer_.at, now.at) >= kMarkSeconds) older_ = newer_, newer_ = now;
}

void Progress::stepped(const Metrics& m) {
  const Clock::time_point now = Clock::now();
  measure(m.iteration);
  if (style_ == Style::quiet) return;
  const double since = seconds_between(shown_, now);
  if (style_ == Style::bar) {
    if (since < kBarSeconds && m.iteration < total_ && bar_shown_) return;
    const std::string text = numbers(m);
    const auto width = static_cast<int64_t>(terminal_width()) - 1;
    longest_ = std::max(longest_, text.size());
    const int64_t cells = std::clamp<int64_t>(width - static_cast<int64_t>(longest_) - 3, 0, kBarWidth);
    std::string bar(static_cast<size_t>(cells), '.');
    const auto full = std::llround(static_cast<double>(cells * m.iteration) / static_cast<double>(total_));
    std::fill_n(bar.begin(), std::clamp<int64_t>(full, 0, cells), '#');
    fmt::print("\r{}\x1b[K", ("[" + bar + "] " + text).substr(0, static_cast<size_t>(width)));
    bar_shown_ = true;
  } else {
    if (since < kLineSeconds && m.iteration < total_ && m.iteration > start_ + kFirstLines) return;
    fmt::print("{}\n", numbers(m));
  }
  std::fflush(stdout);
  shown_ = now;
}

void Progress::notice(const std::string& line) {
  clear_line();
  std::fputs(("note: " + line + "\n").c_str(), stderr);
}

void Progress::say(const std::string& line) {
  if (style_ == Style::quiet) return;
  clear_line();
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void Progress::end_line() {
  if (!bar_shown_) return;
  fmt::print("\n");
  std::fflush(stdout);
  bar_shown_ = false;
}

void Progress::clear_line() {
  if (!bar_shown_) return;
  fmt::print("\r\x1b[K");
  std::fflush(stdout);
  bar_shown_ = false;
}

std::string Progress::numbers(const Metrics& m) const {
  std::string rate = "", left = "";
  const double seconds = seconds_between(older_.at, Clock::now());
  if (m.iteration > older_.iterations && seconds >= kEstimateSeconds) {
    const double per_second = static_cast<double>(m.iteration - older_.iterations) / seconds;
    rate = fmt::format("  {:.3g} it/s", per_second);
    if (m.iteration < total_)
      left = fmt::format("  ETA {}", duration_text(static_cast<double>(total_ - m.iteration) / per_second));
  }
  std::string text = fmt::format("iteration {}/{}{}{}", m.iteration, total_, rate, left);
  for (size_t i = 0; i < m.values.size(); ++i)
    if (const char* format = (*m.columns)[i].options.progress; *format)
      text += "  " + fmt::format(fmt::runtime(format), m.values[i]);
  return text;
}

}  // namespace ebm
