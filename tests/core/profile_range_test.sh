#!/usr/bin/env bash
# Trains two iterations under a profiler of our own (nvtx_recorder.cpp): the ranges are there, each as often
# as it should be, and every one that begins also ends.
#   tests/core/profile_range_test.sh TRAIN_PROGRAM RECORDER
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
NVTX_INJECTION64_PATH=$2 "$1" synthetic --profile laptop --device cpu --batch 4 --chains 4 --steps 1 \
  --iterations 2 --samples-every 2 --seed 1 --quiet --out "$folder/run" 2>"$folder/ranges" >/dev/null ||
  { cat "$folder/ranges" >&2; exit 1; }

expect() {
  local found
  found=$(grep -cx "nvtx $2" "$folder/ranges" || true)
  [[ "$found" == "$1" ]] || { echo "\"nvtx $2\": received $found, expected $1" >&2; exit 1; }
}
expect 2 "push data"        # one batch an iteration
for phase in ancestral langevin energy vae; do expect 2 "push $phase"; done
expect 1 "push samples"
expect 1 "push checkpoint"  # at the end
expect "$(grep -c '^nvtx push ' "$folder/ranges")" pop
