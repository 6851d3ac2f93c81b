#include "train/recipes.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <CLI/Config.hpp>

#include "core/check.h"
#include "core/words.h"
#include "train/method.h"
#include "train/recipes_text.h"

namespace ebm {
namespace {

struct Entry {
  std::string name, text;
};
// A method's file: its sections in order, "" for what stands before the first.
struct RecipeFile {
  std::vector<std::string> order;
  std::map<std::string, std::vector<Entry>> sections;
};

RecipeFile read_file_of(const std::string& method) {
  std::istringstream text(recipe_text(method));
  RecipeFile file;
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(text)) {
    if (item.name == "--") continue;  // the end of a section; "++" is the beginning of one
    std::string section;
    for (const std::string& part : item.parents) section += (section.empty() ? "" : ".") + part;
    const std::string profile = section.substr(section.rfind('.') + 1);
    const bool named = section.empty() || profile == "laptop" || profile == "paper";
    if (item.name == "++" && !named) continue;  // of [mnist] in [mnist.laptop]
    EBM_CHECK(named, "recipe", "section [" + section + "] of " + method + ".toml",
              "PROFILE or NAME.PROFILE, laptop or paper");
    if (!file.sections.contains(section)) file.order.push_back(section);
    std::vector<Entry>& entries = file.sections[section];
    if (item.name != "++") entries.push_back({item.name, item.inputs.empty() ? "" : item.inputs.front()});
  }
  return file;
}

const RecipeFile& file_of(const std::string& method) {
  static std::map<std::string, RecipeFile> files;
  const auto found = files.find(method);
  return found != files.end() ? found->second : files.emplace(method, read_file_of(method)).first->second;
}

std::string like(const RecipeFile& file) {
  const auto top = file.sections.find("");
  if (top == file.sections.end()) return "";
  for (const Entry& entry : top->second)
    if (entry.name == "like") return entry.text;
  return "";
}

// Of the file of `method`, which is the settings' own or one that theirs is like.
void apply_section(const std::string& method, const std::string& section, Settings& settings) {
  const RecipeFile& file = file_of(method);
  const auto found = file.sections.find(section);
  if (found == file.sections.end()) return;
  for (const Entry& entry : found->second)
    if (entry.name == "base") apply_section(method, entry.text, settings);
  const std::vector<Setting> all = list_settings(settings);
  for (const Entry& entry : found->second) {
    if (entry.name == "base") continue;
    const auto setting = std::find_if(all.begin(), all.end(), [&](const Setting& s) { return s.flag == entry.name; });
    if (setting != all.end())
      set_setting(*setting, entry.text);
    else if (entry.name == "dataset")
      settings.data = entry.text;
    else if (method == settings.method || !has_setting(method_record(method), entry.name))
      settings.take_fact(entry.name, entry.text);
  }
}

void apply_recipe(const std::string& method, const std::string& name, const std::string& profile, Settings& settings) {
  if (const std::string other = like(file_of(method)); !other.empty()) apply_recipe(other, name, profile, settings);
  apply_section(method, profile, settings);
  apply_section(method, name + "." + profile, settings);
}

}  // namespace

std::vector<std::string> recipe_names(const std::string& method) {
  const RecipeFile& file = file_of(method);
  std::vector<std::string> names;
  if (const std::string other = like(file); !other.empty()) names = recipe_names(other);
  for (const std::string& section : file.order) {
    const std::string name = section.substr(0, section.find('.'));
    if (section.find('.') != std::string::npos && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  return names;
}

bool has_profile(const std::string& method, const std::string& recipe, Profile profile) {
  const RecipeFile& file = file_of(method);
  if (file.sections.contains(recipe + "." + to_string(profile))) return true;
  const std::string other = like(file);
  return !other.empty() && has_profile(other, recipe, profile);
}

std::unique_ptr<Settings> recipe_settings(const std::string& method, const std::string& recipe, Profile profile) {
  const MethodRecord& record = method_record(method);
  const std::vector<std::string> names = recipe_names(method);
  EBM_CHECK(std::find(names.begin(), names.end(), recipe) != names.end(), "recipe", "\"" + recipe + "\"",
            either(names));
  EBM_CHECK(has_profile(method, recipe, profile), "--profile", to_string(profile) + " for the recipe " + recipe,
            "laptop: no published settings are for such images");
  std::unique_ptr<Settings> settings = record.settings();
  settings->method = method;
  settings->recipe = settings->data = recipe;
  settings->profile = profile;
  apply_recipe(method, recipe, to_string(profile), *settings);
  return settings;
}

}  // namespace ebm
