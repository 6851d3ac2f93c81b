// Matrix products on the GPU by cuBLASLt. The library's heuristic is asked once per shape.
#include <cuda_runtime_api.h>

#include <array>
#include <bit>
#include <map>
#include <mutex>
#include <string>

#include "core/check.h"
#include "core/cuda.h"
#include "core/device_calls.h"
#include "core/precision.h"
#include "kernels/cublaslt_cuda.h"
#include "kernels/linear.h"

namespace ebm::cuda {
namespace {

constexpr size_t kWorkspaceLimit = size_t{32} << 20;  // what NVIDIA advises for its newest GPUs

void check(cublasStatus_t status, const std::string& call) {
  EBM_CHECK(status == CUBLAS_STATUS_SUCCESS, call, cublaslt().status_string(status), "success");
}

struct Problem {
  int device;
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  Precision precision;
  cudaDataType_t operands;              // of a and b
  std::array<uint32_t, 3> alignment;  // of a, b, c in bytes: views into a parameter buffer start anywhere
  auto operator<=>(const Problem&) const = default;
};

// Descriptors and algorithm of one problem; kept, like the library, until the process ends.
struct Plan {
  cublasLtMatmulDesc_t operation;
  cublasLtMatrixLayout_t a, b, c;
  cublasLtMatmulAlgo_t algorithm;
  size_t workspace;
};

// "cublasLtMatmul of (400, 100) and (100, 1024)"
std::string of_problem(const char* call, const Problem& p) {
  return std::string(call) + " of " + to_string(Shape{p.m, p.k}) + " and " + to_string(Shape{p.k, p.n});
}

uint32_t alignment_of(const void* pointer) {
  constexpr uint32_t kMost = 256;
  return uint32_t{1} << std::countr_zero(reinterpret_cast<uintptr_t>(pointer) | kMost);
}

cublasLtHandle_t handle(int device) {
  static std::map<int, cublasLtHandle_t> handles;  // guarded by the plan mutex
  cublasLtHandle_t& handle = handles[device];
  if (!handle) check(cublaslt().create(&handle), "cublasLtCreate");
  return handle;
}

cublasLtMatrixLayout_t column_major(int64_t rows, int64_t columns, cudaDataType_t type) {
  cublasLtMatrixLayout_t layout;
  check(cublaslt().layout_create(&layout, type, rows, columns, rows), "cublasLtMatrixLayoutCreate");
  return layout;
}

template <class T>
void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, T value) {
  check(cublaslt().operation_set(operation, attribute, &value, sizeof(value)),
        "cublasLtMatmulDescSetAttribute");
}

template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, T value) {
  check(cublaslt().preference_set(preference, attribute, &value, sizeof(value)),
        "cublasLtMatmulPreferenceSetAttribute");
}

// cuBLASLt counts by columns. Row-major C (m,n) read by columns is Cᵀ (n,m) = op(B)ᵀ op(A)ᵀ, and B and A
// are their own transposes in the same way: so the operands change places and nothing is moved.
Plan make_plan(const Problem& p) {
  const CublasLt& lt = cublaslt();
  Plan plan{};
  const auto compute = p.operands == CUDA_R_16BF      ? CUBLAS_COMPUTE_32F
                       : p.precision == Precision::bf16 ? CUBLAS_COMPUTE_32F_FAST_16BF
                       : p.precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                        : CUBLAS_COMPUTE_32F;
  check(lt.operation_create(&plan.operation, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  plan.b = p.transpose_b ? column_major(p.k, p.n, p.operands) : column_major(p.n, p.k, p.operands);
  plan.a = p.transpose_a ? column_major(p.m, p.k, p.operands) : column_major(p.k, p.m, p.operands);
  plan.c = column_major(p.n, p.m, CUDA_R_32F);

  cublasLtMatmulPreference_t preference;
  check(lt.preference_create(&preference), "cublasLtMatmulPreferenceCreate");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(kWorkspaceLimit));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, p.alignment[1]);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, p.alignment[0]);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, p.alignment[2]);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, p.alignment[2]);
  cublasLtMatmulHeuristicResult_t result;
  int found = 0;
  const cublasStatus_t status = lt.heuristic(handle(p.device), plan.operation, plan.b, plan.a, plan.c,
                                             plan.c, preference, 1, &result, &found);
  lt.preference_destroy(preference);
  constexpr const char* kCall = "cublasLtMatmulAlgoGetHeuristic";
  if (status != CUBLAS_STATUS_SUCCESS) check(status, of_problem(kCall, p));
  EBM_CHECK(found > 0, of_problem(kCall, p), "no algorithm", "one");
  plan.algorithm = result.algo;
  plan.workspace = result.workspaceSize;
  return plan;
}

const Plan& plan_for(const Problem& problem, cublasLtHandle_t& lt_handle) {
  static std::mutex mutex;
  static auto* plans = new std::map<Problem, Plan>;
  std::lock_guard lock(mutex);
  lt_handle = handle(problem.device);
  auto found = plans->find(problem);
  if (found == plans->end()) found = plans->emplace(problem, make_plan(problem)).first;
  return found->second;
}

void multiply(const Problem& problem, const void* a, const void* b, float beta, float* c) {
  const Device device{DeviceType::cuda, problem.device};
  const auto compute_stream = static_cast<cudaStream_t>(stream(device.index));
  cublasLtHandle_t lt_handle;
  const Plan& plan = plan_for(problem, lt_handle);
  Tensor workspace;  // may be handed out again at once: whoever gets it works in the same stream
  if (plan.workspace > 0)
    workspace = Tensor::empty({static_cast<int64_t>(plan.workspace / sizeof(float)) + 1}, device);
  const float alpha = 1.0f;
  const cublasStatus_t status =
      cublaslt().matmul(lt_handle, plan.operation, &alpha, b, plan.b, a, plan.a, &beta, c, plan.c, c, plan.c,
                        &plan.algorithm, plan.workspace > 0 ? workspace.mutable_data() : nullptr, plan.workspace,
                        compute_stream);
  if (status != CUBLAS_STATUS_SUCCESS) check(status, of_problem("cublasLtMatmul", problem));
  count_device_call();
}

}  // namespace

void gemm(Device device, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
          const float* a, const float* b, float beta, float* c) {
  if (m == 0 || n == 0) return;
  EBM_CHECK(k > 0, "gemm", "an inner extent of 0", "1 or more");
  multiply({device.index, transpose_a, transpose_b, m, n, k, precision(), CUDA_R_32F,
            {alignment_of(a), alignment_of(b), alignment_of(c)}},
           a, b, beta, c);
}

void product_of_bf16(Device device, int64_t n, const void* a, const void* b, float* c) {
  multiply({device.index, false, false, n, n, n, Precision::bf16, CUDA_R_16BF,
            {alignment_of(a), alignment_of(b), alignment_of(c)}},
           a, b, 0.0f, c);
}

}  // namespace ebm::cuda
