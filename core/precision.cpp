#include "core/precision.h"

#include <atomic>

#include "core/check.h"

namespace ebm {
namespace {
std::atomic<Precision> current{Precision::fp32};
}

Precision precision() { return current; }
void set_precision(Precision precision) { current = precision; }

Precision parse_precision(const std::string& text) {
  if (text == "fp32") return Precision::fp32;
  if (text == "tf32") return Precision::tf32;
  EBM_FAIL("precision", "\"" + text + "\"", "fp32 or tf32");
}

}  // namespace ebm
