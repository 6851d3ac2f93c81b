#include "tools/terminal.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <sstream>

#include "tests/tools/program.h"

using namespace ebm;
using namespace ebm::test;

TEST_CASE("texts are broken between words, and go on under where they began") {
  CHECK(wrapped("one two three", 0, 100) == "one two three");
  CHECK(wrapped("one two three", 2, 9) == "one two\n  three");
  CHECK(wrapped("one\n  two three", 0, 7) == "one\n  two\n  three");
  CHECK(wrapped("a-word-too-long for it", 0, 6) == "a-word-too-long\nfor it");
  CHECK(wrapped("", 4, 10) == "");
}

TEST_CASE("--help is as wide as the terminal") {
  const TemporaryFolder folder;
  for (const size_t width : {60, 120}) {
    for (const std::string command : {"--help", "sample --help", "evaluate --help", "train --help"}) {
      const std::string line = fmt::format("COLUMNS={} '{}' {}", width, EBM_PROGRAM, command);
      const Outcome outcome = Program("/bin/sh", {"-c", line}, folder.path()).wait();
      REQUIRE(outcome.code == 0);
      std::istringstream lines(outcome.out);
      size_t longest = 0;
      for (std::string text; std::getline(lines, text);) {
        size_t characters = 0;
        for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
        const bool is_name = text.starts_with("  --") || text.starts_with("  -");  // a flag with its type is not broken
        if (!is_name) longest = std::max(longest, characters);
      }
      CHECK_MESSAGE(longest <= width, line);
      CHECK_MESSAGE(longest > width / 2, line);
    }
  }
}

TEST_CASE("on a terminal the bar gives way to what is told, and the run ends with one short line") {
  const TemporaryFolder folder;
  std::string line = std::string("stty cols 80; '") + EBM_TRAIN_PROGRAM + "'";
  for (const std::string& word : tiny({"synthetic", "--iterations", "6", "--out", "run"})) line += " " + word;
  const Outcome outcome = Program("/usr/bin/script", {"-qec", line, "/dev/null"}, folder.path()).wait();
  REQUIRE_MESSAGE(outcome.code == 0, outcome.out);
  const size_t bar = outcome.out.rfind("] iteration 6/6");
  REQUIRE(bar != std::string::npos);
  const std::string rest = outcome.out.substr(bar);
  CHECK(contains(rest, "\r\x1b[Kdone: 6 iterations of synthetic"));  // in the bar's place
  CHECK(rest.ends_with("/run/report.html\r\n"));
  CHECK(!contains(rest, "ETA"));
}
