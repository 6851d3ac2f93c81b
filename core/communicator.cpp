#include "core/communicator.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace ebm {
namespace {

thread_local Communicator* current_world = nullptr;

constexpr char kOp[] = "ranks";

}  // namespace

Share share_of(int64_t n, int r, int parts) {
  const int64_t each = n / parts, longer = n % parts;
  return {r * each + std::min<int64_t>(r, longer), each + (r < longer ? 1 : 0)};
}

Communicator::Communicator(std::unique_ptr<Transport> transport, double seconds)
    : transport_(std::move(transport)), seconds_(seconds) {}

Share Communicator::share(int64_t n) const {
  EBM_CHECK(n >= size(), kOp, std::to_string(n) + " rows for " + std::to_string(size()) + " ranks",
            "at least one for each");
  return share_of(n, rank(), size());
}

// Each rank sums up its slice of what all give it, then all get all slices.
template <class T>
void Communicator::sum_in_order(std::span<T> x) {
  if (alone()) return;
  const auto n = static_cast<int64_t>(x.size());
  const auto slice = [&](int r) {
    const Share part = share_of(n, r, size());
    return x.subspan(static_cast<size_t>(part.first), static_cast<size_t>(part.count));
  };
  const std::span<T> own = slice(rank());
  std::vector<T> given(own.size() * static_cast<size_t>(size()));  // by rank
  std::vector<std::span<const std::byte>> send;
  std::vector<std::span<std::byte>> receive;
  for (int r = 0; r < size(); ++r) {
    send.push_back(std::as_bytes(slice(r)));
    receive.push_back(
        std::as_writable_bytes(std::span(given).subspan(own.size() * static_cast<size_t>(r), own.size())));
  }
  transport_->exchange(send, receive, seconds_);
  std::vector<T> total(own.size());
  for (size_t i = 0; i < own.size(); ++i) {
    double sum = 0;
    for (size_t r = 0; r < static_cast<size_t>(size()); ++r) sum += given[r * own.size() + i];
    total[i] = static_cast<T>(sum);
  }
  for (int r = 0; r < size(); ++r) {
    send[static_cast<size_t>(r)] = std::as_bytes(std::span<const T>(total));
    receive[static_cast<size_t>(r)] = std::as_writable_bytes(slice(r));
  }
  transport_->exchange(send, receive, seconds_);
}

void Communicator::sum(Tensor& x) {
  if (alone()) return;
  EBM_CHECK(!x.device().is_cuda(), kOp, "a sum over " + std::to_string(size()) + " ranks on " + to_string(x.device()),
            "ranks on the CPU: this build has no sums between GPUs");
  sum_in_order(std::span(x.mutable_data(), static_cast<size_t>(x.size())));
}

void Communicator::sum_doubles(double* x, int64_t n, Device device) {
  if (alone()) return;
  EBM_CHECK(!device.is_cuda(), kOp, "a sum over " + std::to_string(size()) + " ranks on " + to_string(device),
            "ranks on the CPU: this build has no sums between GPUs");
  add(std::span(x, static_cast<size_t>(n)));
}

void Communicator::gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  const std::vector<std::span<const std::byte>> send(static_cast<size_t>(size()), mine);
  std::vector<std::span<std::byte>> receive;
  for (size_t r = 0; r < send.size(); ++r) receive.push_back(all.subspan(r * mine.size(), mine.size()));
  transport_->exchange(send, receive, seconds_);
}

void Communicator::add(std::span<double> x) {
  if (alone()) return;
  std::vector<double> all(x.size() * static_cast<size_t>(size()));
  gather(std::as_bytes(x), std::as_writable_bytes(std::span(all)));
  std::fill(x.begin(), x.end(), 0.0);
  for (size_t i = 0; i < all.size(); ++i) x[i % x.size()] += all[i];
}

void Communicator::largest(std::span<double> x) {
  if (alone()) return;
  std::vector<double> all(x.size() * static_cast<size_t>(size()));
  gather(std::as_bytes(x), std::as_writable_bytes(std::span(all)));
  for (size_t i = 0; i < all.size(); ++i) {
    double& most = x[i % x.size()];
    if (!(all[i] <= most)) most = all[i];  // NaN is passed on
  }
}

void Communicator::broadcast(std::span<std::byte> x) {
  if (alone()) return;
  const std::vector<std::byte> mine(x.begin(), x.end());
  std::vector<std::span<const std::byte>> send(static_cast<size_t>(size()));
  std::vector<std::span<std::byte>> receive(static_cast<size_t>(size()));
  if (rank() == 0) std::fill(send.begin(), send.end(), std::span<const std::byte>(mine));
  receive[0] = x;
  transport_->exchange(send, receive, seconds_);
}

void Communicator::agree(const std::optional<Error>& mine, std::optional<double> seconds) {
  if (alone()) {
    if (mine) throw Error(*mine);
    return;
  }
  const double usual = seconds_;
  seconds_ = seconds.value_or(usual);
  struct Message {
    char op[64], received[512], expected[512];
    bool failed;
  };
  Message message{};
  if (mine) {
    message.failed = true;
    std::strncpy(message.op, mine->op().c_str(), sizeof message.op - 1);
    std::strncpy(message.received, mine->received().c_str(), sizeof message.received - 1);
    std::strncpy(message.expected, mine->expected().c_str(), sizeof message.expected - 1);
  }
  std::vector<Message> all(static_cast<size_t>(size()));
  gather(std::as_bytes(std::span(&message, 1)), std::as_writable_bytes(std::span(all)));
  seconds_ = usual;
  for (size_t r = 0; r < all.size(); ++r)
    if (all[r].failed)
      EBM_FAIL(all[r].op,
               std::string(all[r].received) + " (rank " + std::to_string(r) + " of " + std::to_string(size()) + ")",
               all[r].expected);
}

Communicator& world() {
  thread_local Communicator one;
  return current_world ? *current_world : one;
}

WorldScope::WorldScope(Communicator& world) : outer_(current_world) { current_world = &world; }
WorldScope::~WorldScope() { current_world = outer_; }

Tensor gather_rows(const Tensor& x, int64_t n) {
  if (world().alone()) return x;
  const Share mine = world().share(n);
  const int64_t row = x.size() / std::max<int64_t>(mine.count, 1);
  Tensor whole = Tensor::zeros(x.shape().with_first(n), x.device());
  whole.view(mine.first * row, x.shape()).copy_from(x);
  world().sum(whole);  // of one number and zeros
  return whole;
}

}  // namespace ebm
