// What both programs' command lines share: one line for every error, with the nearest valid name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace ebm {

// Call first in main. OpenMP's threads spin for milliseconds when they wait, which slows a run where
// another program shares the cores (docs/performance.md). The OpenMP library reads its settings
// before main, so this starts the program anew with a shorter spin; a user's own OMP_WAIT_POLICY or
// GOMP_SPINCOUNT is left alone.
void limit_spinning(char** argv);

// Runs a program's body. Error, a bad command line, memory exhausted: one line "error: ..." on
// stderr and exit code 1. --help: 0. Returns main's exit code. A write to a full disk or past a
// size limit is an error like any other, not a signal.
int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

// Prints that line and returns kFailed.
inline constexpr int kFailed = 1;
int fail(const std::string& text);
// Of one of several processes: its name stands before the line, and all but the first one wait a moment with it. What all
// of them refuse is so told once, since the launcher ends the others when one has ended.
void tell_rank_in_errors(const std::string& name, bool first);

// The one of `names` with the fewest letters to change, if that is few enough to be meant; else "".
std::string nearest_name(const std::string& word, const std::vector<std::string>& names);
// `; did you mean "..."?` or "".
std::string suggestion(const std::string& word, const std::vector<std::string>& names);

}  // namespace ebm
