#include <map>
#include <tuple>

#include "kernels/conv/conv_routine.h"

namespace ebm::cpu {
namespace {

struct Packing {
  std::weak_ptr<const Storage> source;
  uint64_t version = 0;
  Tensor packed;
};

using PackingKey = std::tuple<uint64_t, int64_t, int>;  // storage id, offset in it, layout

std::map<PackingKey, Packing>& packings() {
  static std::map<PackingKey, Packing> all;
  return all;
}

int layout_number(const std::string& layout) {
  static std::map<std::string, int> numbers;
  return numbers.try_emplace(layout, static_cast<int>(numbers.size())).first->second;
}

}  // namespace

PackedWeights::PackedWeights(const std::string& layout, int64_t size, ElementType type)
    : layout_(layout_number(layout)), size_(size), type_(type) {}

const Tensor& PackedWeights::get(const Tensor& w, const std::function<void(const Tensor&, Tensor&)>& pack) const {
  const PackingKey key{w.storage_id(), w.storage_offset(), layout_};
  auto found = packings().find(key);
  if (found == packings().end()) {
    // A new entry is rare, so this is the moment to drop those whose weights are gone.
    std::erase_if(packings(), [](const auto& entry) { return entry.second.source.expired(); });
    Packing packing{w.storage(), w.version(), Tensor::empty({size_}, kCpu, type_)};
    pack(w, packing.packed);
    found = packings().emplace(key, std::move(packing)).first;
  } else if (found->second.version != w.version()) {
    pack(w, found->second.packed);
    found->second.version = w.version();
  }
  return found->second.packed;
}

}  // namespace ebm::cpu
