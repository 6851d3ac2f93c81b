#include "core/communicator.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "core/deadline.h"
#include "core/nccl.h"
#include "core/profile_range.h"

namespace ebm {
namespace {

thread_local Communicator* current_world = nullptr;

constexpr char kOp[] = "ranks";
constexpr char kRange[] = "sum over ranks";

// An error on its way between ranks.
struct ErrorMessage {
  char op[64], received[512], expected[512];
  bool failed;
};

ErrorMessage message_of(const std::optional<Error>& error) {
  ErrorMessage message{};
  if (!error) return message;
  message.failed = true;
  std::strncpy(message.op, error->op().c_str(), sizeof message.op - 1);
  std::strncpy(message.received, error->received().c_str(), sizeof message.received - 1);
  std::strncpy(message.expected, error->expected().c_str(), sizeof message.expected - 1);
  return message;
}

// Where the message is of an error: of rank r.
void throw_error(const ErrorMessage& message, int r, int size) {
  if (!message.failed) return;
  const std::string of = size > 1 ? " (rank " + std::to_string(r) + " of " + std::to_string(size) + ")" : "";
  EBM_FAIL(message.op, message.received + of, message.expected);
}

std::optional<Error> error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e;
  }
  return std::nullopt;
}

}  // namespace

Share share_of(int64_t n, int r, int parts) {
  const int64_t each = n / parts, longer = n % parts;
  return {r * each + std::min<int64_t>(r, longer), each + (r < longer ? 1 : 0)};
}

Communicator::Communicator(std::unique_ptr<Transport> transport, double seconds)
    : transport_(std::move(transport)), seconds_(seconds) {}
Communicator::Communicator() = default;
Communicator::~Communicator() = default;
Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&&) noexcept = default;

void Communicator::connect(Device device, std::function<void(const Error&)> end) {
  if (alone() || !device.is_cuda()) return;
  NcclId id{};
  by_first([&] { id = NcclCommunicator::new_id(); }, seconds_);
  broadcast(std::as_writable_bytes(std::span(&id, 1)));
  nccl_ = std::make_unique<NcclCommunicator>(id, rank(), size(), device, seconds_, std::move(end));
}

void Communicator::end(const Error& error) const {
  if (nccl_) nccl_->end(error);
}

Share Communicator::share(int64_t n) const {
  EBM_CHECK(n >= size(), kOp, std::to_string(n) + " rows for " + std::to_string(size()) + " ranks",
            "at least one for each");
  return share_of(n, rank(), size());
}

NcclCommunicator& Communicator::nccl(Device device) const {
  EBM_CHECK(nccl_ && nccl_->device() == device, kOp,
            "a sum over " + std::to_string(size()) + " ranks on " + to_string(device),
            "a device that ranks are connected on");
  return *nccl_;
}

void Communicator::sum(Tensor& x) {
  if (alone()) return;
  const ProfileRange range(kRange);
  if (x.device().is_cuda())
    nccl(x.device()).sum(x.mutable_data(), x.size());
  else
    sum_on_cpu(x);
}

int64_t Communicator::begin_sum(Tensor& x) {
  if (alone()) return 0;
  const ProfileRange range(kRange);
  if (x.device().is_cuda()) return nccl(x.device()).begin_sum(x.mutable_data(), x.size());
  sum_on_cpu(x);
  return 0;
}

void Communicator::join(int64_t begun) {
  if (nccl_) nccl_->join(begun);
}

// Each rank sums up its slice of what all give it, then all get all slices.
void Communicator::sum_on_cpu(Tensor& x) {
  const std::span<float> values(x.mutable_data(), static_cast<size_t>(x.size()));
  const auto slice = [&](int r) {
    const Share part = share_of(x.size(), r, size());
    return values.subspan(static_cast<size_t>(part.first), static_cast<size_t>(part.count));
  };
  const size_t own = slice(rank()).size();
  given_.resize(own * static_cast<size_t>(size()));  // by rank
  total_.resize(own);
  std::vector<std::span<const std::byte>> send;
  std::vector<std::span<std::byte>> receive;
  for (int r = 0; r < size(); ++r) {
    send.push_back(std::as_bytes(slice(r)));
    receive.push_back(std::as_writable_bytes(std::span(given_).subspan(own * static_cast<size_t>(r), own)));
  }
  transport_->exchange(send, receive, seconds_);
  for (size_t i = 0; i < own; ++i) {
    double sum = 0;
    for (size_t at = i; at < given_.size(); at += own) sum += given_[at];
    total_[i] = static_cast<float>(sum);
  }
  for (int r = 0; r < size(); ++r) {
    send[static_cast<size_t>(r)] = std::as_bytes(std::span<const float>(total_));
    receive[static_cast<size_t>(r)] = std::as_writable_bytes(slice(r));
  }
  transport_->exchange(send, receive, seconds_);
}

void Communicator::sum_doubles(double* x, int64_t n, Device device) {
  if (alone()) return;
  const ProfileRange range(kRange);
  if (device.is_cuda())
    nccl(device).sum(x, n);
  else
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

void Communicator::agree(const std::optional<Error>& mine) {
  const ErrorMessage message = message_of(mine);
  std::vector<ErrorMessage> all(static_cast<size_t>(size()), message);
  if (!alone()) gather(std::as_bytes(std::span(&message, 1)), std::as_writable_bytes(std::span(all)));
  for (int r = 0; r < size(); ++r) throw_error(all[static_cast<size_t>(r)], r, size());
}

std::vector<std::string> Communicator::gather_to_first(const std::string& mine) {
  if (alone()) return {mine};
  std::vector<double> sizes(static_cast<size_t>(size()));
  sizes[static_cast<size_t>(rank())] = static_cast<double>(mine.size());
  add(sizes);
  std::vector<std::string> all(rank() == 0 ? sizes.size() : 0);
  std::vector<std::span<const std::byte>> send(sizes.size());
  std::vector<std::span<std::byte>> receive(sizes.size());
  send[0] = std::as_bytes(std::span(mine));
  for (size_t r = 0; r < all.size(); ++r) {
    all[r].resize(static_cast<size_t>(sizes[r]));
    receive[r] = std::as_writable_bytes(std::span(all[r]));
  }
  transport_->exchange(send, receive, seconds_);
  return all;
}

void Communicator::check_alike(uint64_t mine, const char* what, const std::string& expected) {
  if (alone()) return;
  uint64_t first = mine;
  broadcast(std::as_writable_bytes(std::span(&first, 1)));
  together([&] { EBM_CHECK(mine == first, what, "others than rank 0's", expected); });
}

void Communicator::together(const std::function<void()>& work) {
  if (alone()) return work();
  agree(error_of(work));
}

void Communicator::by_first(const std::function<void()>& work, double seconds) {
  if (alone()) return work();
  struct {
    bool done = false;
    ErrorMessage error{};
  } message;
  const auto tell = [&] { broadcast(std::as_writable_bytes(std::span(&message, 1))); };
  if (rank() == 0) {
    std::optional<Error> error;
    {
      const Repeatedly alive(seconds_ / 3, [&] { return !error_of(tell); });  // what is wrong shows in what follows
      error = error_of(work);
    }
    message = {true, message_of(error)};
    tell();
  } else {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!message.done && std::chrono::steady_clock::now() < end) tell();
    EBM_CHECK(message.done, kOp, "no end of rank 0's work",
              "it within " + std::to_string(static_cast<int>(seconds)) + " s");
  }
  throw_error(message.error, 0, size());
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
