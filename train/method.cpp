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

const char* trained(Ability ability) {
  switch (ability) {
    case Ability::generate: return "generator";
    case Ability::encode: return "encoder";
    case Ability::energy: return "energy net";
    case Ability::chains: return "energy for chains";
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
           fmt::format("one of {}: this method does not train its {}", either(names), trained(ability)));
}

}  // namespace ebm
