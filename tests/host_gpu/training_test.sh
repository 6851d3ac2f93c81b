#!/usr/bin/env bash
# training_test.sh REPOSITORY TRAINER: a short training run gives the same bits however its work is recorded and
# whenever it is done, also when it is cut in two; and before the first update the losses of the CPU, to rounding.
set -euo pipefail
repository=$1 trainer=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# train NAME DEVICE ITERATIONS [arguments]: into the folder NAME
train() {
  local name=$1 device=$2 iterations=$3
  shift 3
  "$trainer" synthetic --profile laptop --width 8 --batch 8 --chains 8 --steps 4 --sample-steps 4 --samples-every 4 \
    --checkpoint-every 4 --iterations "$iterations" --seed 5 --precision fp32 --quiet --device "$device" --out "$name" "$@"
}
same() {
  cmp "$1/checkpoint-00000008.safetensors" "$2/checkpoint-00000008.safetensors" || { echo "$2 is not $1" >&2; exit 1; }
}

train plain cuda 8 --no-graph
train recorded cuda 8 && same plain recorded
for order in early copies reversed; do
  HOST_GPU_ORDER=$order train "$order" cuda 8 && same plain "$order"
done
train halves cuda 4
"$trainer" --resume halves --iterations 8 --quiet && same plain halves
train first cuda 1
train cpu cpu 1
python3 "$repository/tools/compare_metrics.py" cpu first
