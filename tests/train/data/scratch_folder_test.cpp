#include "train/data/scratch_folder.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/train/fixtures.h"

using namespace ebm;
using namespace ebm::test;

namespace {

// The id of a process that is gone.
pid_t ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

}  // namespace

TEST_CASE("scratch_folder: ends with its owner, and removes what ended processes of its purpose left") {
  const TemporaryFolder folder;
  const std::string gone = std::to_string(ended_process()), alive = std::to_string(::getppid());
  const std::string abandoned = ".make-" + gone, in_use = ".make-" + alive, other = ".made-" + gone,
                    longer = ".make-" + gone + "-" + alive;
  for (const std::string& name : {abandoned, in_use, other, longer}) put(folder / name / "file", "x");
  {
    const ScratchFolder scratch(folder.path(), "make");
    CHECK(scratch.path() == folder / (".make-" + std::to_string(::getpid())));
    CHECK(std::filesystem::is_directory(scratch.path()));
    put(scratch.path() / "file", "x");
    CHECK(!std::filesystem::exists(folder / abandoned));
    for (const std::string& name : {in_use, other, longer}) CHECK_MESSAGE(get(folder / name / "file") == "x", name);
  }
  CHECK(folder.entries() == 3);
}
