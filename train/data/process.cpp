#include "train/data/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/check.h"

extern char** environ;

namespace ebm {
namespace {

constexpr size_t kKeptOutput = 4096;
constexpr int kNotFound = 127;

// Everything that a child prints until it closes its end; the last kKeptOutput bytes are kept.
std::string read_to_end(int descriptor) {
  std::string output;
  std::array<char, 4096> chunk;
  while (true) {
    const ssize_t got = ::read(descriptor, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return output;
    output.append(chunk.data(), static_cast<size_t>(got));
    if (output.size() > kKeptOutput) output.erase(0, output.size() - kKeptOutput);
  }
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, const std::filesystem::path& folder) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  int pipe_ends[2];
  EBM_CHECK(::pipe2(pipe_ends, O_CLOEXEC) == 0, "run_process",
            fmt::format("{}: {}", arguments[0], std::strerror(errno)), "a free pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  pid_t child = 0;
  const int status = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[1]);
  if (status != 0) {
    ::close(pipe_ends[0]);
    EBM_CHECK(status == ENOENT || status == EACCES, "run_process",
              fmt::format("{}: {}", arguments[0], std::strerror(status)), "a program that starts");
    return {kNotFound, arguments[0] + " is not installed"};
  }
  ProcessResult result;
  result.output = read_to_end(pipe_ends[0]);
  ::close(pipe_ends[0]);
  int wait_status = 0;
  while (::waitpid(child, &wait_status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
  return result;
}

}  // namespace ebm
