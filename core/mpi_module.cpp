// The only file that includes mpi.h: a module that is loaded under a launcher (core/mpi_transport.cpp).
#define OMPI_SKIP_MPICXX 1  // the C interface alone
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <string>

#include "core/mpi_table.h"

namespace {

void start(int* rank, int* size, int* local_rank, int* local_size) {
  int provided = 0;
  // logical ranks are threads, but one of them at a time sends for all
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, size);
  MPI_Comm local;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, *rank, MPI_INFO_NULL, &local);
  MPI_Comm_rank(local, local_rank);
  MPI_Comm_size(local, local_size);
  MPI_Comm_free(&local);
}

void* send(const void* bytes, size_t count, int to, int tag) {
  auto* request = new MPI_Request;
  MPI_Isend(bytes, static_cast<int>(count), MPI_BYTE, to, tag, MPI_COMM_WORLD, request);
  return request;
}

void* receive(void* bytes, size_t count, int from, int tag) {
  auto* request = new MPI_Request;
  MPI_Irecv(bytes, static_cast<int>(count), MPI_BYTE, from, tag, MPI_COMM_WORLD, request);
  return request;
}

int done(void* message) {
  auto* request = static_cast<MPI_Request*>(message);
  int flag = 0;
  MPI_Test(request, &flag, MPI_STATUS_IGNORE);
  if (flag) delete request;
  return flag;
}

void finish() { MPI_Finalize(); }

const char* library() {
  static const std::string line = [] {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(text, &length);
    const std::string all(text, static_cast<size_t>(length));
    return all.substr(0, all.find_first_of(",\n"));
  }();
  return line.c_str();
}

constexpr EbmMpiTable kTable{EBM_MPI_TABLE_VERSION, start, send, receive, done, finish, library};

}  // namespace

extern "C" const EbmMpiTable* ebm_mpi_table(void) { return &kTable; }
