// Matrix products on the GPU by cuBLASLt. The library's heuristic is asked once per shape, for several algorithms:
// one that it names may refuse to run.
#include <cuda_runtime_api.h>

#include <array>
#include <bit>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/cuda.h"
#include "core/device_calls.h"
#include "core/precision.h"
#include "kernels/cublaslt_cuda.h"
#include "kernels/linear.h"

namespace ebm::cuda {
namespace {

constexpr size_t kWorkspaceLimit = size_t{32} << 20;  // what NVIDIA advises for its newest GPUs
constexpr int kMostAlgorithms = 8;                    // asked for

void check(cublasStatus_t status, const std::string& call) {
  EBM_CHECK(status == CUBLAS_STATUS_SUCCESS, call, cublaslt().status_string(status), "success");
}

struct Problem {
  int device;
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  Precision precision;
  cudaDataType_t operands;            // of a and b
  std::array<uint32_t, 3> alignment;  // of a, b, c in bytes: views into a parameter buffer start anywhere
  auto operator<=>(const Problem&) const = default;
};

struct Algorithm {
  cublasLtMatmulDesc_t operation;
  cublasLtMatmulAlgo_t algorithm;
  size_t workspace;
};

// Descriptors and algorithms of one problem; kept, like the library, until the process ends.
struct Plan {
  cublasLtMatrixLayout_t a, b, c;
  std::vector<Algorithm> algorithms;  // best first
  size_t chosen = 0;                  // moves on when an algorithm turns out not to run
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
  check(cublaslt().operation_set(operation, attribute, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute");
}

template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, T value) {
  check(cublaslt().preference_set(preference, attribute, &value, sizeof(value)),
        "cublasLtMatmulPreferenceSetAttribute");
}

// What the heuristic names for a problem in this arithmetic, in its order; none where it has none.
void add_algorithms(const Problem& p, cublasComputeType_t compute, cublasLtMatmulPreference_t preference, Plan& plan) {
  const CublasLt& lt = cublaslt();
  cublasLtMatmulDesc_t operation;
  check(lt.operation_create(&operation, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
  set(operation, CUBLASLT_MATMUL_DESC_TRANSA, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(operation, CUBLASLT_MATMUL_DESC_TRANSB, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> results;
  int found = 0;
  const cublasStatus_t status = lt.heuristic(handle(p.device), operation, plan.b, plan.a, plan.c, plan.c, preference,
                                             kMostAlgorithms, results.data(), &found);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return;
  if (status != CUBLAS_STATUS_SUCCESS) check(status, of_problem("cublasLtMatmulAlgoGetHeuristic", p));
  for (int i = 0; i < found; ++i)
    if (results[i].state == CUBLAS_STATUS_SUCCESS && results[i].workspaceSize <= kWorkspaceLimit)
      plan.algorithms.push_back({operation, results[i].algo, results[i].workspaceSize});
}

// cuBLASLt counts by columns. Row-major C (m,n) read by columns is Cᵀ (n,m) = op(B)ᵀ op(A)ᵀ, and B and A
// are their own transposes in the same way: so the operands change places and nothing is moved.
Plan make_plan(const Problem& p) {
  const CublasLt& lt = cublaslt();
  Plan plan{};
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
  if (p.operands == CUDA_R_32F && p.precision == Precision::bf16)
    add_algorithms(p, CUBLAS_COMPUTE_32F_FAST_16BF, preference, plan);
  if (p.operands == CUDA_R_32F && p.precision == Precision::tf32)
    add_algorithms(p, CUBLAS_COMPUTE_32F_FAST_TF32, preference, plan);
  // Tensor cores may have nothing for odd sizes, or for factors that begin anywhere in a parameter buffer: then in
  // fp32, which is more exact than what was asked for.
  add_algorithms(p, CUBLAS_COMPUTE_32F, preference, plan);
  lt.preference_destroy(preference);
  return plan;
}

struct Session {
  std::unique_lock<std::mutex> lock;  // held while the plan is in use
  cublasLtHandle_t handle;
  Plan& plan;
};

Session open_session(const Problem& problem) {
  static std::mutex mutex;
  static auto* plans = new std::map<Problem, Plan>;
  std::unique_lock lock(mutex);
  const cublasLtHandle_t lt_handle = handle(problem.device);
  auto found = plans->find(problem);
  if (found == plans->end()) found = plans->emplace(problem, make_plan(problem)).first;
  return {std::move(lock), lt_handle, found->second};
}

void multiply(const Problem& problem, const void* a, const void* b, float beta, float* c) {
  const Device device{DeviceType::cuda, problem.device};
  const auto compute_stream = static_cast<cudaStream_t>(stream(device.index));
  const Session session = open_session(problem);
  Plan& plan = session.plan;
  const float alpha = 1.0f;
  for (; plan.chosen < plan.algorithms.size(); ++plan.chosen) {
    const Algorithm& with = plan.algorithms[plan.chosen];
    Tensor workspace;  // may be handed out again at once: whoever gets it works in the same stream
    if (with.workspace > 0)
      workspace = Tensor::empty({static_cast<int64_t>(with.workspace / sizeof(float)) + 1}, device);
    const cublasStatus_t status = cublaslt().matmul(
        session.handle, with.operation, &alpha, b, plan.b, a, plan.a, &beta, c, plan.c, c, plan.c, &with.algorithm,
        with.workspace > 0 ? workspace.mutable_data() : nullptr, with.workspace, compute_stream);
    if (status == CUBLAS_STATUS_SUCCESS) return count_device_call();
    if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, of_problem("cublasLtMatmul", problem));
  }
  EBM_FAIL(of_problem("cublasLtMatmul", problem),
           std::to_string(plan.algorithms.size()) + " algorithms, none of which runs, in " + name(problem.precision),
           "one that runs");
}

}  // namespace

void gemm(Device device, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          const float* b, float beta, float* c) {
  if (m == 0 || n == 0) return;
  EBM_CHECK(k > 0, "gemm", "an inner extent of 0", "1 or more");
  multiply({device.index,
            transpose_a,
            transpose_b,
            m,
            n,
            k,
            precision(),
            CUDA_R_32F,
            {alignment_of(a), alignment_of(b), alignment_of(c)}},
           a, b, beta, c);
}

void product_of_bf16(Device device, int64_t n, const void* a, const void* b, float* c) {
  multiply({device.index,
            false,
            false,
            n,
            n,
            n,
            Precision::bf16,
            CUDA_R_16BF,
            {alignment_of(a), alignment_of(b), alignment_of(c)}},
           a, b, 0.0f, c);
}

}  // namespace ebm::cuda
