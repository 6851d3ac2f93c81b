#include "tools/world.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "core/cuda_ranks.h"
#include "core/mpi_transport.h"
#include "tools/command_line.h"

namespace ebm {

namespace {

[[noreturn]] void end_now(int code) {
  std::fflush(nullptr);
  ::_exit(code);
}

}  // namespace

World::World() {
  const std::optional<Launched> by = launched();
  if (!by || by->size == 1) return;
  std::unique_ptr<MpiTransport> mpi = MpiTransport::start(*by);
  mpi_ = mpi.get();
  ranks_ = Communicator(std::move(mpi));
}

World::~World() = default;

Transport* World::processes() const { return mpi_; }

int World::local_rank() const { return mpi_ ? mpi_->local_rank() : 0; }

int World::local_size() const { return mpi_ ? mpi_->local_size() : 1; }
void World::connect(Device device) {
  ranks_.connect(device, [](const Error& e) { end_now(fail(e.message())); });
}

bool World::is_one_of_several() {
  const std::optional<Launched> by = launched();
  return by && by->size > 1;
}

void share_cores(World& world, const std::string& threads) {
  if (!world.ranks().alone() && threads.empty()) set_num_threads(std::max(1, num_cores() / world.local_size()));
}

std::string own_device(World& world, const std::string& device) {
  const int count = world.ranks().alone() ? 0 : cuda_device_count();
  if (count == 0 || (device != "auto" && device != "cuda")) return device;
  return fmt::format("cuda:{}", world.local_rank() % count);
}

void check_devices(Communicator& ranks, Device device) {
  std::vector<double> gpus(static_cast<size_t>(ranks.size()));  // 0: the CPU
  double& own = gpus[static_cast<size_t>(ranks.rank())];
  if (device.is_cuda()) own = 1 + static_cast<double>(std::hash<std::string>{}(cuda::device_id(device.index)) >> 12);
  ranks.add(gpus);
  for (size_t r = 1; r < gpus.size(); ++r) {
    EBM_CHECK((gpus[r] == 0) == (gpus[0] == 0), "--device", fmt::format("a GPU for one of ranks 0 and {} alone", r),
              "--device cpu for all processes, or a GPU for each");
    const auto first = std::find(gpus.begin(), gpus.end(), gpus[r]) - gpus.begin();
    EBM_CHECK(gpus[r] == 0 || static_cast<size_t>(first) == r, "--device",
              fmt::format("one GPU for ranks {} and {}", first, r),
              "a GPU for each process: fewer processes a machine, or --device cpu");
  }
}

int run_in_world(const std::function<int(World&)>& body) {
  std::unique_ptr<World> world;
  try {
    world = std::make_unique<World>();
  } catch (const Error& e) {
    return fail(e.message());
  }
  const Communicator& ranks = world->ranks();
  if (!ranks.alone()) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    tell_rank_in_errors(fmt::format("rank {} of {} ({})", ranks.rank(), ranks.size(), host.data()), ranks.rank() == 0);
  }
  const int code = body(*world);
  if (!ranks.alone() && code == kFailed) end_now(code);  // MPI's own end waits for all
  return code;
}

void broadcast(Communicator& ranks, std::string& x) {
  std::array<char, 4096> text{};
  std::copy_n(x.begin(), std::min(x.size(), text.size() - 1), text.begin());
  ranks.broadcast(std::as_writable_bytes(std::span(text)));
  x = text.data();
}

}  // namespace ebm
