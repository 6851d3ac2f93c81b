#!/usr/bin/env bash
# A run of logical ranks is killed and stopped again and again, at random moments and ranks, and goes on each time with
# another number of processes: its last checkpoint is that of an undisturbed run, bit for bit.
#
#   tests/tools/kills_test.sh FOLDER_OF_THE_PROGRAMS [KILLS [SEED]]
set -euo pipefail
programs=$1 kills=${2:-5} seed=${3:-$$}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
. "$(dirname "$0")/ranks.sh"
RANDOM=$seed
flags+=(--batch 9 --logical-ranks 4 --samples-every 1000000)
processes="^$programs/train_ebm_vae .*--out $folder/killed"  # none of mpirun's own
end_all() { pkill -KILL -f "train_ebm_vae .*--out $folder/killed" || true; }
# Waits for the job's end: 90 s for its processes, 5 more for mpirun, which may stand still where a process ended in the
# moment in which it connected to it (a lock of PMIx 4.2).
await_end() {
  for ((i = 0; i < 900; ++i)); do pgrep -f "$processes" >/dev/null || break; sleep 0.1; done
  ! pgrep -f "$processes" >/dev/null || fail "$signal to one of $n processes (seed $seed): not ended: $(cat "$folder/out")"
  for ((i = 0; i < 50; ++i)); do kill -0 "$job" 2>/dev/null || return 0; sleep 0.1; done
  echo "all processes have ended, mpirun has not"
  end_all
}
last() { basename "$(find "$folder/$1" -name 'checkpoint-*.safetensors' 2>/dev/null | sort | tail -1)" .safetensors | tr -dc 0-9; }

begun=()
for ((kill = 1; kill <= kills; ++kill)); do
  n=$((1 + RANDOM % 4)) signal=$(shuf -n 1 -e KILL SEGV STOP USR1 TERM --random-source=<(yes "$RANDOM"))
  if [[ -n $(last killed) ]]; then begun=(--resume "$folder/killed"); else rm -rf "$folder/killed"; fi
  echo "kill $kill of $kills (seed $seed): $signal to one of $n processes, $SECONDS s, checkpoint $(last killed)"
  timeout 90 mpirun -n "$n" "$programs/train_ebm_vae" "${flags[@]}" --iterations 1000000 --checkpoint-every 5 \
    --comm-timeout 5 --quiet --out "$folder/killed" "${begun[@]}" >"$folder/out" 2>&1 &
  job=$!
  # on a busy machine all may have come before anything was kept: the last one then waits for it
  for ((i = 0; i < 600 && kill == kills; ++i)); do [[ -z $(last killed) ]] || break; sleep 0.1; done
  sleep "$((RANDOM % 3)).$((RANDOM % 10))"
  victim=$(process_of killed "$((RANDOM % n))" || true)  # none, where it has not started yet
  [[ -z $victim ]] || command kill "-$signal" "$victim" 2>/dev/null || true
  code=0
  if [[ -z $victim || ($signal == STOP && $n == 1) ]]; then  # nothing was hit, or nobody waits for it
    end_all
  fi
  await_end
  wait "$job" || code=$?
  ((code != 0 && code != 124)) || fail "$signal to one of $n processes (seed $seed): exit code $code: $(cat "$folder/out")"
  end_all
done

[[ -n $(last killed) ]] || fail "no checkpoint after $kills kills (seed $seed)"
iterations=$((10#$(last killed) + 10))
timeout 120 "$programs/train_ebm_vae" --device cpu --resume "$folder/killed" --iterations "$iterations" --quiet
timeout 120 "$programs/train_ebm_vae" "${flags[@]}" --iterations "$iterations" --checkpoint-every 5 --quiet --out "$folder/undisturbed"
name=$(printf 'checkpoint-%08d.safetensors' "$iterations")
cmp "$folder/killed/$name" "$folder/undisturbed/$name" || fail "other bits after $kills kills (seed $seed)"
echo "$kills kills, $iterations iterations: the same bits (seed $seed)"
