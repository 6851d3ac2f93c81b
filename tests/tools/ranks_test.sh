#!/usr/bin/env bash
# Training by several processes under mpirun: what it leaves, and that it ends when one of them fails.
#
#   tests/tools/ranks_test.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail
programs=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
. "$(dirname "$0")/ranks.sh"

# Its error lines, the launcher's own words left out.
errors_of() { grep '^error:' "$1" || true; }

# One run, of one kind of files, whatever the number of processes; the first iteration is that of one process.
"$programs/train_ebm_vae" "${flags[@]}" --batch 9 --threads 1 --iterations 5 --quiet --out "$folder/one"
for n in 2 3; do
  ranks "$n" --iterations 5 --out "$folder/$n" >"$folder/out" 2>&1 || fail "$n processes: $(cat "$folder/out")"
  grep -q "$n processes, 1 threads each" "$folder/out" || fail "$(cat "$folder/out")"
  [[ $(grep -c 'done: 5 iterations' "$folder/out") == 1 ]] || fail "not told once: $(cat "$folder/out")"
  for name in checkpoint-00000005.safetensors model.safetensors report.html metrics.csv config.toml; do
    [[ -s $folder/$n/$name ]] || fail "$n processes left no $name"
  done
  for run in one "$n"; do sed -n 3p "$folder/$run/metrics.csv" | cut -d, -f3-9 | tr , '\n' >"$folder/first-$run"; done
  paste "$folder/first-one" "$folder/first-$n" | awk '{ d = $1 - $2; if (d * d > 1e-8 * (1e-4 + $1 * $1)) exit 1 }' ||
    fail "$n processes begin differently: $(paste "$folder/first-one" "$folder/first-$n")"
done
# The same bits from run to run.
ranks 2 --iterations 5 --quiet --out "$folder/again"
cmp "$folder/2/model.safetensors" "$folder/again/model.safetensors"

# With logical ranks the same bits whatever the number of processes, also where another number goes on.
logical=(--logical-ranks 4 --iterations 50 --checkpoint-every 25 --quiet)
last=checkpoint-00000050.safetensors
"$programs/train_ebm_vae" "${flags[@]}" --batch 9 "${logical[@]}" --out "$folder/logical"
for n in 2 3 4; do
  ranks "$n" "${logical[@]}" --out "$folder/logical-$n"
  cmp "$folder/logical/$last" "$folder/logical-$n/$last"
  rm "$folder/logical-$n/$last"
  ranks "$((n == 4 ? 1 : n + 1))" --resume "$folder/logical-$n" --quiet
  cmp "$folder/logical/$last" "$folder/logical-$n/$last"
done

# Resumed, by another number of processes too.
ranks 3 --resume "$folder/2" --iterations 8 --quiet
[[ -s $folder/2/checkpoint-00000008.safetensors ]] || fail "a resumed run left no checkpoint"

# What all refuse, and what one cannot do, is told once.
refused() {
  local expected=$1 code=0
  shift
  "$@" >"$folder/out" 2>&1 || code=$?
  ((code != 0 && code != 124)) || fail "exit code $code for: $expected"
  [[ $(errors_of "$folder/out" | wc -l) == 1 && $(errors_of "$folder/out") == *"$expected"* ]] ||
    fail "expected one line with \"$expected\": $(cat "$folder/out")"
}
touch "$folder/file"
refused "rank 0 of 2" ranks 2 --iterations 5 --out "$folder/file/x"
refused "did you mean --steps?" ranks 2 --stepz 3
batch=2 refused "2 rows for 3 ranks" ranks 3 --iterations 5 --out "$folder/few"
one=("$programs/train_ebm_vae" "${flags[@]}" --batch 9 --iterations 5 --out "$folder/other")
refused "one for each process or more" ranks 3 --logical-ranks 2 --iterations 5 --out "$folder/few"
refused "the same flags" timeout 60 mpirun -n 1 "${one[@]}" : -n 1 "${one[@]}" --energy-lr 0.5
# A full disk, where one can be made: the checkpoint of 5 iterations stays, that of 8 has no room.
mkdir "$folder/full"
if mount -t tmpfs -o size=$(($(du -k "$folder/2/checkpoint-00000005.safetensors" | cut -f1) + 700))k tmpfs "$folder/full" 2>/dev/null; then
  trap 'umount "$folder/full"; rm -rf "$folder"' EXIT
  cp "$folder"/2/{checkpoint-00000005.safetensors,config.toml,metrics.csv} "$folder/full"
  refused "last good checkpoint: $folder/full/checkpoint-00000005" ranks 2 --resume "$folder/full" --iterations 8 --quiet
  cmp "$folder/2/checkpoint-00000005.safetensors" "$folder/full/checkpoint-00000005.safetensors"
fi

# Data that one process cannot read, and memory that one does not get.
idx() { printf "\\x0\\x0\\x8\\x$1\\x0\\x0\\x0\\x40"; }  # of 64 items
for set in good bad; do
  mkdir -p "$folder/$set/mnist"
  { idx 3; printf '\x0\x0\x0\x1c\x0\x0\x0\x1c'; head -c $((64 * 28 * 28)) /dev/zero; } >"$folder/$set/mnist/train-images-idx3-ubyte"
  { idx 1; head -c 64 /dev/zero; } >"$folder/$set/mnist/train-labels-idx1-ubyte"
done
truncate -s -100 "$folder/bad/mnist/train-images-idx3-ubyte"
on_mnist=("$programs/train_ebm_vae" mnist "${flags[@]:1}" --batch 9 --iterations 5 --quiet --out "$folder/mnist")
refused "file cut short (rank 1 of 2)" timeout 60 mpirun \
  -n 1 env EBM_DATA="$folder/good" "${on_mnist[@]}" : -n 1 env EBM_DATA="$folder/bad" "${on_mnist[@]}"
large=("$programs/train_ebm_vae" synthetic --device cpu --precision fp32 --deterministic --batch 9 --chains 4000 --steps 2
  --iterations 5 --quiet --out "$folder/large")
refused "rank 1 of 2" timeout 60 mpirun -n 1 "${large[@]}" : -n 1 bash -c 'ulimit -v 700000; exec "$@"' - "${large[@]}"
[[ $(errors_of "$folder/out") == *"out of memory"* ]] || fail "$(cat "$folder/out")"

# Scores by several are those by one.
export EBM_DATA=$folder/data
evaluate() { "$@" evaluate "$folder/2" --n 200 --metrics fd,kid,is,prdc,sure,psnr --threads 1; }
evaluate "$programs/ebm" >"$folder/out"
mv "$folder/2/scores.json" "$folder/scores.json"
for n in 2 3; do
  evaluate timeout 300 mpirun -n "$n" "$programs/ebm" >"$folder/out" 2>&1 || fail "$(cat "$folder/out")"
  cmp "$folder/2/scores.json" "$folder/scores.json"
  [[ $(grep -c '^FD-cls' "$folder/out") == 1 ]] || fail "not told once: $(cat "$folder/out")"
done
! timeout 60 mpirun -n 2 "$programs/ebm" info "$folder/2" >"$folder/out" 2>&1 || fail "ebm info ran as two processes"
grep -q "only train, evaluate and bench --comm are shared out" "$folder/out" || fail "$(cat "$folder/out")"

# The one other command that processes run together; one of them tells.
timeout 240 mpirun -n 2 "$programs/ebm" bench --comm --json "$folder/comm.json" >"$folder/out" 2>&1 ||
  fail "bench --comm: $(cat "$folder/out")"
[[ $(grep -c '^sum .* 32 MB ' "$folder/out") == 1 ]] || fail "bench --comm: $(cat "$folder/out")"
grep -q '"processes": 2' "$folder/comm.json" || fail "bench --comm wrote $(cat "$folder/comm.json")"
refused "no/folder" mpirun -n 2 "$programs/ebm" bench --comm --json "$folder/no/folder/comm.json"
"$programs/ebm" bench --comm | grep -q "one process has nothing to sum" || fail "bench --comm of one process"

# A process that is killed, or stands still, ends the job; a request to stop saves and ends all at one iteration.
begin() {  # begins a long run of 3 processes in the background
  ranks 3 --iterations 1000000 --checkpoint-every 10 --comm-timeout 3 --quiet --out "$folder/$1" >"$folder/out" 2>&1 &
  job=$!
  for ((i = 0; i < 300; ++i)); do
    ! compgen -G "$folder/$1/checkpoint-*.safetensors" >/dev/null || return 0
    sleep 0.1
  done
  fail "no checkpoint: $(cat "$folder/out")"
}
ended() {
  local code=0 begun=$SECONDS
  wait "$job" || code=$?
  ((SECONDS - begun <= $1)) || fail "it took $((SECONDS - begun)) s to end"
  ((code != 0 && code != 124)) || fail "exit code $code"
}
for signal in KILL SEGV; do
  begin "$signal"
  kill "-$signal" "$(process_of "$signal" 1)"
  ended 10
done
begin STOP
stopped=$(process_of STOP 2)
kill -STOP "$stopped"
ended 20
[[ $(errors_of "$folder/out") == *"nothing from rank 2"* ]] || fail "$(cat "$folder/out")"
begin USR1
kill -USR1 "$(process_of USR1 2)"
ended 20
last=$(tail -1 "$folder/USR1/metrics.csv" | cut -d, -f1)
[[ -s $folder/USR1/checkpoint-$(printf %08d "$last").safetensors ]] || fail "stopped at $last without a checkpoint"
