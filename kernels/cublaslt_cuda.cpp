#include "kernels/cublaslt_cuda.h"

#include <dlfcn.h>

#include "core/check.h"

namespace ebm::cuda {
namespace {

std::string load_error() {
  const char* text = dlerror();
  return text ? text : "no reason given";
}

void* open_library() {
  // By name first, as the loader would (LD_LIBRARY_PATH, system folders); then where CMake saw it.
  for (const char* name : {EBM_CUBLASLT_SONAME, EBM_CUBLASLT_LIBRARY}) {
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  }
  EBM_FAIL("cublasLt", load_error(), EBM_CUBLASLT_SONAME " in LD_LIBRARY_PATH or a system folder");
}

template <class F>
void find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  EBM_CHECK(function, "cublasLt", load_error(), name);
}

CublasLt load() {
  void* library = open_library();  // stays open until the process ends
  CublasLt lt;
  find(library, "cublasLtCreate", lt.create);
  find(library, "cublasLtGetStatusString", lt.status_string);
  find(library, "cublasLtGetVersion", lt.version);
  find(library, "cublasLtMatmul", lt.matmul);
  find(library, "cublasLtMatmulAlgoGetHeuristic", lt.heuristic);
  find(library, "cublasLtMatmulDescCreate", lt.operation_create);
  find(library, "cublasLtMatmulDescSetAttribute", lt.operation_set);
  find(library, "cublasLtMatrixLayoutCreate", lt.layout_create);
  find(library, "cublasLtMatmulPreferenceCreate", lt.preference_create);
  find(library, "cublasLtMatmulPreferenceDestroy", lt.preference_destroy);
  find(library, "cublasLtMatmulPreferenceSetAttribute", lt.preference_set);
  return lt;
}

}  // namespace

const CublasLt& cublaslt() {
  static const CublasLt lt = load();
  return lt;
}

}  // namespace ebm::cuda
