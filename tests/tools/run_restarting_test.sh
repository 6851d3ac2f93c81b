#!/usr/bin/env bash
# tools/scripts/run_restarting.sh: a training that is killed again and again ends as one that nothing disturbed.
#   tests/tools/run_restarting_test.sh REPOSITORY FOLDER_OF_THE_PROGRAMS
set -euo pipefail
script=$1/tools/scripts/run_restarting.sh programs=$2
folder=$(mktemp -d)
job=""
trap '[[ -z "$job" ]] || kill "$job" 2>/dev/null || true; rm -rf "$folder"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMP_NUM_THREADS=1 GOMP_SPINCOUNT=5000
unset EBM_DATA
fail() { echo "run_restarting_test: $*: $(cat "$folder/log")" >&2; exit 1; }
says() { grep -qE -- "$1" "$folder/log" || fail "\"$1\" is missing"; }
ends_with() {  # CODE COMMAND
  local code=0
  "${@:2}" >"$folder/log" 2>&1 || code=$?
  ((code == $1)) || fail "exit code $code, expected $1, of ${*:2}"
}

training=("$programs/train_ebm_vae" synthetic --device cpu --batch 8 --chains 8 --width 4 --generator-width 16 --steps 2
  --latent 4 --precision fp32 --deterministic --quiet --samples-every 100000 --checkpoint-every 20)
launched=("${training[@]}")
! command -v mpirun >/dev/null || [[ ! -e $programs/ebm_mpi.so ]] || launched=(mpirun -n 2 "${training[@]}")

# What it refuses, and what it does not start again.
ends_with 1 "$script" --tries x -- true
says 'received --tries "x", expected a whole number'
ends_with 1 "$script" true
says 'received "true", expected --tries N, or --'
ends_with 1 "$script" -- true
says 'without --out DIR'
ends_with 1 "$script" -- true --out "$folder/x" --resume
says 'received --resume, expected a command without it'
ends_with 1 "$script" -- "${training[@]}" --iterations 0 --out "$folder/x"
says 'error: .*iterations'
says 'did not begin: exit code 1$'
ends_with 0 "$script" -- "${training[@]}" --iterations 2 --out "$folder/short"
[[ ! -s $folder/log ]] || fail "a run that ends well is told"
# Restarts without progress are counted; a run without a checkpoint begins anew.
cat >"$folder/fails" <<'END'
mkdir -p "$2" && touch "$2/config.toml" "$2/metrics.csv" && exit 9
END
ends_with 9 "$script" --tries 2 -- bash "$folder/fails" --out "$folder/never"
says 'exit code 9; restart 2 of 2 from the beginning$'
says 'exit code 9, and no new checkpoint in 2 restarts: given up$'
[[ -e $folder/never.set-aside-2 ]] || fail "runs without a checkpoint were not set aside"

# kill_one RUN: kills one of its training's processes, once there is one. A process that dies while mpirun starts it may
# leave Open MPI 4.1 waiting for ever, so only one that has begun.
kill_one() {
  local i processes
  for ((i = 0; i < 600; ++i)); do
    kill -0 "$job" 2>/dev/null || return 1
    if [[ -e $folder/$1/run.lock ]]; then
      mapfile -t processes < <(pgrep -f "^$programs/train_ebm_vae .*--out $folder/$1")
      ((!${#processes[@]})) || ! kill -KILL "${processes[RANDOM % ${#processes[@]}]}" 2>/dev/null || return 0
    fi
    sleep 0.1
  done
  return 1
}

# Killed at random moments.
"${training[@]}" --iterations 300 --out "$folder/whole" >"$folder/log" 2>&1 || fail "the undisturbed run"
"$script" --tries 50 -- "${training[@]}" --iterations 300 --out "$folder/killed" >"$folder/log" 2>&1 &
job=$!
kills=0
for ((i = 0; i < 3; ++i)); do
  sleep 0.$((RANDOM % 8 + 1))
  ! kill_one killed || ((++kills))
done
code=0
wait "$job" || code=$?
job=""
((code == 0)) || fail "exit code $code"
((kills > 0)) || fail "it was never killed"
says 'exit code 137; restart 1 of 50 from '
cmp "$folder/whole/checkpoint-00000300.safetensors" "$folder/killed/checkpoint-00000300.safetensors" ||
  fail "another model after $kills kills"

# What is complete is not begun again.
ends_with 0 "$script" -- "${training[@]}" --iterations 300 --out "$folder/killed"
says 'nothing is left to do'

# By mpirun where there is one: a process is killed, and the training restarted; on SIGTERM it saves and ends, and the same
# command goes on from there.
begun() {  # waits for a checkpoint
  local i
  for ((i = 0; i < 1200; ++i)); do
    ! compgen -G "$folder/stopped/checkpoint-*" >/dev/null || return 0
    sleep 0.1
  done
  fail "no checkpoint"
}
"$script" -- "${launched[@]}" --iterations 1000000 --out "$folder/stopped" >"$folder/log" 2>&1 &
job=$!
begun
config=$(stat --format %i "$folder/stopped/config.toml")
kill_one stopped || fail "nothing to kill"
for ((i = 0; i < 1200; ++i)); do  # until it is under way again, which writes it anew
  [[ $(stat --format %i "$folder/stopped/config.toml") == "$config" ]] || break
  sleep 0.1
done
kill -TERM "$job"
code=0
wait "$job" || code=$?
job=""
((code == 143)) || fail "exit code $code after SIGTERM"
says 'exit code 137; restart 1 of 3 from .*/checkpoint-'
says 'received SIGTERM: the training saves and ends'
last=$(tail -n 1 "$folder/stopped/metrics.csv" | cut -d, -f1)
[[ -s $folder/stopped/checkpoint-$(printf %08d "$last").safetensors ]] || fail "stopped at $last without a checkpoint"
ends_with 0 "$script" -- "${training[@]}" --iterations $((last + 20)) --out "$folder/stopped"
[[ -s $folder/stopped/checkpoint-$(printf %08d $((last + 20))).safetensors ]] || fail "it did not go on"
