#!/usr/bin/env bash
# training_test.sh REPOSITORY TRAINER: a short training run gives the same bits however its work is recorded and
# whenever it is done, also when it is cut in two; the same rows whenever they are read; and before the first update
# the losses of the CPU, to rounding.
set -euo pipefail
repository=$1 trainer=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

stop() {
  echo "training_test.sh: $*" >&2
  exit 1
}
# train NAME DEVICE ITERATIONS [arguments]: into the folder NAME
train() {
  "$trainer" synthetic --profile laptop --width 8 --batch 8 --chains 8 --steps 4 --sample-steps 4 --seed 5 \
    --precision fp32 --quiet --out "$1" --device "$2" --iterations "$3" "${@:4}"
}

# bits NAME [arguments]: 8 iterations whose last checkpoint is that of the run without graphs
bits() {
  train "$1" cuda 8 --checkpoint-every 4 --samples-every 4 "${@:2}"
  cmp plain/checkpoint-00000008.safetensors "$1/checkpoint-00000008.safetensors" || stop "$1 is not plain"
}
bits plain --no-graph
bits recorded
for order in early copies reversed; do HOST_GPU_ORDER=$order bits $order; done
train halves cuda 4 --checkpoint-every 4 --samples-every 4
"$trainer" --resume halves --iterations 8 --quiet
cmp {plain,halves}/checkpoint-00000008.safetensors || stop "a resumed run is not plain"

# Rows that are read while later iterations are under way, with divergences among them: all figures but the times.
rows() {
  train "rows-$1" cuda 60 --samples-every 60 --checkpoint-every 8 --guard-every 10 --guard-gap 0.8 --energy-lr 0.004 \
    --deterministic --read-every "$1"
  cut -d, -f1-17 "rows-$1/metrics.csv"
}
cmp <(rows 1) <(rows 7) || stop "rows differ when they are read later"
(($(tail -n 1 rows-7/metrics.csv | cut -d, -f2) > 0)) || stop "no divergence in the run that is to have some"

train first cuda 1
train cpu cpu 1
python3 "$repository/tools/compare_metrics.py" cpu first
