// The layers of a method's networks as JSON, for programs that compute them elsewhere (tools/scripts/open_run.py).
#pragma once

#include <string>

#include "train/parts.h"

namespace ebm {

// {"energy": {"input": [1, 28, 28, 1], "layers": [{"kind": "conv", "name": "conv1", "kernel": 5, …}, …]}, …}: of each
// learner that is a list of layers. docs/manual.md has the keys.
std::string networks_json(const Parts& parts);

}  // namespace ebm
