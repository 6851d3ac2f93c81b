// The functions of cuBLASLt that are used here, found at run time: linking the library would cost every
// process of the program, also those that never see a GPU, 0.1 s and 200 MB (third_party/EbmCuda.cmake).
#pragma once

#include <cublasLt.h>

namespace ebm::cuda {

struct CublasLt {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtGetStatusString) status_string;
  decltype(&cublasLtGetVersion) version;
  decltype(&cublasLtMatmul) matmul;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulDescCreate) operation_create;
  decltype(&cublasLtMatmulDescSetAttribute) operation_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
};

// Opens the library at the first call. Throws Error if it or one of the functions is not there.
const CublasLt& cublaslt();

}  // namespace ebm::cuda
