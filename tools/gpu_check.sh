#!/usr/bin/env bash
# What only a GPU can show, within some minutes on one: programs that were built beforehand run, most valuable first,
# and each figure is written down when it is seen. docs/gpu.md says how to run it.
#
#   tools/gpu_check.sh --pack .gpu_pack/pack.tar.gz --out DIR [--budget 520] [--only PHASE,...]
#   tools/gpu_check.sh --programs build-host-gpu --out DIR    a rehearsal on the host GPU: no GPU result
#
#   --pack FILE      what tools/gpu_pack.sh wrote, or the folder that it was unpacked to
#   --programs DIR   a folder of a build. Where neither is named, or the pack's programs do not start, they are built
#   --out DIR        for report.md, logs.tar.gz and ncu.txt [build-gpu/out]
#   --budget S       seconds in all; what no time is left for is cut, and the report says so [520]
#   --only PHASES    these alone, in the order below
#
# A phase that fails or cannot run here is reported as that, and the next one runs; the exit code is 0 only where every
# phase asked for has passed. A machine needs python3; a build the CUDA toolkit, a C++ compiler, CMake and ninja too;
# the peer phases PyTorch. What the toolkit lacks is taken from the packages that PyTorch brings (nvidia/...).
#
# Phases. Limits are in seconds, estimates, and none has been measured. "alone": it measures time, so nothing runs
# beside it; the others in a row share the GPU. Then the program that it waits for, and the lines of its log that the
# report shows.
readonly kPhases='
env            20  shared  -              40  what is there: GPU, libraries by version, whether our programs start
first          90  alone   ebm            40  a Langevin step of 400 mnist chains: bf16, tf32, bf16 with two launches
tests          60  shared  unit_tests     40  unit tests of what needs no cuDNN
conv_tests    130  shared  unit_tests     60  convolutions beside the CPU: fp32, tf32, bf16, NaN
parity         70  shared  train_ebm_vae  20  a short training beside that of the CPU: losses agree to rounding
graph          90  shared  train_ebm_vae  20  a run, the same again, the same without graphs: every figure the same
start          60  alone   train_ebm_vae  20  seconds of a first and of a second start, whose plans are on disk
ops            70  alone   ebm            90  each op of the mnist net in bf16 and tf32, its plan
ncu            50  alone   train_ebm_vae  40  24 kernels of the chain by Nsight Compute: names, time, tensor cores
peer_bf16     150  alone   ebm            30  the Langevin step beside PyTorch
peer_tf32     130  alone   ebm            30
training       80  alone   ebm            40  a training iteration in tf32 and bf16: phases, busy
sanitize       40  shared  unit_tests     20  compute-sanitizer memcheck over two kernels
more_tests    150  shared  unit_tests     60  the rest of the unit tests
precision     150  shared  train_ebm_vae  60  ebm precision, and curves in fp32, tf32, bf16 side by side
peer_cifar10  160  alone   ebm            30
epoch         150  alone   train_ebm_vae  20  timed epochs of mnist and cifar10
busy           80  alone   train_ebm_vae  20  the share of the time in which the GPU works
scaling       300  alone   ebm            60  the share of one rank in an iteration, of 1 to 64 ranks, and what that predicts
'
set -uo pipefail
SECONDS=0
stop() {
  echo "tools/gpu_check.sh: $*" >&2
  exit 1
}

all_phases=()
declare -A limit kind needs lines
while read -r name a b c d _; do
  [[ -n "$name" ]] || continue
  all_phases+=("$name")
  limit[$name]=$a kind[$name]=$b needs[$name]=$c lines[$name]=$d
done <<<"$kPhases"

pack="" programs="" out="" budget=520 phases=()
while (($#)); do
  case $1 in
    --pack | --programs | --out | --budget | --only) (($# > 1)) || stop "$1 needs a value" ;;&
    --pack) pack=$(readlink -m "$2") ;;
    --programs) programs=$(readlink -m "$2") ;;
    --out) out=$(readlink -m "$2") ;;
    --budget) budget=$2 ;;
    --only) IFS=, read -r -a phases <<<"$2" ;;
    *) stop "received \"$1\"; expected --pack, --programs, --out, --budget or --only" ;;
  esac
  shift 2
done
cd "$(dirname "$0")/.." || exit
[[ "$budget" =~ ^[1-9][0-9]{0,5}$ ]] || stop "received --budget $budget; expected seconds"
for name in "${phases[@]}"; do
  [[ -n "${limit[$name]:-}" ]] || stop "received phase \"$name\"; expected ${all_phases[*]}"
done
((${#phases[@]})) || phases=("${all_phases[@]}")
[[ -z "$pack" || -z "$programs" ]] || stop "received --pack and --programs; expected one of them"

work=$PWD/build-gpu
run=$work/run  # logs/ and trainings/ of this call
out=${out:-$work/out}
[[ ! -e $out/report.md ]] || stop "received --out $out, which has a report.md; expected a folder without one"
rm -rf "$run"
mkdir -p "$run/logs" "$run/trainings" "$out" || stop "cannot make the folders $run and $out"

rehearsal=0
[[ ! -e $programs/tests/host_gpu/libhost_gpu.so ]] || rehearsal=1
gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader 2>/dev/null | head -1)
((!rehearsal)) || gpu="the host GPU, none, none, 9.0"
[[ -n "$gpu" || "${phases[*]}" == env ]] || stop "no GPU here: nvidia-smi names none; expected one, or --only env"
gpu=${gpu:-none, none, none, 0.0}
capability=${gpu##*, }
[[ "$capability" =~ ^[0-9]+\.[0-9]+$ ]] || stop "nvidia-smi says the compute capability is \"$capability\"; expected one like 9.0"
PATH=$PATH:/usr/local/cuda/bin  # nvcc, ncu and compute-sanitizer, where the toolkit is not in PATH

packed_commit="" packed_sources="" packed_date=""
if [[ -n "$pack" ]]; then
  [[ -e $pack ]] || stop "received --pack $pack; expected a file or folder that is there"
  if [[ -f $pack ]]; then
    rm -rf "$work/pack"
    mkdir "$work/pack"
    tar -xzf "$pack" -C "$work/pack" || stop "$pack cannot be unpacked"
    pack=$work/pack
  fi
  (cd "$pack" && sha256sum --check --quiet MANIFEST) >"$run/logs/pack.log" 2>&1 ||
    stop "the pack in $pack is damaged: $(head -n 1 "$run/logs/pack.log")"
  stated() { sed -n "s/^# $1 //p" "$pack/MANIFEST"; }
  packed_commit=$(stated commit) packed_sources=$(stated sources) packed_date=$(stated date)
  export EBM_DATA=$pack/data
  programs=$pack/programs
fi

export EBM_CONV_CACHE=$work/conv_plans  # what cuDNN compiles, once for all processes

# The packages nvidia-... of python3: folders with include/ and lib/.
mapfile -t cuda_roots < <(python3 -c '
import nvidia, pathlib
for folder in nvidia.__path__:
    for package in sorted(pathlib.Path(folder).iterdir()):
        if (package / "lib").is_dir():
            print(package)
' 2>/dev/null)
# Where our programs find libraries: the pack's, then PyTorch's own cuDNN, cuBLASLt and NVRTC, beside which ours are
# measured, then the toolkit's. cuDNN stays in its folder: it looks for NVRTC from there.
libraries=""
toolkit=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)")")")
for folder in "${pack:+$pack/usr/lib/x86_64-linux-gnu}" "${cuda_roots[@]/%//lib}" "$toolkit/lib64"; do
  [[ ! -d $folder ]] || libraries+=${libraries:+:}$folder
done

# within COMMAND: ends it, by SIGTERM first, when the phase's time is over.
deadline=$budget
within() {
  local left=$((deadline - SECONDS)) status=0
  ((left > 0)) || return 124
  timeout --kill-after=5 "$left" "$@" || status=$?
  ((status != 137 || SECONDS < deadline)) || status=124  # it did not end by itself
  return $status
}
# with_libraries COMMAND: the same with the folders above. Not for a python3 that has PyTorch, which brings its own.
with_libraries() { within env LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@"; }
program() { [[ $1 != unit_tests ]] && echo "$programs/$1" || echo "$programs/tests/$1"; }
# ours PROGRAM ARGUMENTS
ours() { with_libraries "$(program "$1")" "${@:2}"; }

# The tree by its own files, and by a commit only where that is known.
tree_sources=$(tools/gpu_pack.sh --sources)
if [[ -n "$packed_commit" ]]; then
  commit=$packed_commit
  identity="Programs: built at commit $packed_commit, $packed_date, sources $packed_sources;"
  [[ "$packed_sources" == "$tree_sources" ]] && identity+=" the tree's are the same." ||
    identity+=" the tree's are others: $tree_sources."
else
  commit=$(git describe --always --dirty 2>/dev/null) || commit="sources $tree_sources"
  identity="Programs: ${programs:-built here} at $commit, sources $tree_sources."
fi
date=$(date -u '+%Y-%m-%d %H:%M UTC')
{
  if ((rehearsal)); then
    echo "# NO GPU RESULT: a rehearsal of tools/gpu_check.sh on the host GPU, $date"
    echo
    echo "Sizes and times mean nothing."
  else
    echo "# GPU check, $date"
  fi
  echo
  echo "$identity"
  echo "GPU, driver, memory, capability: $gpu."
  echo "Processor: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) cores."
} >"$run/head.md"

# shellcheck source=tools/scripts/gpu_phases.sh
. tools/scripts/gpu_phases.sh
sizes

readonly kNotRun=77  # what a phase returns that cannot run here; its last line says why
# verdict NAME: of what the phase left behind
verdict() {
  local code seconds
  if [[ -e $run/cut.$1 ]]; then cat "$run/cut.$1"; return; fi
  if [[ ! -e $run/done.$1 ]]; then [[ -e $run/begun.$1 ]] && echo "under way" || echo "to come"; return; fi
  read -r code seconds <"$run/done.$1"
  case $code in
    0) echo "passed, $seconds s" ;;
    "$kNotRun") echo "NOT RUN, $seconds s" ;;
    124) echo "FAILED, out of time, $seconds s$(cat "$run/shortened.$1" 2>/dev/null)" ;;
    *) echo "FAILED, exit code $code, $seconds s" ;;
  esac
}
# Everything that is known so far, written anew: a call that is killed leaves what it had measured.
publish() {
  local name
  {
    cat "$run/head.md"
    printf '\n| phase | |\n|---|---|\n'
    for name in "${phases[@]}"; do echo "| $name | $(verdict "$name") |"; done
    printf '\n## For docs/performance.md: %s, %s, commit %s\n\n' "${gpu%%,*}" "$date" "$commit"
    python3 tools/scripts/gpu_figures.py "$run/logs" 2>&1
    if ((!rehearsal)); then
      printf '\n## For docs/gpu.md\n\n'
      ledger
    fi
    printf '\n## The phases\n'
    for name in build "${phases[@]}"; do
      [[ -e $run/begun.$name ]] || continue
      printf '\n### %s: %s\n\n```\n' "$name" "$(verdict "$name")"
      tail -n "${lines[$name]}" "$run/logs/$name.log" | cut -c 1-240
      echo '```'
    done
  } >"$out/report.md.part" && mv "$out/report.md.part" "$out/report.md"
  (cd "$run" && find logs trainings \( -path 'logs/*' -o -name metrics.csv \) -type f -print0 |
    tar -czf "$out/logs.tar.gz.part" --null --files-from=-) 2>/dev/null  # some are being written
  mv "$out/logs.tar.gz.part" "$out/logs.tar.gz"
}

# start NAME SECONDS: a phase in the background.
running=()
start() {
  : >"$run/begun.$1"
  (
    code=0 begin=$SECONDS deadline=$((SECONDS + $2))
    "phase_$1" </dev/null >"$run/logs/$1.log" 2>&1 || code=$?
    echo "$code $((SECONDS - begin))" >"$run/done.$1"
  ) &
  running+=("$!")
}
# until_done: waits for the phases that were started; the report is at most ten seconds behind.
until_done() {
  local pid published=$SECONDS
  for pid in "${running[@]}"; do
    while kill -0 "$pid" 2>/dev/null; do
      sleep 0.2
      ((SECONDS < published + 10)) || { publish; published=$SECONDS; }
    done
    wait "$pid"
  done
  running=()
  publish
}

# Nothing that starts: builds, beside the phases, which wait for their programs.
lines[build]=10
build_job=""
if [[ -z "$programs" ]] || { [[ -n "$pack" ]] && ! ours ebm --help >"$run/logs/start.log" 2>&1; }; then
  [[ -n "$programs" ]] || echo "no programs yet: they are built" >"$run/logs/start.log"
  if [[ $capability != 0.0 ]]; then
    packed_programs=$programs programs=$work/build
    start build $((budget - 3))
    build_job=$! running=()
  fi
fi
# whether a program is there, once nothing is being made of it any more
await_program() {
  while [[ -n "$build_job" && ! -e $run/built.$1 ]] && kill -0 "$build_job" 2>/dev/null; do
    ((SECONDS < budget - 5)) || return 1
    sleep 0.2
  done
  [[ -x $(program "$1") ]]
}

shown=()
show() {  # the verdicts that are new, for whoever watches
  local name
  for name in "${phases[@]}"; do
    [[ -e $run/done.$name || -e $run/cut.$name ]] || continue
    [[ " ${shown[*]} " != *" $name "* ]] || continue
    echo "$SECONDS s: $name: $(verdict "$name")"
    shown+=("$name")
  done
}
for name in "${phases[@]}"; do
  if [[ ${kind[$name]} == alone || $name == env ]]; then until_done; show; fi
  if [[ ${needs[$name]} != - ]] && ! await_program "${needs[$name]}"; then
    : >"$run/begun.$name"
    echo "no program ${needs[$name]} in $programs" >"$run/logs/$name.log"
    echo "$kNotRun 0" >"$run/done.$name"
    continue
  fi
  left=$((budget - 3 - SECONDS)) seconds=${limit[$name]}
  if ((left < seconds / 2 || left < 5)); then
    echo "CUT: $left s were left of the budget, $seconds may be needed" >"$run/cut.$name"
    continue
  fi
  ((left >= seconds)) || { seconds=$left; echo " (its limit is ${limit[$name]}, the budget left it $left)" >"$run/shortened.$name"; }
  start "$name" "$seconds"
  if [[ ${kind[$name]} == alone || $name == env ]]; then until_done; show; fi
done
until_done
show

passed=() failed=() not_run=() cut=()
for name in "${phases[@]}"; do
  case $(verdict "$name") in
    passed*) passed+=("$name") ;;
    NOT*) not_run+=("$name") ;;
    CUT*) cut+=("$name") ;;
    *) failed+=("$name") ;;
  esac
done
summary="passed: ${passed[*]:-none}"
((${#failed[@]} == 0)) || summary+="; FAILED: ${failed[*]}"
((${#not_run[@]} == 0)) || summary+="; NOT RUN: ${not_run[*]}"
((${#cut[@]} == 0)) || summary+="; CUT: ${cut[*]}"
printf '\n%s, %d s.\n' "$summary" "$SECONDS" >>"$run/head.md"
publish
sed '/^## The phases/,$d' "$out/report.md"
echo "report: $out/report.md"
[[ -z "$build_job" ]] || kill "$build_job" 2>/dev/null
((${#failed[@]} + ${#not_run[@]} + ${#cut[@]} == 0))
