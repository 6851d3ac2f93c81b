// Settings as command-line options and as config.toml: both are made of what settings say of themselves
// (train/settings.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <CLI/App.hpp>

#include "train/method.h"

namespace ebm {

// What was said about settings on the command line or in a config file.
class SettingsOptions {
 public:
  // Adds an option for each setting of `laptop`, which help shows as the default, with those of `paper` where they
  // differ. Must live as long as the app.
  template <class S>
  void add_to(CLI::App& app, S& laptop, S& paper, const std::string& group);
  bool given(const std::string& flag) const { return given_.contains(flag); }
  // Puts what was given over these settings. Throws Error for text that is no such value, and for what their profile
  // fixes.
  void apply(Settings& settings) const;
  void apply(RunSettings& settings) const;

 private:
  std::map<std::string, std::string> given_;
};

// config.toml: all settings, commented. read_config takes it back, through CLI11's reader.
std::string config_text(const Settings& settings, const RunSettings& run);
struct Config {
  std::shared_ptr<const Settings> settings;
  RunSettings run;
};
// `name` stands for the text in errors. Throws Error for a line that is none of its options. Without `method` it is
// the first of the table, as in files of earlier versions; without `dataset` the recipe's.
Config read_config(const std::string& text, const std::string& name);

// "1000" as a count of at least `least`; throws Error naming the flag otherwise.
int64_t parse_count(const std::string& flag, const std::string& text, int64_t least);
// The same with a largest value.
int64_t parse_count(const std::string& flag, const std::string& text, int64_t least, int64_t most);
// "0.5" as a finite number, 0 or more; throws Error naming the flag otherwise.
double parse_factor(const std::string& flag, const std::string& text);
// What --threads says; "" leaves all cores. More than there are become as many, which a line on stderr says.
void apply_threads(const std::string& text);

}  // namespace ebm
