#!/usr/bin/env bash
# tools/scripts/train.slurm with stand-ins for srun and scontrol, which write down how they are called.
#   tests/tools/train_slurm_test.sh REPOSITORY
set -euo pipefail
script=$(cd "$1" && pwd)/tools/scripts/train.slurm
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "train_slurm_test: $*" >&2; exit 1; }
mkdir bin
for name in srun scontrol; do
  printf '#!%s\necho "%s $*" >>calls\n%s\n' "$BASH" $name "$([[ $name != srun ]] || echo 'exit "$(cat code)"')" >bin/$name
  chmod +x bin/$name
done
# job CODE WORDS: the training ends with that code, and so does the job; the calls are in `calls`.
job() {
  local code=0
  echo "$1" >code
  : >calls
  PATH=$folder/bin:$PATH SLURM_JOB_ID=7 bash "$script" "${@:2}" >out 2>err || code=$?
  ((code == $1)) || fail "exit code $code, expected $1: $(cat err)"
}
is() { [[ $(cat calls) == "$1" ]] || fail "received $(cat calls), expected $1"; }

start='srun --mpi=pmix --kill-on-bad-exit=1 ./train_ebm_vae mnist --seed 2'
job 0 run mnist --seed 2
is "$start --out run"
mkdir run && touch run/checkpoint-00000010.safetensors
for code in 138 143; do
  job $code run mnist --seed 2
  is "$start --resume run --out run
scontrol requeue 7"
done
job 1 run mnist --seed 2
is "$start --resume run --out run"
job 1 run
grep -q 'received 1 words, expected a folder and a recipe' err || fail "$(cat err)"
