// Sums between GPUs in a build without CUDA, which finds no GPU.
#include "core/nccl.h"

namespace ebm {
namespace {

[[noreturn]] void absent() { EBM_FAIL("nccl", "a sum between GPUs", "a build with CUDA (this one has none)"); }

}  // namespace

NcclId NcclCommunicator::new_id() { absent(); }
NcclCommunicator::NcclCommunicator(const NcclId&, int, int, Device device, double seconds,
                                   std::function<void(const Error&)>)
    : device_(device), seconds_(seconds) {
  absent();
}
NcclCommunicator::~NcclCommunicator() = default;
void NcclCommunicator::sum(float*, int64_t) { absent(); }
void NcclCommunicator::sum(double*, int64_t) { absent(); }
int64_t NcclCommunicator::begin_sum(float*, int64_t) { absent(); }
void NcclCommunicator::join(int64_t) { absent(); }

}  // namespace ebm
