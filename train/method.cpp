#include "train/method.h"

#include <vector>

#include <fmt/format.h>

#include "core/check.h"

namespace ebm {
namespace {

struct MethodRecord {
  Method method;
  const char* name;
  bool energy, generator, encoder;  // trained
  const char* sample_start;
};

constexpr MethodRecord kMethods[] = {
    {Method::ebm_vae, "ebm-vae", true, true, true, "images of the generator"},
    {Method::vae, "vae", false, true, true, "images of the generator"},
    {Method::coopnets, "coopnets", true, true, false, "images of the generator"},
    {Method::short_run, "short-run", true, false, false, "uniform noise"},
    {Method::persistent, "persistent", true, false, false, "images of the replay buffer"},
};

const MethodRecord& record_of(Method method) {
  for (const MethodRecord& record : kMethods)
    if (record.method == method) return record;
  EBM_FAIL("method", std::to_string(static_cast<int>(method)), "one of the methods");
}

bool trains(const MethodRecord& record, NetworkKind network) {
  switch (network) {
    case NetworkKind::energy: return record.energy;
    case NetworkKind::generator: return record.generator;
    case NetworkKind::encoder: return record.encoder;
  }
  EBM_FAIL("method", std::to_string(static_cast<int>(network)), "one of the networks");
}

const char* name_of(NetworkKind network) {
  return network == NetworkKind::energy ? "energy net" : network == NetworkKind::generator ? "generator" : "encoder";
}

// "a, b or c"
std::string either(const std::vector<std::string>& words) {
  std::string text = words.front();
  for (size_t i = 1; i < words.size(); ++i) text += (i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

}  // namespace

Method parse_method(const std::string& text) {
  std::vector<std::string> names;
  for (const MethodRecord& record : kMethods) {
    if (text == record.name) return record.method;
    names.push_back(record.name);
  }
  EBM_FAIL("method", "\"" + text + "\"", either(names));
}

std::string to_string(Method method) { return record_of(method).name; }

bool trains(Method method, NetworkKind network) { return trains(record_of(method), network); }

void check_trains(Method method, NetworkKind network, const std::string& op) {
  if (trains(method, network)) return;
  std::vector<std::string> names;
  for (const MethodRecord& record : kMethods)
    if (trains(record, network)) names.push_back(record.name);
  EBM_FAIL(op, "a model of --method " + to_string(method),
           fmt::format("one of {}: this method does not train its {}", either(names), name_of(network)));
}

const char* sample_start(Method method) { return record_of(method).sample_start; }

}  // namespace ebm
