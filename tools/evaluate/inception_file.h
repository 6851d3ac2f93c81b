// The weights of the Inception network, which the user supplies: they are not ours to ship.
#pragma once

#include <filesystem>
#include <string>

#include "tools/evaluate/inception.h"

namespace ebm {

struct InceptionFile {
  Inception network;
  std::string fingerprint;  // first digits of the file's SHA-256: scores compare where it is the same
};

// Where the file is looked for: <root>/inception-2015-12-05.safetensors
std::filesystem::path inception_path(const std::filesystem::path& root);

// Throws Error, naming the file, when it holds no such network, and where there is none, how to get it.
InceptionFile load_inception(const std::filesystem::path& path, Device device);

}  // namespace ebm
