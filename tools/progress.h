// Shows a run while it goes: a bar on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>

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
  // A line of its own, in the bar's place, which comes back below it; nothing when quiet.
  void say(const std::string& line) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Mark {
    Clock::time_point at;
    int64_t iterations;
  };
  std::string numbers(const Metrics& metrics) const;
  void measure(int64_t iterations);  // takes note of how many are done
  void end_line();                   // leaves the bar as it is and goes to the next line
  void clear_line();                 // takes the bar away

  Style style_;
  int64_t total_;
  int64_t start_ = 0;       // iterations at the start of the run
  Mark older_{}, newer_{};  // what the speed is measured from, half a minute apart: it may change
  Clock::time_point shown_;
  size_t longest_ = 0;  // text beside the bar so far: the bar does not change with every digit
  bool bar_shown_ = false;
};

// Prints a line at once, wherever stdout leads.
void say(const std::string& line);

// Says lines that tell of progress, but none within five seconds of the last.
class OccasionalLine {
 public:
  explicit OccasionalLine(std::function<void(const std::string&)> tell = say) : say_(std::move(tell)) {}
  void operator()(const std::string& line);

 private:
  std::function<void(const std::string&)> say_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// "42 s", "9 min", "3.5 h".
std::string duration_text(double seconds);

}  // namespace ebm
