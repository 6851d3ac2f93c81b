#include "train/data/batch_feed.h"

#include <fmt/format.h>

#include "core/check.h"
#include "core/profile_range.h"

namespace ebm {

BatchFeed::BatchFeed(const Source& source, uint64_t seed, const std::vector<Shape>& shapes, Device device,
                     const std::optional<Share>& share)
    : source_(source),
      seed_(seed),
      batch_(shapes.at(0)[0]),
      share_(share.value_or(Share{0, batch_})),
      ahead_(device.is_cuda()) {
  const std::vector<SourcePart> parts = source.parts();
  EBM_CHECK(parts.size() == shapes.size(), "data", std::to_string(parts.size()) + " tensors an item",
            std::to_string(shapes.size()) + ", as the method reads");
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::string is, wanted;
    bool same = parts[i].shape.size() + 1 == static_cast<size_t>(shapes[i].rank());
    for (const int64_t extent : parts[i].shape) is += fmt::format("{}{}", is.empty() ? "" : "x", extent);
    for (int d = 1; d < shapes[i].rank(); ++d) {
      wanted += fmt::format("{}{}", wanted.empty() ? "" : "x", shapes[i][d]);
      same &= same && parts[i].shape[static_cast<size_t>(d - 1)] == shapes[i][d];
    }
    EBM_CHECK(same, "data", parts[i].name + " of " + is, wanted + ", the size of the networks'");
  }
  for (size_t slot = 0; slot < (ahead_ ? 2 : 1); ++slot)
    for (const Shape& shape : shapes)
      slots_[slot].parts.push_back(std::make_unique<Upload>(shape.with_first(share_.count), device));
}

void BatchFeed::fill(Slot& slot, int64_t iteration) {
  const ProfileRange range("data");
  std::vector<float*> out;
  for (const auto& part : slot.parts) out.push_back(part->host().data());
  source_.fill(seed_, iteration, batch_, share_.first, share_.count, out);
  for (const auto& part : slot.parts) part->start();
  slot.iteration = iteration;
}

std::span<const Tensor> BatchFeed::get(int64_t iteration) {
  for (const auto& part : slots_[current_].parts) part->release();  // what was given last has been used by now
  if (ahead_) current_ = 1 - current_;
  Slot& slot = slots_[current_];
  if (slot.iteration != iteration) fill(slot, iteration);  // nothing prepared, or a rollback in between
  given_.clear();
  for (const auto& part : slot.parts) given_.push_back(part->tensor());
  return given_;
}

void BatchFeed::prepare(int64_t iteration) {
  if (ahead_) fill(slots_[1 - current_], iteration);
}

}  // namespace ebm
