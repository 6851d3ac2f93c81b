#include "core/deterministic.h"

#include <atomic>

namespace ebm {
namespace {
std::atomic<bool> wanted{false};
}

bool deterministic() { return wanted; }
void set_deterministic(bool on) { wanted = on; }

}  // namespace ebm
