#!/usr/bin/env bash
# Builds on a GPU machine, runs what only a GPU can show, and writes one dated report.
#
#   tools/gpu_check.sh [-o REPORT] [build] [suite] [parity] [sanitize] [bench]     no phase: all of them
#
#   build     Release, for the generation of the GPU that is there, into build-gpu/
#   suite     the unit tests with EBM_TEST_DEVICE=cuda: every op against double and against the CPU
#   parity    the same short training run on CPU and GPU: the losses agree to rounding
#   sanitize  compute-sanitizer (memcheck, racecheck, initcheck) over the kernels' tests
#   bench     ebm bench, and the Langevin step beside PyTorch's on the same GPU
#
# Where .gpu_pack/pack.tar.gz lies (tools/gpu_pack.sh), headers, libraries and MNIST come from there, and the
# machine needs only the CUDA toolkit, a C++ compiler, CMake, ninja and Python with PyTorch. A phase that
# fails is reported, and the next one runs; the exit code is 1 then.
set -uo pipefail
cd "$(dirname "$0")/.."

report=build-gpu/gpu_report.md
phases=()
while (($#)); do
  case $1 in
    -o) report=${2:?-o needs a file}; shift ;;
    build | suite | parity | sanitize | bench) phases+=("$1") ;;
    *) echo "tools/gpu_check.sh: unknown phase \"$1\"; expected build, suite, parity, sanitize or bench" >&2; exit 1 ;;
  esac
  shift
done
((${#phases[@]})) || phases=(build suite parity sanitize bench)

gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader 2>/dev/null | head -1)
if [[ -z "$gpu" ]]; then
  echo "tools/gpu_check.sh: no GPU here: nvidia-smi names none" >&2
  exit 1
fi
capability=${gpu##*, }

pack=.gpu_pack
if [[ -f $pack/pack.tar.gz ]]; then
  rm -rf $pack/root && mkdir $pack/root
  tar -xzf $pack/pack.tar.gz -C $pack/root || exit 1
  libraries=$PWD/$pack/root/usr/lib/x86_64-linux-gnu
  # oneDNN needs libOpenCL.so.1, which only the linker and the loader look for
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export CMAKE_PREFIX_PATH=$PWD/$pack/root/usr
  export EBM_DATA=$PWD/$pack/root/data
fi
commit=$(git describe --always --dirty 2>/dev/null || cat $pack/root/commit 2>/dev/null || echo unknown)

mkdir -p "$(dirname "$report")" build-gpu/logs
failed=()
{
  echo "# GPU check, $(date -u '+%Y-%m-%d %H:%M UTC')"
  echo
  echo "Commit $commit. GPU, driver, memory, capability: $gpu. $(nvcc --version | grep release)."
  echo "Processor: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) cores."
} >"$report" || exit 1

# Runs a function as a phase: its output to a log, its last lines and its duration to the report.
phase() {
  local name=$1 lines=$2 begin=$SECONDS log=build-gpu/logs/$1.log code=0
  echo "== $name"
  "phase_$name" >"$log" 2>&1 || code=$?
  ((code == 0)) || failed+=("$name")
  {
    echo
    echo "## $name: $([[ $code == 0 ]] && echo passed || echo "FAILED, exit code $code"), $((SECONDS - begin)) s"
    echo
    echo '```'
    tail -n "$lines" "$log"
    echo '```'
  } | tee -a "$report"
}

phase_build() {
  cmake -S . -B build-gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DEBM_CUDA=ON \
    -DCMAKE_CUDA_ARCHITECTURES="${capability/./}" && cmake --build build-gpu
}

phase_suite() {
  EBM_TEST_DEVICE=cuda ctest --test-dir build-gpu --output-on-failure --parallel 4
}

# The paper's networks, small batches; fp32 and fixed plans, so that only the order of sums differs.
parity_run() {
  build-gpu/train_ebm_vae mnist --profile paper --device "$1" --batch 20 --chains 20 --steps 10 --iterations 8 \
    --precision fp32 --deterministic --quiet --out "build-gpu/parity-$1"
}
phase_parity() {
  rm -rf build-gpu/parity-cpu build-gpu/parity-cuda
  parity_run cpu && parity_run cuda &&
    python3 tools/compare_metrics.py build-gpu/parity-cpu build-gpu/parity-cuda
}

phase_sanitize() {
  local tool code=0
  for tool in memcheck racecheck initcheck; do
    echo "$tool"
    EBM_TEST_DEVICE=cuda timeout 300 compute-sanitizer --tool "$tool" --error-exitcode 3 \
      build-gpu/tests/unit_tests --source-file='*tests/kernels/*,*langevin_test*' \
      --source-file-exclude='*conv_test*,*conv_plan_cuda_test*' | tail -n 12
    ((PIPESTATUS[0] == 0)) || code=1
  done
  return $code
}

phase_bench() {
  build-gpu/ebm bench --device cuda --precision tf32 --net mnist --batch 400 --json build-gpu/bench_mnist.json &&
    build-gpu/ebm bench --device cuda --precision tf32 --net cifar10 --batch 900 --json build-gpu/bench_cifar10.json &&
    python3 tools/bench_torch.py --device cuda --nets mnist,cifar10 --ebm build-gpu/ebm --rounds 3 \
      --json build-gpu/bench_torch.json
}

for name in "${phases[@]}"; do
  case $name in
    build) phase build 5 ;;
    suite) phase suite 60 ;;
    parity) phase parity 20 ;;
    sanitize) phase sanitize 50 ;;
    bench) phase bench 200 ;;
  esac
  # nothing that follows can run without programs
  [[ $name != build || -x build-gpu/tests/unit_tests ]] || break
done

((${#failed[@]} == 0)) && verdict="all passed" || verdict="failed: ${failed[*]}"
printf '\n%s\n' "$verdict" | tee -a "$report"
echo "report: $report"
((${#failed[@]} == 0))
