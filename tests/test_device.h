// The device that the tests run on: EBM_TEST_DEVICE=cuda reruns the suite on a GPU.
#pragma once

#include <cstdlib>

#include "core/device.h"

namespace ebm {

inline Device test_device() {
  const char* name = std::getenv("EBM_TEST_DEVICE");
  return parse_device(name ? name : "cpu");
}

}  // namespace ebm
