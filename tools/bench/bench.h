// `ebm bench`: how fast this machine runs the engine's parts.
#pragma once

#include <CLI/App.hpp>

namespace ebm {

// Adds the subcommand with its flags; it runs as the subcommand's callback and throws Error.
void add_bench_command(CLI::App& app);

}  // namespace ebm
