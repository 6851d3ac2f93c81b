// A profiler for tests: loaded by NVTX where NVTX_INJECTION64_PATH names it, it writes each range to stderr
// as "nvtx push NAME" and "nvtx pop".
#include <nvtx3/nvToolsExt.h>

#include <cstdio>

namespace {

int NVTX_API push(const char* name) {
  std::fprintf(stderr, "nvtx push %s\n", name);
  return 0;
}

int NVTX_API pop() {
  std::fputs("nvtx pop\n", stderr);
  return 0;
}

}  // namespace

// NVTX calls this before the program's first range; 1: ranges may be sent.
extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned int size = 0;
  if (!callbacks || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size)) return 0;
  if (size <= NVTX_CBID_CORE_RangePop) return 0;
  *table[NVTX_CBID_CORE_RangePushA] = reinterpret_cast<NvtxFunctionPointer>(push);
  *table[NVTX_CBID_CORE_RangePop] = reinterpret_cast<NvtxFunctionPointer>(pop);
  return 1;
}
