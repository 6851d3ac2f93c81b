#include "tools/settings_flags.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include <fmt/format.h>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "core/check.h"
#include "core/parse_number.h"
#include "core/version.h"
#include "train/recipes.h"

namespace ebm {
namespace {

[[noreturn]] void refuse(const std::string& flag, const std::string& text, const std::string& expected) {
  EBM_FAIL("--" + flag, "\"" + text + "\"", expected);
}

template <class T>
T number_of(const std::string& flag, const std::string& text, const std::string& expected) {
  const std::optional<T> value = parse_number<T>(text);
  if (!value)
    refuse(flag, text,
           is_whole(text) ? fmt::format("{}, {} at most", expected, std::numeric_limits<T>::max()) : expected);
  return *value;
}

std::string with_symbol(const Setting& setting) {
  return (*setting.symbol ? std::string(setting.symbol) + ": " : "") + setting.help;
}

// As help shows it.
const char* type_name(const Setting& setting) {
  if (std::get_if<double*>(&setting.value)) return "X";
  return std::get_if<std::string*>(&setting.value) ? "WORD" : "N";
}

// A text in quotes, anything else as it is.
std::string toml_value(const Setting& setting) {
  const std::string text = setting_text(setting);
  if (!std::get_if<std::string*>(&setting.value)) return text;
  const char* quote = text.find('"') == std::string::npos ? "\"" : "'";  // of a path with quotes in it
  return quote + text + quote;
}

std::string config_lines(const Setting& setting) {
  return fmt::format("# {}\n{} = {}\n", with_symbol(setting), setting.flag, toml_value(setting));
}

// The text of `key = "…"` in a config file, "" where there is none: which method's options the rest of it are.
std::string config_key(const std::string& text, const std::string& key) {
  std::istringstream stream(text);
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(stream))
    if (item.parents.empty() && item.name == key && !item.inputs.empty()) return item.inputs.front();
  return "";
}

}  // namespace

template <class S>
void SettingsOptions::add_to(CLI::App& app, S& laptop, S& paper, const std::string& group) {
  const std::vector<Setting> narrow = list_settings(laptop), wide = list_settings(paper);
  for (size_t i = 0; i < narrow.size(); ++i) {
    const Setting& setting = narrow[i];
    const std::string flag = setting.flag, a = setting_text(setting), b = setting_text(wide[i]);
    const std::string defaults = a == b || is_narrow(setting.fixed) ? a : "laptop " + a + ", paper " + b;
    const std::string help = fmt::format("{} [{}]", with_symbol(setting), defaults);
    CLI::Option* option = nullptr;
    if (std::get_if<bool*>(&setting.value))
      option = app.add_flag_function(
          "--" + flag, [this, flag](int64_t count) { given_[flag] = count > 0 ? "true" : "false"; }, setting.help);
    else
      option = app.add_option_function<std::string>(
                      "--" + flag, [this, flag](const std::string& text) { given_[flag] = text; }, help)
                   ->type_name(type_name(setting));
    option->group(group);
  }
}
template void SettingsOptions::add_to(CLI::App&, Settings&, Settings&, const std::string&);
template void SettingsOptions::add_to(CLI::App&, RunSettings&, RunSettings&, const std::string&);

void SettingsOptions::apply(Settings& settings) const {
  const std::vector<Setting> all = list_settings(settings);
  for (const auto& [flag, text] : given_)
    EBM_CHECK(std::any_of(all.begin(), all.end(), [&](const Setting& setting) { return setting.flag == flag; }),
              "--" + flag, text + " for a run of method " + settings.method, "a setting that it has");
  for (const Setting& setting : all) {
    const auto given = given_.find(setting.flag);
    if (given == given_.end()) continue;
    set_setting(setting, given->second);
    EBM_CHECK(!is_narrow(setting.fixed) || settings.profile == Profile::laptop, "--" + setting.flag,
              setting_text(setting) + " for the paper profile, whose networks are fixed", "it with --profile laptop");
    EBM_CHECK(!is_folder(setting.fixed) || settings.of_folder(), "--" + setting.flag,
              setting_text(setting) + " for " + settings.data, "it with the recipe folder");
  }
}

void SettingsOptions::apply(RunSettings& run) const {
  for (const Setting& setting : list_settings(run))
    if (const auto given = given_.find(setting.flag); given != given_.end()) set_setting(setting, given->second);
}

std::string config_text(const Settings& settings, const RunSettings& run) {
  std::string text =
      fmt::format("# Made by ebm.cu {}; read back with --config. The command line wins over this file.\n", version());
  text += fmt::format("recipe = \"{}\"\nprofile = \"{}\"\nmethod = \"{}\"\ndataset = \"{}\"\n\n", settings.recipe,
                      to_string(settings.profile), settings.method, settings.data);
  const std::unique_ptr<Settings> copy = settings.clone();
  for (const Setting& setting : list_settings(*copy))
    if ((!is_narrow(setting.fixed) || settings.profile == Profile::laptop) &&
        (!is_folder(setting.fixed) || settings.of_folder()))
      text += config_lines(setting);
  text += "\n";
  RunSettings run_copy = run;
  for (const Setting& setting : list_settings(run_copy)) text += config_lines(setting);
  return text;
}

Config read_config(const std::string& text, const std::string& name) {
  CLI::App app;
  app.allow_config_extras(CLI::config_extras_mode::error);
  std::string recipe = "mnist", profile = "laptop", method = config_key(text, "method"), data;
  if (method.empty()) method = methods().front().name;
  app.add_option("recipe", recipe);
  app.add_option("--profile", profile);
  app.add_option("--method", method);
  app.add_option("--dataset", data);
  const std::unique_ptr<Settings> settings = method_record(method).settings();
  Config config;
  SettingsOptions options, run_options;
  options.add_to(app, *settings, *settings, "");
  run_options.add_to(app, config.run, config.run, "");
  std::istringstream stream(text);
  try {
    app.parse_from_stream(stream);
  } catch (const CLI::ParseError& e) {
    EBM_FAIL("config", name + ": " + e.what(), "what train_ebm_vae wrote there");
  }
  std::unique_ptr<Settings> read = recipe_settings(method, recipe, parse_profile(profile));
  if (!data.empty()) read->data = data;
  options.apply(*read);
  run_options.apply(config.run);
  check_settings(*read);
  check_settings(config.run);
  config.settings = std::move(read);
  return config;
}

int64_t parse_count(const std::string& flag, const std::string& text, int64_t least) {
  const std::string expected = fmt::format("a whole number, {} or more", least);
  const auto value = number_of<int64_t>(flag, text, expected);
  if (value < least) refuse(flag, text, expected);
  return value;
}

int64_t parse_count(const std::string& flag, const std::string& text, int64_t least, int64_t most) {
  const int64_t count = parse_count(flag, text, least);
  EBM_CHECK(count <= most, "--" + flag, text, fmt::format("{} to {}", least, most));
  return count;
}

double parse_factor(const std::string& flag, const std::string& text) {
  constexpr char kExpected[] = "a finite number, 0 or more";
  const auto value = number_of<double>(flag, text, kExpected);
  if (!(value >= 0 && std::isfinite(value))) refuse(flag, text, kExpected);
  return value;
}

void apply_threads(const std::string& text) {
  if (text.empty()) return;
  const int64_t asked = parse_count("threads", text, 1), cores = std::max(num_cores(), 1);
  if (asked > cores)  // they would wait for each other at every step
    fmt::print(stderr, "note: --threads {}, lowered to the {} cores that are available\n", asked, cores);
  set_num_threads(static_cast<int>(std::min(asked, cores)));
}

}  // namespace ebm
