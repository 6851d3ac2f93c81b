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
export EBM_CONV_CACHE=$folder/plans
# train NAME DEVICE ITERATIONS [arguments]: into the folder NAME
precision=fp32
train() {
  "$trainer" synthetic --profile laptop --width 8 --batch 8 --chains 8 --steps 4 --sample-steps 4 --seed 5 \
    --precision $precision --quiet --out "$1" --device "$2" --iterations "$3" "${@:4}"
}

# bits NAME [arguments]: 8 iterations whose last checkpoint is that of the run without graphs
bits() {
  train "$1" cuda 8 --checkpoint-every 4 --samples-every 4 --deterministic "${@:2}"
  cmp plain/checkpoint-00000008.safetensors "$1/checkpoint-00000008.safetensors" || stop "$1 is not plain"
}
bits plain --no-graph
bits recorded
for order in early copies reversed; do HOST_GPU_ORDER=$order bits $order; done
train halves cuda 4 --checkpoint-every 4 --samples-every 4 --deterministic
"$trainer" --resume halves --iterations 8 --quiet
cmp {plain,halves}/checkpoint-00000008.safetensors || stop "a resumed run is not plain"

# The same where chains keep their maps as bf16.
rm -r plain recorded
precision=bf16
bits plain --no-graph
bits recorded
precision=fp32

# What is chosen by timing is in the checkpoint: a run that is resumed twice is the same twice. Its start says what was
# chosen, and the second start of anything finds its plans on disk.
train timed cuda 4 --checkpoint-every 4 --samples-every 4
cp -r timed again
for run in timed again; do "$trainer" --resume $run --iterations 8 --quiet; done
cmp {timed,again}/checkpoint-00000008.safetensors || stop "two resumed runs differ"
grep -qE '^# cuDNN .* convolutions in one kernel .* 0 plans compiled, [1-9][0-9]* from the cache' again/config.toml ||
  stop "a second start compiled: $(grep '^# cuDNN' again/config.toml)"
for plan in plans/*; do echo damage >>"$plan"; done
train damaged cuda 1
grep -q ' damaged files of the cache were ignored' damaged/config.toml || stop "a damaged cache was not noticed"

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
python3 "$repository/tools/scripts/compare_metrics.py" cpu first
