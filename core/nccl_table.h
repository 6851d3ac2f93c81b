// What core/nccl_runtime.cpp calls of NCCL 2, in declarations of our own: a CUDA toolkit may have no nccl.h. Where it has
// one, tests/core/nccl_test.cpp compares the two.
#pragma once

#include <cstddef>

namespace ebm {

struct NcclId {  // ncclUniqueId
  char bytes[128];
};

inline constexpr int kNcclSuccess = 0, kNcclInProgress = 7;  // ncclResult_t
inline constexpr int kNcclFloat = 7, kNcclDouble = 8;        // ncclDataType_t
inline constexpr int kNcclSum = 0;                           // ncclRedOp_t

// Communicators and streams are pointers; enumerations are passed as int.
struct NcclTable {
  int (*get_version)(int* version);
  int (*get_unique_id)(NcclId* id);
  int (*comm_init_rank)(void** comm, int size, NcclId id, int rank);
  int (*comm_destroy)(void* comm);
  int (*comm_get_async_error)(void* comm, int* error);
  int (*all_reduce)(const void* from, void* to, size_t count, int type, int op, void* comm, void* stream);
  const char* (*get_error_string)(int result);
  const char* (*get_last_error)(void* comm);
};

}  // namespace ebm
