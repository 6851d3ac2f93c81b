// Shows a run while it goes: a bar on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "train/run.h"

namespace ebm {

class Progress : public RunObserver {
 public:
  enum class Style { bar, lines, quiet };
  // bar on a terminal, lines elsewhere, unless quiet.
  static Style choose(bool quiet);

  Progress(Style style, int64_t total) : style_(style), total_(total) {}
  ~Progress() override { end_line(); }

  void started(const Trainer& trainer) override;
  void stepped(const Metrics& metrics) override;
  void notice(const std::string& line) override;
  // A line of its own, above the bar; nothing when quiet.
  void say(const std::string& line) override;
  // Ends the bar, so that other output starts on a fresh line.
  void end_line();

 private:
  using Clock = std::chrono::steady_clock;
  std::string numbers(const Metrics& metrics) const;
  void estimate();

  Style style_;
  int64_t total_;
  int64_t first_ = 0, done_ = 0;  // iterations at the start of the measurement, and so far
  int64_t start_ = 0;             // iterations at the start of the run
  Clock::time_point begin_, shown_;
  bool bar_shown_ = false, estimated_ = false;
};

// Prints a line at once, wherever stdout leads.
void say(const std::string& line);

// Prints lines that tell of progress, but none within five seconds of the last.
class OccasionalLine {
 public:
  void operator()(const std::string& line);

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// "42 s", "9 min", "3.5 h".
std::string duration_text(double seconds);

}  // namespace ebm
