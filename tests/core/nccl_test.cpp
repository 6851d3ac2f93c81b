#include "core/nccl_table.h"

#include <doctest/doctest.h>

#include <vector>

#include <type_traits>
#include <vector>

#include "core/communicator.h"
#include "core/shared_library.h"

#if __has_include(<nccl.h>)
#include <nccl.h>
#endif

namespace ebm {

#if __has_include(<nccl.h>)
namespace {

// Whether a caller of Ours passes what Theirs takes: as many arguments, each of its size, pointers for pointers.
template <class Ours, class Theirs>
constexpr bool kAlike = false;
template <class R, class... A, class S, class... B>
requires(sizeof...(A) == sizeof...(B)) constexpr bool kAlike<R (*)(A...), S (*)(B...)> =
    sizeof(R) == sizeof(S) && std::is_pointer_v<R> == std::is_pointer_v<S> &&
    ((sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B> &&
      std::is_class_v<A> == std::is_class_v<B>)&&...);

static_assert(sizeof(NcclId) == sizeof(ncclUniqueId) && alignof(NcclId) == alignof(ncclUniqueId));
static_assert(kNcclSuccess == ncclSuccess && kNcclInProgress == ncclInProgress);
static_assert(kNcclFloat == ncclFloat && kNcclDouble == ncclDouble && kNcclSum == ncclSum);
static_assert(kAlike<decltype(NcclTable::get_version), decltype(&ncclGetVersion)>);
static_assert(kAlike<decltype(NcclTable::get_unique_id), decltype(&ncclGetUniqueId)>);
static_assert(kAlike<decltype(NcclTable::comm_init_rank), decltype(&ncclCommInitRank)>);
static_assert(kAlike<decltype(NcclTable::comm_destroy), decltype(&ncclCommDestroy)>);
static_assert(kAlike<decltype(NcclTable::comm_get_async_error), decltype(&ncclCommGetAsyncError)>);
static_assert(kAlike<decltype(NcclTable::all_reduce), decltype(&ncclAllReduce)>);
static_assert(kAlike<decltype(NcclTable::get_error_string), decltype(&ncclGetErrorString)>);
static_assert(kAlike<decltype(NcclTable::get_last_error), decltype(&ncclGetLastError)>);
static_assert(!kAlike<int (*)(void*, NcclId), decltype(&ncclCommInitRank)>);

}  // namespace
#endif

TEST_CASE("a library that is missing is said in one line: what was looked for and what the loader said") {
  CHECK_THROWS_WITH_AS(open_shared_library("nccl", {"libnothing_of_this_name.so.2", ""}, "libnothing in a folder"),
                       doctest::Contains("libnothing_of_this_name.so.2: cannot open shared object file"), Error);
  CHECK_THROWS_WITH_AS(open_shared_library("nccl", {"libnothing_of_this_name.so.2"}, "libnothing in a folder"),
                       doctest::Contains("expected libnothing in a folder"), Error);
  void* const library = open_shared_library("c", {"libnothing_of_this_name.so.2", "libc.so.6"}, "libc");
  int (*absolute)(int) = nullptr;
  find_function("c", library, "abs", absolute);
  CHECK(absolute(-3) == 3);
  CHECK_THROWS_WITH_AS(find_symbol("c", library, "no_function_of_this_name"),
                       doctest::Contains("expected no_function_of_this_name"), Error);
}

TEST_CASE("a world of one has nothing to connect, to sum and to join") {
  Communicator alone;
  alone.connect({DeviceType::cuda, 0}, [](const Error&) {});
  Tensor x = Tensor::from_host(std::vector<float>{1, 2}, {2}, kCpu);
  alone.join(alone.begin_sum(x));
  CHECK(x.to_host() == std::vector<float>{1, 2});
}

}  // namespace ebm
