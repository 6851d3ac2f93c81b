#!/usr/bin/env bash
# Builds on a GPU machine, runs what only a GPU can show, and writes a dated report.
#
#   tools/gpu_check.sh [-o REPORT] [PHASE ...]      no phase: all of them, in this order
#
#   phase         min  limit, s  what it does
#   build         2-4     330    Release, for the generation of the GPU that is there, into build-gpu/
#   suite         1-2     130    the unit tests with EBM_TEST_DEVICE=cuda: every op against double and the CPU
#   parity          1      70    the same short training run on CPU and GPU: the losses agree to rounding
#   graph         0.5      50    the same run with and without --no-graph: every figure the same
#   bench         1-2     130    ebm bench: ops, Langevin step, training iteration
#   peer_mnist    3-4     225    tools/bench_torch.py: Langevin step and training iteration beside PyTorch's, tf32
#   peer_cifar10  3-4     225    the same for cifar10
#   epoch         1-2     150    timed epochs of mnist, fashion and cifar10 at the paper's settings
#   busy            1      80    the share of the time in which the GPU works, in steady state
#   precision       2     150    ebm precision, and the curves of trainings in fp32, tf32 and bf16 side by side
#   deterministic   1      60    the same seed twice with --deterministic: every figure the same; what it costs
#   sanitize      2-3     150    compute-sanitizer (memcheck, racecheck, initcheck) over the kernels' tests
#   peer_bf16       3     210    both nets' Langevin step and training iteration beside PyTorch's, in bf16
#   peer_fp32       3     210    the same in fp32
#   profile         1      60    tools/profile.sh ncu: the chain's kernels by Nsight Compute
#
# The minutes are estimates, and none has been measured. In calls of at most ten minutes these
# four commands fit, and what matters most comes first:
#   tools/gpu_check.sh build suite parity graph
#   tools/gpu_check.sh bench peer_mnist peer_cifar10
#   tools/gpu_check.sh epoch busy precision deterministic sanitize
#   tools/gpu_check.sh peer_bf16 peer_fp32 profile
# Each writes a report of its own into build-gpu/reports/; with -o a report is added to the end of that file. A phase
# that its limit ends reports what it had so far.
#
# Where .gpu_pack/pack.tar.gz lies (tools/gpu_pack.sh), headers, libraries and MNIST come from there, and the
# machine needs only the CUDA toolkit, a C++ compiler, CMake, ninja and Python with PyTorch. What the toolkit
# lacks of cuDNN, cuBLASLt and headers is taken from the packages that PyTorch brings (nvidia/cu13, nvidia/cudnn).
# A phase that fails, or that cannot run here, is reported as that, and the next one runs; the exit code is 0
# only where every phase asked for has passed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

readonly kNotRun=77  # what a phase returns that cannot run here; its last line says why
all_phases=(build suite parity graph bench peer_mnist peer_cifar10 epoch busy precision deterministic sanitize
  peer_bf16 peer_fp32 profile)
declare -A limit=([build]=330 [suite]=130 [parity]=70 [graph]=50 [bench]=130 [peer_mnist]=225 [peer_cifar10]=225
  [epoch]=150 [busy]=80 [precision]=150 [deterministic]=60 [sanitize]=150 [peer_bf16]=210 [peer_fp32]=210
  [profile]=60)

stop() {
  echo "tools/gpu_check.sh: $*" >&2
  exit 1
}

report=build-gpu/reports/$(date -u '+%Y-%m-%d_%H%M%S').md
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
  rm -rf $pack/root
  mkdir $pack/root && tar -xzf $pack/pack.tar.gz -C $pack/root || stop "$pack/pack.tar.gz cannot be unpacked"
  packed_recipe="" packed_sources="" packed_commit="" packed_date=""
  # shellcheck disable=SC1091  # written by gpu_pack.sh
  [[ ! -f $pack/root/packed ]] || . $pack/root/packed
  [[ "$packed_recipe" == "$(tools/gpu_pack.sh --recipe)" ]] ||
    stop "$pack/pack.tar.gz, packed ${packed_date:-by an older version}${packed_commit:+ at $packed_commit}," \
      "is not what this tree needs: run tools/gpu_pack.sh again"
  export CMAKE_PREFIX_PATH=$PWD/$pack/root/usr
  export EBM_DATA=$PWD/$pack/root/data
fi

# The packages nvidia-... of python3: folders with include/ and lib/.
mapfile -t cuda_roots < <(python3 -c '
import nvidia, pathlib
for folder in nvidia.__path__:
    for package in sorted(pathlib.Path(folder).iterdir()):
        if (package / "lib").is_dir():
            print(package)
' 2>/dev/null)

# within COMMAND: ends it, by SIGTERM first, when the phase's time is over.
deadline=0
within() {
  local left=$((deadline - SECONDS))
  ((left > 0)) || return 124
  local status=0
  timeout --kill-after=5 "$left" "$@" || status=$?
  ((status != 137 || SECONDS < deadline)) || status=124  # it did not end by itself
  return $status
}
# ours COMMAND: the same with the libraries that it looks for by name: oneDNN's libOpenCL.so.1 in
# the pack, cuBLASLt and, for cuDNN's engines that compile at run time, NVRTC. Not for python3, which has its own.
libraries=$PWD/$pack/root/usr/lib/x86_64-linux-gnu
toolkit=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc || echo /usr/bin/nvcc)")")")
for folder in "$toolkit/lib64" "${cuda_roots[@]/%//lib}"; do
  [[ ! -d $folder ]] || libraries+=:$folder
done
ours() { within env LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@"; }
# The tree by its own files, and by a commit only where that is known.
identity() {
  local sources commit
  sources=$(tools/gpu_pack.sh --sources)
  if commit=$(git describe --always --dirty 2>/dev/null); then
    echo "Commit $commit, sources $sources."
  elif [[ "$sources" == "${packed_sources:-}" ]]; then
    echo "Sources $sources, those that were packed at commit $packed_commit."
  else
    echo "Sources $sources, of no known commit${packed_commit:+; at commit $packed_commit others were packed: $packed_sources}."
  fi
}

mkdir -p "$(dirname "$report")" build-gpu/logs || stop "cannot make the folder of \"$report\""
{
  echo "# GPU check, $(date -u '+%Y-%m-%d %H:%M UTC')"
  echo
  echo "$(identity) GPU, driver, memory, capability: $gpu."
  nvcc --version 2>/dev/null | grep release || echo "No nvcc."
  echo "Processor: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) cores."
} >>"$report" || stop "cannot write \"$report\""

# Runs a function as a phase: its output to a log, its last lines and its duration to the report.
passed=() failed=() not_run=()
phase() {
  local name=$1 lines=$2 begin=$SECONDS log=build-gpu/logs/$1.log code=0 verdict
  echo "== $name"
  deadline=$((SECONDS + limit[$name]))
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

# shellcheck source=tools/gpu_phases.sh
. tools/gpu_phases.sh

for name in "${phases[@]}"; do
  case $name in
    build) phase build 5 ;;
    suite | sanitize | precision) phase "$name" 60 ;;
    bench | peer_* | profile) phase "$name" 300 ;;
    *) phase "$name" 20 ;;
  esac
done

verdict="passed: ${passed[*]:-none}"
((${#failed[@]} == 0)) || verdict+="; FAILED: ${failed[*]}"
((${#not_run[@]} == 0)) || verdict+="; NOT RUN: ${not_run[*]}"
printf '\n%s\n' "$verdict" | tee -a "$report"
echo "report: $report"
((${#failed[@]} + ${#not_run[@]} == 0))
