#include "kernels/cublaslt_cuda.h"

#include <doctest/doctest.h>

#include <string>

namespace ebm::cuda {

TEST_CASE("cuBLASLt is found at run time, with every function that is used") {
  const CublasLt& lt = cublaslt();
  CHECK(std::string(lt.status_string(CUBLAS_STATUS_SUCCESS)) == "success");
  cublasLtMatmulDesc_t operation = nullptr;  // descriptors need no GPU
  CHECK(lt.operation_create(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS);
  const cublasOperation_t transpose = CUBLAS_OP_T;
  CHECK(lt.operation_set(operation, CUBLASLT_MATMUL_DESC_TRANSA, &transpose, sizeof(transpose)) ==
        CUBLAS_STATUS_SUCCESS);
}

}  // namespace ebm::cuda
