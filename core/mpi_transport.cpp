#include "core/mpi_transport.h"

#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "core/check.h"
#include "core/deadline.h"
#include "core/mpi_table.h"
#include "core/parse_number.h"

namespace ebm {
namespace {

constexpr char kOp[] = "mpi";
constexpr char kModule[] = "ebm_mpi.so";

// Open MPI, Slurm with its own or MPICH's start-up, MPICH.
constexpr const char* kSizes[] = {"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "PMI_SIZE"};

// Tags: what is exchanged, and that a rank waits.
constexpr int kData = 1, kWaiting = 2;
constexpr double kAnswerSeconds = 1;
constexpr double kStartSeconds = 60;  // of MPI's start, and of its end

std::string too_long(const char* what) {
  return Error(kOp, std::string("no ") + what + " of MPI for " + std::to_string(static_cast<int>(kStartSeconds)) + " s",
               "all processes of the job to come")
      .message()
      .insert(0, "error: ");
}

struct Message {
  void* handle;
  int with;
};

// Until all are over, when it is true, or the time is; those that are over leave the list.
bool wait(const EbmMpiTable& mpi, std::vector<Message>& open, double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (true) {
    std::erase_if(open, [&](const Message& message) { return mpi.done(message.handle) != 0; });
    if (open.empty()) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    ::sched_yield();  // there may be more processes than cores
  }
}

// Beside the program, which is where the build and the installation put it, then where the loader looks.
void* open_module() {
  std::error_code ignored;
  const std::filesystem::path beside = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / kModule;
  std::string reasons;
  for (const std::string& name : {beside.string(), std::string(kModule)}) {
    if (void* module = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL)) return module;  // MPI loads parts of itself
    const char* reason = dlerror();
    reasons += (reasons.empty() ? "" : "; ") + std::string(reason ? reason : "no module");
  }
  EBM_FAIL(kOp, reasons, "a build that found MPI: apt-get install libopenmpi-dev openmpi-bin, then build again");
}

}  // namespace

std::optional<Launched> launched() {
  for (const char* variable : kSizes) {
    const char* text = std::getenv(variable);
    if (text == nullptr) continue;
    const std::optional<int> size = parse_number<int>(text);
    EBM_CHECK(size && *size > 0, variable, std::string("\"") + text + "\"", "a number of processes");
    return Launched{variable, *size};
  }
  return std::nullopt;
}

std::unique_ptr<MpiTransport> MpiTransport::start(const Launched& by) {
  void* const module = open_module();  // stays open until the process ends
  const auto get = reinterpret_cast<const EbmMpiTable* (*)()>(dlsym(module, "ebm_mpi_table"));
  EBM_CHECK(get != nullptr && get()->version == EBM_MPI_TABLE_VERSION, kOp, std::string(kModule) + " of another build",
            "the one that was built with this program");
  std::unique_ptr<MpiTransport> transport(new MpiTransport(*get()));
  EBM_CHECK(
      transport->size() == by.size, kOp,
      by.by + "=" + std::to_string(by.size) + ", but MPI sees " + std::to_string(transport->size()) + " processes",
      "a launcher of " + transport->library() + ", which this program was built with");
  return transport;
}

// MPI itself waits for ever where a process does not come.
MpiTransport::MpiTransport(const EbmMpiTable& mpi) : mpi_(mpi) {
  const Deadline deadline(kStartSeconds, too_long("start"));
  mpi_.start(&rank_, &size_, &local_rank_, &local_size_);
}

MpiTransport::~MpiTransport() {
  const Deadline deadline(kStartSeconds, too_long("end"));
  mpi_.finish();
}

std::string MpiTransport::library() const { return mpi_.library(); }

void MpiTransport::exchange(std::span<const std::span<const std::byte>> send,
                            std::span<const std::span<std::byte>> receive, double seconds) {
  std::vector<Message> open;
  for (int r = 0; r < size_; ++r) {
    const std::span<const std::byte> out = send[static_cast<size_t>(r)];
    const std::span<std::byte> in = receive[static_cast<size_t>(r)];
    if (r == rank_) {
      std::copy(out.begin(), out.end(), in.begin());
      continue;
    }
    if (!in.empty()) open.push_back({mpi_.receive(in.data(), in.size(), r, kData), r});
    if (!out.empty()) open.push_back({mpi_.send(out.data(), out.size(), r, kData), r});
  }
  if (wait(mpi_, open, seconds)) return;
  std::vector<int> missing;  // that gave nothing, or did not take what was given
  for (const Message& message : open)
    if (missing.empty() || missing.back() != message.with) missing.push_back(message.with);
  std::string names;
  for (const int r : silent(missing)) names += (names.empty() ? "" : ", ") + std::to_string(r);
  EBM_FAIL(kOp, "nothing from rank " + names,
           "all " + std::to_string(size_) + " ranks within " + std::to_string(static_cast<int>(seconds)) + " s");
}

// A rank that waits for one which does not come keeps others waiting in its turn, and is not to blame. All of them give up
// at about the same time, and tell each other so.
std::vector<int> MpiTransport::silent(const std::vector<int>& missing) {
  static const char kHere = 1;
  answers_.resize(static_cast<size_t>(size_));
  std::vector<Message> open;
  for (int r = 0; r < size_; ++r) {
    if (r == rank_) continue;
    mpi_.send(&kHere, 1, r, kWaiting);
    open.push_back({mpi_.receive(&answers_[static_cast<size_t>(r)], 1, r, kWaiting), r});
  }
  wait(mpi_, open, kAnswerSeconds);
  std::vector<int> silent;
  for (const int r : missing)
    if (std::any_of(open.begin(), open.end(), [&](const Message& message) { return message.with == r; }))
      silent.push_back(r);
  return silent.empty() ? missing : silent;
}

}  // namespace ebm
