// The device that the tests run on: EBM_TEST_DEVICE=cuda reruns the suite on a GPU.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "core/check.h"
#include "core/device.h"

namespace ebm {

// Ends the program where there is no such device: it is asked for before the first test begins.
inline Device test_device() {
  const char* name = std::getenv("EBM_TEST_DEVICE");
  try {
    return parse_device(name ? name : "cpu");
  } catch (const Error& e) {
    std::fprintf(stderr, "EBM_TEST_DEVICE: %s\n", e.what());
    std::exit(1);
  }
}

}  // namespace ebm
