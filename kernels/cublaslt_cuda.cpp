#include "kernels/cublaslt_cuda.h"

#include "core/shared_library.h"

namespace ebm::cuda {
namespace {

constexpr char kOp[] = "cublasLt";

CublasLt load() {
  void* const library = open_shared_library(kOp, {EBM_CUBLASLT_SONAME, EBM_CUBLASLT_LIBRARY},
                                            EBM_CUBLASLT_SONAME " in LD_LIBRARY_PATH or a system folder");
  const auto find = [&](const char* name, auto& function) { find_function(kOp, library, name, function); };
  CublasLt lt;
  find("cublasLtCreate", lt.create);
  find("cublasLtGetStatusString", lt.status_string);
  find("cublasLtGetVersion", lt.version);
  find("cublasLtMatmul", lt.matmul);
  find("cublasLtMatmulAlgoGetHeuristic", lt.heuristic);
  find("cublasLtMatmulDescCreate", lt.operation_create);
  find("cublasLtMatmulDescSetAttribute", lt.operation_set);
  find("cublasLtMatrixLayoutCreate", lt.layout_create);
  find("cublasLtMatmulPreferenceCreate", lt.preference_create);
  find("cublasLtMatmulPreferenceDestroy", lt.preference_destroy);
  find("cublasLtMatmulPreferenceSetAttribute", lt.preference_set);
  return lt;
}

}  // namespace

const CublasLt& cublaslt() {
  static const CublasLt lt = load();
  return lt;
}

}  // namespace ebm::cuda
