#include "tools/world.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "core/mpi_transport.h"
#include "tools/command_line.h"

namespace ebm {

World::World() {
  const std::optional<Launched> by = launched();
  if (!by || by->size == 1) return;
  std::unique_ptr<MpiTransport> mpi = MpiTransport::start(*by);
  mpi_ = mpi.get();
  ranks_ = Communicator(std::move(mpi));
}

World::~World() = default;

int World::local_size() const { return mpi_ ? mpi_->local_size() : 1; }
int World::local_rank() const { return mpi_ ? mpi_->local_rank() : 0; }

bool World::is_one_of_several() {
  const std::optional<Launched> by = launched();
  return by && by->size > 1;
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
  if (!ranks.alone() && code == kFailed) {
    std::fflush(nullptr);
    ::_exit(code);  // MPI's own end waits for all
  }
  return code;
}

void broadcast(Communicator& ranks, std::string& x) {
  std::array<char, 4096> text{};
  std::copy_n(x.begin(), std::min(x.size(), text.size() - 1), text.begin());
  ranks.broadcast(std::as_writable_bytes(std::span(text)));
  x = text.data();
}

}  // namespace ebm
