// `ebm bench`: how fast this machine runs the engine's parts.
#pragma once

#include <CLI/App.hpp>

namespace ebm {

class World;

// Adds the subcommand with its flags; it runs as the subcommand's callback and throws Error. Of several processes it is
// for --comm alone.
void add_bench_command(CLI::App& app, World& world);

}  // namespace ebm
