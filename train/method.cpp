#include "train/method.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "core/words.h"

namespace ebm {
namespace {

bool can(const MethodRecord& record, Ability ability) {
  return std::find(record.abilities.begin(), record.abilities.end(), ability) != record.abilities.end();
}

const char* lacking(Ability ability) {
  switch (ability) {
    case Ability::draw: return "draws no images of nothing given";
    case Ability::generate: return "does not train its generator";
    case Ability::encode: return "does not train its encoder";
    case Ability::energy: return "does not train its energy net";
    case Ability::chains: return "does not train its energy for chains";
    case Ability::complete: return "completes no images";
  }
  return "";
}

}  // namespace

const MethodRecord& method_record(const std::string& name) {
  std::vector<std::string> names;
  for (const MethodRecord& record : methods()) {
    if (name == record.name) return record;
    names.push_back(record.name);
  }
  EBM_FAIL("method", "\"" + name + "\"", either(names));
}

bool has_setting(const MethodRecord& record, const std::string& flag) {
  const std::unique_ptr<Settings> settings = record.settings();
  const std::vector<Setting> all = list_settings(*settings);
  return std::any_of(all.begin(), all.end(), [&](const Setting& setting) { return setting.flag == flag; });
}

bool can(const std::string& method, Ability ability) { return can(method_record(method), ability); }

void need(const std::string& method, Ability ability, const std::string& op) {
  if (can(method, ability)) return;
  std::vector<std::string> names;
  for (const MethodRecord& record : methods())
    if (can(record, ability)) names.push_back(record.name);
  EBM_FAIL(op, "a model of --method " + method,
           fmt::format("one of {}: this method {}", either(names), lacking(ability)));
}

}  // namespace ebm
