#include "train/parts.h"

#include "train/learner.h"

namespace ebm {

Number Parts::number(std::function<double(int64_t)> at) {
  return number([at = std::move(at)](int64_t iteration, double) { return at(iteration); });
}

Number Parts::number(std::function<double(int64_t, double)> at) {
  numbers_.push_back({scalars_.add(), std::move(at)});
  return {&scalars_, numbers_.back().place};
}

Tensor Parts::buffer(const char* name, Tensor initial) {
  buffers_.push_back({name, std::move(initial)});
  return buffers_.back().tensor;
}

std::vector<Parts::Entry> Parts::entries() const {
  std::vector<Entry> list;
  for (LearnerBase* learner : learners_) {
    const std::string& name = learner->name();
    list.push_back({name, learner->parameters().flat()});
    list.push_back({name + ".adam_m", learner->adam().m()});
    list.push_back({name + ".adam_v", learner->adam().v()});
    if (learner->adam().has_average()) list.push_back({name + ".average", learner->adam().average()});
  }
  list.insert(list.end(), buffers_.begin(), buffers_.end());
  return list;
}

void Parts::prepare(int64_t iteration, double slowed) {
  for (LearnerBase* learner : learners_) learner->prepare(iteration, slowed);
  for (const Scheduled& number : numbers_) scalars_.set(number.place, static_cast<float>(number.at(iteration, slowed)));
}

}  // namespace ebm
