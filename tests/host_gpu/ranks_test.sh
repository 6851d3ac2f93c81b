#!/usr/bin/env bash
# ranks_test.sh REPOSITORY TRAINER: several processes under mpirun, each on a host GPU of its own, train one model: the same
# bits however the work is recorded and whenever it is done, sums beside other work included, and at first the losses of one
# process, to rounding. Faults of the sums end the job with one line.
set -euo pipefail
repository=$1 trainer=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
. "$repository/tests/tools/ranks.sh"  # Open MPI's switches, process_of; flags and ranks are this test's own
export EBM_CONV_TIMING=0 EBM_CONV_CACHE=0

stop() {
  echo "ranks_test.sh: $*" >&2
  exit 1
}
common=(synthetic --profile laptop --seed 5 --precision fp32 --deterministic --device cuda --guard-gap 1000
  --generator-width 16 --sample-steps 1 --samples-every 1000000)
flags=("${common[@]}" --steps 3 --width 8 --batch 9 --chains 7)
# ranks N NAME ITERATIONS [arguments]: N processes train into the folder NAME
ranks() {
  timeout 240 mpirun -n "$1" "$trainer" "${flags[@]}" --quiet --out "$2" --iterations "$3" "${@:4}"
}

# bits N NAME [arguments]: 4 iterations of N processes, whose checkpoint is that of the run without graphs
bits() {
  ranks "$1" "$2" 4 "${@:3}"
  cmp "plain-$1/checkpoint-00000004.safetensors" "$2/checkpoint-00000004.safetensors" || stop "$2 is not plain-$1"
}
for n in 2 3 4; do
  bits $n plain-$n --no-graph
  bits $n recorded-$n
  for order in early copies reversed; do HOST_GPU_ORDER=$order bits $n $order-$n; done
done
# An energy so wide that its gradient is summed in pieces (train/adam.h), beside the rest of the walk.
# One iteration takes ten seconds of a core's time: on a busy machine the usual minute is not enough.
narrow=("${flags[@]}")
flags=("${common[@]}" --steps 1 --width 128 --batch 2 --chains 2 --comm-timeout 200)
ranks 2 plain-wide 2 --no-graph
HOST_GPU_ORDER=reversed ranks 2 wide 2
cmp {plain-wide,wide}/checkpoint-00000002.safetensors || stop "wide is not plain-wide"
flags=("${narrow[@]}")

HOST_GPU_DEVICES=2 bits 2 devices  # cuda:0 and cuda:1
"$trainer" "${flags[@]}" --quiet --out one --iterations 4
for n in 2 3; do python3 "$repository/tools/scripts/compare_metrics.py" one recorded-$n; done

# refused TEXT command...: the job ends with an exit code that is not a deadline's, and says TEXT in its one line
refused() {
  local expected=$1 code=0
  shift
  "$@" >out 2>&1 || code=$?
  ((code != 0 && code != 124)) || stop "exit code $code for: $expected"
  [[ $(grep -c '^error:' out) == 1 && $(grep '^error:' out) == *"$expected"* ]] ||
    stop "expected one line with \"$expected\": $(cat out)"
  rm -rf refused
}
HOST_GPU_DEVICES=2 refused "one GPU for ranks 0 and 2" ranks 3 refused 4
one=("$trainer" "${flags[@]}" --quiet --out refused --iterations 4)
refused "the same flags" timeout 240 mpirun -n 1 "${one[@]}" : -n 1 "${one[@]}" --no-graph
# An iteration has 12 sums. In the first one, which is not recorded; in a graph; where the host waits for room for more work.
for fault in hang:1:7:late hang:0:30:late hang:1:7:early; do
  HOST_NCCL_FAULT=${fault%:*} HOST_GPU_ORDER=${fault##*:} \
    refused "nothing from cuda:0, which waits for the other ranks" ranks 2 refused 4 --comm-timeout 10
done
# A process that stands still is a sum that never ends.
ranks 2 "$folder/stopped" 1000000 --comm-timeout 5 >out 2>&1 &
job=$!
for ((i = 0; i < 300; ++i)); do [[ $(wc -l 2>/dev/null <stopped/metrics.csv) -lt 4 ]] || break; sleep 0.1; done
kill -STOP "$(process_of stopped 1)"
begun=$SECONDS code=0
wait $job || code=$?
((code != 0 && code != 124 && SECONDS - begun < 60)) || stop "a stopped process: exit code $code after $((SECONDS - begun)) s"
grep -q '^error: rank 0 of 2' out || stop "a stopped process: $(cat out)"
HOST_NCCL_FAULT=error:1:17 refused "rank 1 of 2" ranks 2 refused 4
HOST_NCCL_FAULT=refuse:1:17 refused "[ncclAllReduce] received invalid usage (refused by the host's NCCL)" \
  ranks 2 refused 4
