#include "core/thread_group.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "core/check.h"
#include "core/communicator.h"
#include "core/device.h"

namespace ebm {

class ThreadGroup::Rank : public Transport {
 public:
  Rank(ThreadGroup& group, int i) : group_(group), i_(i) {}
  int rank() const override { return group_.first_ + i_; }
  int size() const override { return group_.ranks_; }
  void exchange(std::span<const std::span<const std::byte>> send, std::span<const std::span<std::byte>> receive,
                double seconds) override {
    group_.exchange(i_, send, receive, seconds);
  }

 private:
  ThreadGroup& group_;
  const int i_;
};

ThreadGroup::ThreadGroup(int ranks, Transport* outside) : ranks_(ranks), outside_(outside) {
  const int processes = outside ? outside->size() : 1;
  EBM_CHECK(ranks >= processes, "ranks", std::to_string(ranks) + " in " + std::to_string(processes) + " processes",
            "one for each process or more");
  const Share here = outside ? share_of(ranks, outside->rank(), processes) : Share{0, ranks};
  first_ = static_cast<int>(here.first);
  members_.resize(static_cast<size_t>(here.count));
  sent_.resize(static_cast<size_t>(processes));
  received_.resize(static_cast<size_t>(processes));
}

std::unique_ptr<Transport> ThreadGroup::transport(int i) { return std::make_unique<Rank>(*this, i); }

void ThreadGroup::run(const std::function<void(int i)>& work) {
  std::exception_ptr thrown;
  const auto guarded = [&](int i) {
    try {
      work(i);
    } catch (const std::exception& e) {
      {
        const std::lock_guard lock(mutex_);
        if (!thrown) thrown = std::current_exception();
      }
      const auto* error = dynamic_cast<const Error*>(&e);
      fail(error ? error->received() : e.what());
    }
  };
  const int threads = num_threads();
  std::vector<std::thread> others;
  for (int i = 1; i < count(); ++i)
    others.emplace_back([&, i] {
      set_num_threads(threads);
      guarded(i);
    });
  guarded(0);
  for (std::thread& other : others) other.join();
  if (thrown) std::rethrow_exception(thrown);
}

void ThreadGroup::fail(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = why;
  met_.notify_all();
}

void ThreadGroup::meet(int i, double seconds) {
  std::unique_lock lock(mutex_);
  const int64_t meeting = meetings_;
  members_[static_cast<size_t>(i)].waits = true;
  if (++waiting_ == count()) {
    for (Member& member : members_) member.waits = false;
    waiting_ = 0;
    ++meetings_;
    met_.notify_all();
  }
  const auto over = [&] { return meetings_ != meeting || !failure_.empty(); };
  if (!met_.wait_for(lock, std::chrono::duration<double>(seconds), over)) {
    std::string missing;
    for (int other = 0; other < count(); ++other)
      if (!members_[static_cast<size_t>(other)].waits)
        missing += (missing.empty() ? "" : ", ") + std::to_string(first_ + other);
    failure_ = "nothing from rank " + missing;
    met_.notify_all();
  }
  if (!failure_.empty()) EBM_FAIL("ranks", failure_, "all " + std::to_string(ranks_) + " ranks");
}

void ThreadGroup::exchange(int i, std::span<const std::span<const std::byte>> send,
                           std::span<const std::span<std::byte>> receive, double seconds) {
  Member& member = members_[static_cast<size_t>(i)];
  member.send = send;
  member.receive = receive;
  meet(i, seconds);
  for (int from = 0; from < count(); ++from) {
    const std::span<const std::byte> given = members_[static_cast<size_t>(from)].send[static_cast<size_t>(first_ + i)];
    const std::span<std::byte> to = receive[static_cast<size_t>(first_ + from)];
    EBM_CHECK(given.size() == to.size(), "ranks", std::to_string(given.size()) + " bytes",
              std::to_string(to.size()) + ", the same message on both sides");
    std::copy(given.begin(), given.end(), to.begin());
  }
  if (outside_ && i == 0) {
    try {
      exchange_outside(seconds);
    } catch (const Error& e) {
      fail(e.received());
    }
  }
  meet(i, 2 * seconds);  // what was given may change again when all have it; one of them had to wait for the outside
}

// For all ranks here at once: a message to each other process, by sender, then by receiver.
void ThreadGroup::exchange_outside(double seconds) {
  const int processes = outside_->size();
  std::vector<std::span<const std::byte>> send(static_cast<size_t>(processes));
  std::vector<std::span<std::byte>> receive(static_cast<size_t>(processes));
  const auto ranks_of = [&](int process) { return share_of(ranks_, process, processes); };
  for (int p = 0; p < processes; ++p) {
    if (p == outside_->rank()) continue;
    const Share there = ranks_of(p);
    std::vector<std::byte>&out = sent_[static_cast<size_t>(p)], &in = received_[static_cast<size_t>(p)];
    out.clear();
    size_t expected = 0;
    for (const Member& member : members_)
      for (int64_t r = there.first; r < there.first + there.count; ++r) {
        const auto& part = member.send[static_cast<size_t>(r)];
        out.insert(out.end(), part.begin(), part.end());
        expected += member.receive[static_cast<size_t>(r)].size();
      }
    in.resize(expected);
    send[static_cast<size_t>(p)] = out;
    receive[static_cast<size_t>(p)] = in;
  }
  outside_->exchange(send, receive, seconds);
  for (int p = 0; p < processes; ++p) {
    if (p == outside_->rank()) continue;
    const Share there = ranks_of(p);
    auto from = received_[static_cast<size_t>(p)].begin();
    for (int64_t r = there.first; r < there.first + there.count; ++r)
      for (const Member& member : members_) {
        const std::span<std::byte> to = member.receive[static_cast<size_t>(r)];
        std::copy_n(from, to.size(), to.begin());
        from += static_cast<std::ptrdiff_t>(to.size());
      }
  }
}

}  // namespace ebm
