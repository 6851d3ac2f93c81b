// The one table of Settings: each field with its flag, the paper's symbol and what it does. Flags,
// --help and config.toml come from it.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <variant>

#include <CLI/App.hpp>

#include "train/method.h"

namespace ebm {

// CLI11's help has no room for more.
struct SettingFlag {
  using Field = std::variant<int64_t Settings::*, uint64_t Settings::*, double Settings::*>;
  const char* flag;    // without the dashes: the key in config.toml
  const char* symbol;  // the paper's, or ""
  const char* help;
  Field field;
  bool laptop_only = false;  // the paper's networks are fixed
};
std::span<const SettingFlag> setting_flags();

// The value of a field as text that reads back to the same number.
std::string setting_text(const Settings& settings, const SettingFlag& flag);
// Reads a value; throws Error for text that is no such number.
void set_setting(Settings& settings, const SettingFlag& flag, const std::string& text);

// What was said about the settings on the command line or in a config file.
class SettingsOptions {
 public:
  // Adds an option for every line of the table. Help shows the defaults of `recipe`. Must live as
  // long as the app.
  void add_to(CLI::App& app, const std::string& recipe);
  bool given(const std::string& flag) const { return given_.contains(flag); }
  // Puts what was given over these settings. Throws Error for what their profile fixes.
  void apply(Settings& settings) const;

 private:
  Settings values_;
  std::set<std::string> given_;
};

// The options that a run's config.toml holds besides the settings.
struct RunFlags {
  int64_t checkpoint_every = 500;
  int64_t samples_every = 0;
  std::string precision = "auto";
  bool deterministic = false;
  int64_t read_every = 0;
};

// config.toml: all settings and run flags, commented. read_config takes it back, through CLI11's
// reader.
std::string config_text(const Settings& settings, const RunFlags& flags);
struct Config {
  Settings settings;
  RunFlags flags;
};
// `name` stands for the text in errors. Throws Error for a line that is none of its options.
Config read_config(const std::string& text, const std::string& name);

// "1000" as a count of at least `least`; throws Error naming the flag otherwise.
int64_t parse_count(const std::string& flag, const std::string& text, int64_t least);
// The same with a largest value.
int64_t parse_count(const std::string& flag, const std::string& text, int64_t least, int64_t most);
// "0.5" as a finite number, 0 or more; throws Error naming the flag otherwise.
double parse_factor(const std::string& flag, const std::string& text);
// What --threads says; "" leaves all cores.
void apply_threads(const std::string& text);

}  // namespace ebm
