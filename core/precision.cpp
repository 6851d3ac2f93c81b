#include "core/precision.h"

#include <atomic>

#include "core/check.h"

namespace ebm {
namespace {
std::atomic<Precision> current{Precision::fp32}, of_chains{Precision::fp32};
}

Precision precision() { return current; }
void set_precision(Precision precision) { current = precision, of_chains = precision; }
Precision chain_precision() { return of_chains; }
void set_chain_precision(Precision precision) { of_chains = precision; }
Precision energy_precision() { return current == Precision::bf16 ? Precision::tf32 : current.load(); }

Precision default_precision(Device device) { return device.is_cuda() ? Precision::tf32 : Precision::fp32; }

Precision parse_precision(const std::string& text) {
  if (text == "fp32") return Precision::fp32;
  if (text == "tf32") return Precision::tf32;
  if (text == "bf16") return Precision::bf16;
  EBM_FAIL("precision", "\"" + text + "\"", "auto, fp32, tf32, bf16 or bf16-chains");
}

const char* name(Precision precision) {
  switch (precision) {
    case Precision::fp32: return "fp32";
    case Precision::tf32: return "tf32";
    case Precision::bf16: return "bf16";
  }
  return "";
}

}  // namespace ebm
