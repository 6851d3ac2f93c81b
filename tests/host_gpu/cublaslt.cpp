// cuBLASLt's matrix products, as far as kernels/linear_cuda.cpp calls them, on the host.
#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "convolution.h"
#include "device.h"
#include "streams.h"

namespace host_gpu {
namespace {

constexpr size_t kWorkspace = 4096;

struct Layout {  // by columns
  cudaDataType type;
  uint64_t rows, columns, leading;
  size_t bytes() const { return leading * columns * (type == CUDA_R_16BF ? 2 : 4); }
};
struct Operation {
  cublasComputeType_t compute;
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
  int bits() const {
    return compute == CUBLAS_COMPUTE_32F_FAST_16BF ? kBf16 : compute == CUBLAS_COMPUTE_32F_FAST_TF32 ? kTf32 : kFp32;
  }
};

// How the operands are aligned, in bytes; without a word, as cudaMalloc does it.
struct Promise {
  uint32_t a = 256, b = 256, c = 256, d = 256;
};

// What an algorithm consists of here. The heuristic names three: one that refuses to run, one that it says itself
// is not supported, and one that runs and relies on the promise.
struct Algorithm {
  Promise promised;
  bool refuses;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));
constexpr int kAlgorithms = 3;

// The reduced modes want factors aligned to 16 bytes and rows of even length: that cuBLASLt may refuse others, and
// the two ways of saying so, are assumed.
bool is_reduced(const Operation& o) { return o.bits() != kFp32; }
bool is_odd(const Layout& l) { return l.rows % 2 != 0 || l.columns % 2 != 0; }

bool is_aligned(const void* pointer, uint32_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

// op(matrix) as rows of op's inner extent, or of its outer one.
Numbers rows_of(const void* matrix, const Layout& l, bool columns_become_rows, int bits) {
  const char* const from = checked_view(matrix, l.bytes(), "a factor of a product");
  const auto number = [&](uint64_t i) {
    if (l.type == CUDA_R_16BF) return std::bit_cast<float>(uint32_t{reinterpret_cast<const uint16_t*>(from)[i]} << 16);
    return reinterpret_cast<const float*>(from)[i];
  };
  Numbers to(l.rows * l.columns);
  for (uint64_t j = 0; j < l.columns; ++j)
    for (uint64_t i = 0; i < l.rows; ++i)
      to[columns_become_rows ? j * l.rows + i : i * l.columns + j] = round_to(bits, number(j * l.leading + i));
  return to;
}

}  // namespace
}  // namespace host_gpu

using namespace host_gpu;

extern "C" {

size_t cublasLtGetVersion() { return CUBLAS_VERSION; }

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  static int any;
  *handle = reinterpret_cast<cublasLtHandle_t>(&any);
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "success" : "refused by the host's cuBLASLt";
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t leading) {
  if (type != CUDA_R_32F && type != CUDA_R_16BF) return CUBLAS_STATUS_NOT_SUPPORTED;
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{type, rows, columns, static_cast<uint64_t>(leading)});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation, cublasComputeType_t compute, cudaDataType) {
  *operation = reinterpret_cast<cublasLtMatmulDesc_t>(new Operation{compute});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t name,
                                              const void* value, size_t bytes) {
  auto* const o = reinterpret_cast<Operation*>(operation);
  if (bytes != sizeof(cublasOperation_t)) return CUBLAS_STATUS_INVALID_VALUE;
  if (name == CUBLASLT_MATMUL_DESC_TRANSA)
    std::memcpy(&o->a, value, bytes);
  else if (name == CUBLASLT_MATMUL_DESC_TRANSB)
    std::memcpy(&o->b, value, bytes);
  else
    return CUBLAS_STATUS_NOT_SUPPORTED;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(new Promise);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete reinterpret_cast<Promise*>(preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t name, const void* value,
                                                    size_t) {
  auto* const promise = reinterpret_cast<Promise*>(preference);
  switch (name) {
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: std::memcpy(&promise->a, value, 4); break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: std::memcpy(&promise->b, value, 4); break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: std::memcpy(&promise->c, value, 4); break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: std::memcpy(&promise->d, value, 4); break;
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: break;
    default: return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t preference, int most,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  const Operation& o = *reinterpret_cast<Operation*>(operation);
  const Promise& promise = *reinterpret_cast<Promise*>(preference);
  *found = 0;
  if (is_reduced(o) && (promise.a < 16 || promise.b < 16)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (is_reduced(o) && (is_odd(*reinterpret_cast<Layout*>(a)) || is_odd(*reinterpret_cast<Layout*>(b))))
    return CUBLAS_STATUS_SUCCESS;  // and names none
  for (; *found < std::min(most, kAlgorithms); ++*found) {
    cublasLtMatmulHeuristicResult_t& result = results[*found] = {};
    const Algorithm algorithm{promise, *found == 0};
    std::memcpy(&result.algo, &algorithm, sizeof algorithm);
    result.workspaceSize = kWorkspace;
    result.state = *found == 1 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              size_t workspace_bytes, cudaStream_t stream) {
  const Operation o = *reinterpret_cast<Operation*>(operation);
  const Layout la = *reinterpret_cast<Layout*>(a_layout), lb = *reinterpret_cast<Layout*>(b_layout),
               ld = *reinterpret_cast<Layout*>(d_layout);
  const bool plain_a = o.a == CUBLAS_OP_N, plain_b = o.b == CUBLAS_OP_N;
  const uint64_t m = plain_a ? la.rows : la.columns, k = plain_a ? la.columns : la.rows;
  const uint64_t n = plain_b ? lb.columns : lb.rows;
  if (k != (plain_b ? lb.rows : lb.columns) || ld.rows != m || ld.columns != n || ld.type != CUDA_R_32F)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (c != d || workspace_bytes < kWorkspace) return CUBLAS_STATUS_INVALID_VALUE;
  Algorithm with;
  std::memcpy(static_cast<void*>(&with), algorithm, sizeof with);
  if (with.refuses) return CUBLAS_STATUS_NOT_SUPPORTED;
  const Promise& promised = with.promised;
  if (!is_aligned(a, promised.a) || !is_aligned(b, promised.b) || !is_aligned(c, promised.c) ||
      !is_aligned(d, promised.d))
    fail("a product's operand is less aligned than promised");
  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  enqueue_kernel(stream, [=] {
    std::memset(checked_view(workspace, workspace_bytes, "a product's workspace"), 0x7f, workspace_bytes);
    const Numbers left = rows_of(a, la, !plain_a, o.bits()), right = rows_of(b, lb, plain_b, o.bits());
    auto* const out = reinterpret_cast<float*>(checked_view(d, ld.bytes(), "a product"));
#pragma omp parallel for if (m * n * k > 100000)
    for (uint64_t j = 0; j < n; ++j)
      for (uint64_t i = 0; i < m; ++i) {
        float& v = out[j * ld.leading + i];
        v = scale * dot(&left[i * k], &right[j * k], k) + (keep == 0 ? 0 : keep * v);
      }
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
