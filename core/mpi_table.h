/* What the loadable module core/mpi_module.cpp gives the programs: messages by MPI behind a table of ours, so that no program
   depends on MPI, and the module alone on one of its implementations. An error of MPI's ends the process, as MPI has it. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EBM_MPI_TABLE_VERSION 1

struct EbmMpiTable {
  int version; /* EBM_MPI_TABLE_VERSION */
  /* Starts MPI. local_*: among the processes of this machine. */
  void (*start)(int* rank, int* size, int* local_rank, int* local_size);
  /* Begin a message of so many bytes; each returns what `done` is asked with. A message is received by the tag that it was
     sent with. */
  void* (*send)(const void* bytes, size_t count, int to, int tag);
  void* (*receive)(void* bytes, size_t count, int from, int tag);
  /* 1 when it is over, after which it must not be asked again; 0 before. */
  int (*done)(void* message);
  /* Ends MPI: all processes have to come. */
  void (*finish)(void);
  /* The implementation and its version, one line. */
  const char* (*library)(void);
};

/* The one symbol of the module. */
const struct EbmMpiTable* ebm_mpi_table(void);

#ifdef __cplusplus
}
#endif
