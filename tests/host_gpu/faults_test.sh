#!/usr/bin/env bash
# faults_test.sh HOST_GPU_FAULTS: each fault ends the program, as it should, and work without one does not.
set -uo pipefail
program=$1 failed=0

# expect NAME STATUS TEXT [ORDER]
expect() {
  local output status
  output=$(HOST_GPU_ORDER=${4:-late} "$program" "$1" 2>&1)
  status=$?
  if [[ $status != "$2" || $output != *"$3"* ]]; then
    echo "$1: received exit code $status and \"$output\", expected $2 and \"$3\"" >&2
    failed=1
  fi
}

for order in late early copies reversed; do
  for correct in none beside ranks; do expect $correct 0 "" "$order"; done
done
readonly abort=134 segmentation_fault=139
expect missing_barrier 4 "" reversed
expect write_behind $abort "write outside of the device's memory"
expect misaligned $abort "misaligned access"
expect host_pointer $abort "read outside of the device's memory"
expect freed $abort "write outside of the device's memory"
expect shared_memory $abort "access outside of shared memory"
expect half_shuffle $abort "shuffle without all of its lanes"
expect unwritten 6 ""
expect overwritten_source 5 ""
expect free_while_recording $abort "cudaFree during a capture"
expect too_many_threads 3 cudaErrorInvalidConfiguration
expect read_by_host $segmentation_fault ""
expect read_too_early 5 ""
expect wait_while_recording 3 cudaErrorStreamCaptureUnsupported
expect pageable_while_recording $abort "copy from pageable memory"
expect joined_late 5 ""
expect never_joined 3 cudaErrorStreamCaptureUnjoined
expect other_count $abort "NCCL's operation 1 is call 1: 2 of type 7 on rank 1, and call 1: 1 of type 7 on rank 0"
expect other_recording $abort "NCCL's operation 1 is call 1: 1 of type 7, in a graph"
expect destroyed_early $abort "ncclCommDestroy before a graph that holds its operations was destroyed"
exit $failed
