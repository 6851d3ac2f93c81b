// Starts the real programs, as a shell would, and looks at what they do.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/train/fixtures.h"

namespace ebm::test {

struct Outcome {
  int code = -1;  // exit code; 128 + n when signal n ended it
  std::string out, err;

  // Exit code 1 and one line that begins with "error: " and holds `part`; nothing else on stderr.
  bool is_error_with(const std::string& part) const {
    return code == 1 && err.starts_with("error: ") && err.find('\n') == err.size() - 1 && contains(err, part);
  }
};

class Program {
 public:
  // Works in `folder`. file_limit > 0: no file may grow beyond that many bytes, a stand-in for a
  // full disk.
  Program(const std::string& path, const std::vector<std::string>& arguments, const std::filesystem::path& folder,
          int64_t file_limit = 0) {
    std::vector<char*> argv{const_cast<char*>(path.c_str())};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const std::string out = output("out").string(), err = output("err").string();
    id_ = ::fork();
    if (id_ != 0) return;
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    if (file_limit > 0) {
      const rlimit limit{static_cast<rlim_t>(file_limit), static_cast<rlim_t>(file_limit)};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    // such small networks wait for each other's threads most of the time
    ::setenv("OMP_NUM_THREADS", "1", 1);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ~Program() {
    if (!ended_) signal(SIGKILL), wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) { ::kill(id_, number); }
  Outcome wait() {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    ended_ = true;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), get(output("out")), get(output("err"))};
  }

 private:
  std::filesystem::path output(const std::string& name) const { return outputs_ / name; }

  TemporaryFolder outputs_;
  pid_t id_ = -1;
  bool ended_ = false;
};

// The smallest networks and chains, and the same bits each time.
inline std::vector<std::string> tiny(std::vector<std::string> arguments) {
  for (const char* word : {"--device", "cpu", "--deterministic", "--width", "4", "--generator-width", "16",
                           "--encoder-width", "8", "--latent", "8", "--batch", "8", "--chains", "8", "--steps", "3"})
    arguments.push_back(word);
  return arguments;
}

// Waits for a condition; false when it does not come true within a minute.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace ebm::test
