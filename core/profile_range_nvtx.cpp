#include <nvtx3/nvToolsExt.h>

#include "core/profile_range.h"

namespace ebm {

ProfileRange::ProfileRange(const char* name) { nvtxRangePushA(name); }
ProfileRange::~ProfileRange() { nvtxRangePop(); }

void ProfileRange::next(const char* name) {
  nvtxRangePop();
  nvtxRangePushA(name);
}

}  // namespace ebm
