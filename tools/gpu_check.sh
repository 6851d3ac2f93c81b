#!/usr/bin/env bash
# Builds on a GPU machine, runs what only a GPU can show, and writes one dated report.
#
#   tools/gpu_check.sh [-o REPORT] [build] [suite] [parity] [graph] [deterministic] [sanitize] [bench]
#                      [peer_mnist] [peer_cifar10]
#                      no phase: all of them, in this order; each takes ten minutes at most
#   build          Release, for the generation of the GPU that is there, into build-gpu/
#   suite          the unit tests with EBM_TEST_DEVICE=cuda: every op against double and against the CPU
#   parity         the same short training run on CPU and GPU: the losses agree to rounding
#   graph          the same run with and without --no-graph: every figure the same
#   deterministic  the same seed twice with --deterministic: every figure the same; and what it costs
#   sanitize       compute-sanitizer (memcheck, racecheck, initcheck) over the kernels' tests
#   bench          ebm bench: ops, Langevin step, training iteration
#   peer_...       tools/bench_torch.py: Langevin step and training iteration beside PyTorch's on the same GPU
#
# Where .gpu_pack/pack.tar.gz lies (tools/gpu_pack.sh), headers, libraries and MNIST come from there, and the
# machine needs only the CUDA toolkit, a C++ compiler, CMake, ninja and Python with PyTorch. What the toolkit
# lacks of cuDNN, cuBLASLt and headers is taken from the packages that PyTorch brings (nvidia/cu13, nvidia/cudnn).
# A phase that fails, or that cannot run here, is reported as
# that, and the next one runs; the exit code is 0 only where every phase asked for has passed.
set -uo pipefail
cd "$(dirname "$0")/.."

readonly kNotRun=77  # what a phase returns that cannot run here; its last line says why
all_phases=(build suite parity graph deterministic sanitize bench peer_mnist peer_cifar10)

stop() {
  echo "tools/gpu_check.sh: $*" >&2
  exit 1
}

report=build-gpu/gpu_report.md
phases=()
while (($#)); do
  case $1 in
    -o) (($# > 1)) || stop "-o needs a file"; report=$2; shift ;;
    *) [[ " ${all_phases[*]} " == *" $1 "* ]] || stop "unknown phase \"$1\"; expected ${all_phases[*]}"
      phases+=("$1") ;;
  esac
  shift
done
((${#phases[@]})) || phases=("${all_phases[@]}")

gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader 2>/dev/null | head -1)
[[ -n "$gpu" ]] || stop "no GPU here: nvidia-smi names none"
capability=${gpu##*, }
[[ "$capability" =~ ^[0-9]+\.[0-9]+$ ]] || stop "nvidia-smi says the compute capability is \"$capability\"; expected one like 9.0"
PATH=$PATH:/usr/local/cuda/bin  # nvcc and compute-sanitizer, where the toolkit is not in PATH

pack=.gpu_pack
if [[ -f $pack/pack.tar.gz ]]; then
  rm -rf $pack/root && mkdir $pack/root && tar -xzf $pack/pack.tar.gz -C $pack/root || stop "$pack/pack.tar.gz cannot be unpacked"
  packed_recipe="" packed_sources="" packed_commit="" packed_date=""
  # shellcheck disable=SC1091  # written by gpu_pack.sh
  [[ ! -f $pack/root/packed ]] || . $pack/root/packed
  [[ "$packed_recipe" == "$(tools/gpu_pack.sh --recipe)" ]] ||
    stop "$pack/pack.tar.gz, packed ${packed_date:-by an older version}${packed_commit:+ at $packed_commit}, is not what this tree needs: run tools/gpu_pack.sh again"
  export CMAKE_PREFIX_PATH=$PWD/$pack/root/usr
  export EBM_DATA=$PWD/$pack/root/data
fi

# The packages nvidia-... of python3: folders with include/ and lib/.
mapfile -t cuda_roots < <(python3 -c '
import nvidia, pathlib
for folder in nvidia.__path__:
    print(*(package for package in sorted(pathlib.Path(folder).iterdir()) if (package / "lib").is_dir()), sep="\n")
' 2>/dev/null)

# ours COMMAND: runs a program of ours with the libraries that it looks for by name: oneDNN's libOpenCL.so.1 in
# the pack, cuBLASLt and, for cuDNN's engines that compile at run time, NVRTC. Not for python3, which has its own.
libraries=$PWD/$pack/root/usr/lib/x86_64-linux-gnu
toolkit=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc || echo /usr/bin/nvcc)")")")
for folder in "$toolkit/lib64" "${cuda_roots[@]/%//lib}"; do
  [[ ! -d $folder ]] || libraries+=:$folder
done
ours() { LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$@"; }
# The tree by its own files, and by a commit only where that is known.
identity() {
  local sources commit
  sources=$(tools/gpu_pack.sh --sources)
  if commit=$(git describe --always --dirty 2>/dev/null); then
    echo "Commit $commit, sources $sources."
  elif [[ "$sources" == "${packed_sources:-}" ]]; then
    echo "Sources $sources, those that were packed at commit $packed_commit."
  else
    echo "Sources $sources, of no known commit${packed_commit:+: they are not those ($packed_sources) that were packed at $packed_commit}."
  fi
}

mkdir -p "$(dirname "$report")" build-gpu/logs || stop "cannot make the folder of \"$report\""
{
  echo "# GPU check, $(date -u '+%Y-%m-%d %H:%M UTC')"
  echo
  echo "$(identity) GPU, driver, memory, capability: $gpu. $(nvcc --version 2>/dev/null | grep release || echo "No nvcc.")"
  echo "Processor: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) cores."
} >"$report" || stop "cannot write \"$report\""

# Runs a function as a phase: its output to a log, its last lines and its duration to the report.
passed=() failed=() not_run=()
phase() {
  local name=$1 lines=$2 begin=$SECONDS log=build-gpu/logs/$1.log code=0 verdict
  echo "== $name"
  if [[ $name != build && ! -x build-gpu/tests/unit_tests ]]; then
    echo "no programs in build-gpu/: the phase build has not passed" >"$log"
    code=$kNotRun
  else
    "phase_$name" >"$log" 2>&1 || code=$?
  fi
  case $code in
    0) verdict=passed passed+=("$name") ;;
    "$kNotRun") verdict="NOT RUN" not_run+=("$name") ;;
    124) verdict="FAILED, out of time" failed+=("$name") ;;
    *) verdict="FAILED, exit code $code" failed+=("$name") ;;
  esac
  {
    echo
    echo "## $name: $verdict, $((SECONDS - begin)) s"
    echo
    echo '```'
    tail -n "$lines" "$log"
    echo '```'
  } | tee -a "$report"
}

phase_build() {
  local program
  for program in nvcc cmake ninja; do
    command -v $program >/dev/null || { echo "no $program in PATH"; return 1; }
  done
  rm -f build-gpu/tests/unit_tests  # an older build must not pass for this one
  ours cmake -S . -B build-gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DEBM_CUDA=ON \
    -DCMAKE_CUDA_ARCHITECTURES="${capability/./}" "-DEBM_CUDA_ROOTS=$(IFS=';' && echo "${cuda_roots[*]}")" &&
    ours timeout 570 cmake --build build-gpu
}

phase_suite() {
  EBM_TEST_DEVICE=cuda timeout 570 ctest --test-dir build-gpu --no-tests=error --output-on-failure --parallel 4
}

# train FOLDER FLAGS: the mnist recipe's paper networks in fp32.
train() {
  rm -rf "build-gpu/$1"
  timeout 280 build-gpu/train_ebm_vae mnist --profile paper --precision fp32 --quiet --seed 1 --checkpoint-every 0 \
    --out "build-gpu/$1" "${@:2}"
}

# Small batches; fixed plans, so that only the order of sums differs.
phase_parity() {
  local device
  for device in cpu cuda; do
    train "parity-$device" --device $device --batch 20 --chains 20 --steps 10 --iterations 8 --deterministic || return
  done
  python3 tools/compare_metrics.py build-gpu/parity-cpu build-gpu/parity-cuda
}

phase_graph() {
  if ! build-gpu/train_ebm_vae --help | grep -qe --no-graph; then
    echo "the trainer has no flag --no-graph"
    return $kNotRun
  fi
  train graph-with --device cuda --iterations 20 --deterministic || return
  train graph-without --device cuda --iterations 20 --deterministic --no-graph || return
  python3 tools/compare_metrics.py --exact build-gpu/graph-with build-gpu/graph-without
}

# seconds_of FOLDER FLAGS: trains, then prints how long that took.
seconds_of() {
  local begin=$EPOCHREALTIME
  train "$@" >&2 || return
  awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}

# The difference of a long and a short run is free of the start, of plans and of the last pictures.
phase_deterministic() {
  local short long plain_short plain_long
  short=$(seconds_of deterministic-short --device cuda --iterations 10 --deterministic) || return
  long=$(seconds_of deterministic-1 --device cuda --iterations 110 --deterministic) || return
  train deterministic-2 --device cuda --iterations 110 --deterministic || return
  plain_short=$(seconds_of plain-short --device cuda --iterations 10) || return
  plain_long=$(seconds_of plain --device cuda --iterations 110) || return
  awk -v s="$short" -v l="$long" -v ps="$plain_short" -v pl="$plain_long" 'BEGIN {
    printf "ms an iteration: %.2f with --deterministic, %.2f without (wall clock, (110 - 10) iterations)\n",
      10 * (l - s), 10 * (pl - ps) }'
  python3 tools/compare_metrics.py --exact build-gpu/deterministic-1 build-gpu/deterministic-2
}

phase_sanitize() {
  local tool code=0 status output=build-gpu/logs/sanitizer
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer in PATH"; return $kNotRun; }
  for tool in memcheck racecheck initcheck; do
    echo "$tool"
    EBM_TEST_DEVICE=cuda timeout 180 compute-sanitizer --tool "$tool" --error-exitcode 3 \
      build-gpu/tests/unit_tests --source-file='*tests/kernels/*,*langevin_test*' \
      --source-file-exclude='*conv_test*,*conv_plan_cuda_test*' --no-skipped-summary >$output 2>&1
    status=$?
    tail -n 12 $output
    echo "$tool: exit code $status$([[ $status != 124 ]] || echo ", stopped after 180 s")"
    ((status == 0)) && grep -qE 'test cases: +[1-9]' $output || code=1  # no test is no success
  done
  return $code
}

phase_bench() {
  timeout 280 build-gpu/ebm bench --device cuda --precision tf32 --net mnist --batch 400 --json build-gpu/bench_mnist.json &&
    timeout 280 build-gpu/ebm bench --device cuda --precision tf32 --net cifar10 --batch 900 --json build-gpu/bench_cifar10.json
}

# peer NET: each table by itself, so that one that runs out of time takes no other with it.
peer() {
  python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null ||
    { echo "python3 has no PyTorch that sees a GPU"; return $kNotRun; }
  local part code=0
  for part in langevin training; do
    timeout 290 python3 tools/bench_torch.py --device cuda --nets "$1" --parts $part --ebm build-gpu/ebm --rounds 3 \
      --budget 90 --json "build-gpu/bench_torch_$1_$part.json" || code=$?
  done
  return $code
}
phase_peer_mnist() { peer mnist; }
phase_peer_cifar10() { peer cifar10; }

for name in "${phases[@]}"; do
  case $name in
    build) phase build 5 ;;
    suite) phase suite 60 ;;
    sanitize) phase sanitize 60 ;;
    bench | peer_*) phase "$name" 200 ;;
    *) phase "$name" 20 ;;
  esac
done

verdict="passed: ${passed[*]:-none}"
((${#failed[@]} == 0)) || verdict+="; FAILED: ${failed[*]}"
((${#not_run[@]} == 0)) || verdict+="; NOT RUN: ${not_run[*]}"
printf '\n%s\n' "$verdict" | tee -a "$report"
echo "report: $report"
((${#failed[@]} + ${#not_run[@]} == 0))
