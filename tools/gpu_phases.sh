# The phases of tools/gpu_check.sh, which sources this file: phase_NAME each, in the order in which they run. A phase
# prints what the report is to hold and returns 0, $kNotRun, 124 when it was out of time, or another code; it gets the
# tree's root as the present folder, $capability, $cuda_roots, $libraries and $deadline, and within() and ours().
# shellcheck shell=bash disable=SC2154  # the variables come from there

phase_build() {
  local program
  for program in nvcc cmake ninja; do
    command -v $program >/dev/null || { echo "no $program in PATH"; return 1; }
  done
  rm -f build-gpu/tests/unit_tests  # an older build must not pass for this one
  ours cmake -S . -B build-gpu -G Ninja -DCMAKE_BUILD_TYPE=Release -DEBM_CUDA=ON \
    -DCMAKE_CUDA_ARCHITECTURES="${capability/./}" "-DEBM_CUDA_ROOTS=$(IFS=';' && echo "${cuda_roots[*]}")" &&
    ours cmake --build build-gpu
}

phase_suite() {
  EBM_TEST_DEVICE=cuda ours ctest --test-dir build-gpu --no-tests=error --output-on-failure --parallel 4
}

# train FOLDER FLAGS: the mnist recipe with the paper's networks.
train() {
  rm -rf "build-gpu/$1"
  ours build-gpu/train_ebm_vae mnist --profile paper --quiet --seed 1 --checkpoint-every 0 --samples-every 100000 \
    --out "build-gpu/$1" "${@:2}"
}
# At the paper's learning rate of the energy the networks lose their balance within a hundred iterations, and of two
# runs that do, nothing can be said. With this one 110 iterations pass without a return (seen on the CPU).
readonly kBalanced=(--energy-lr 1e-5 --batch 100 --chains 100 --steps 20)

# Small batches; fixed plans, so that only the order of sums differs.
phase_parity() {
  local device
  for device in cpu cuda; do
    train "parity-$device" --device $device --precision fp32 --energy-lr 1e-5 --batch 20 --chains 20 --steps 10 \
      --iterations 8 --deterministic || return
  done
  within python3 tools/compare_metrics.py build-gpu/parity-cpu build-gpu/parity-cuda
}

# In the precision that a GPU trains in by default.
phase_graph() {
  train graph-with --device cuda "${kBalanced[@]}" --iterations 110 --deterministic || return
  train graph-without --device cuda "${kBalanced[@]}" --iterations 110 --deterministic --no-graph || return
  within python3 tools/compare_metrics.py --exact build-gpu/graph-with build-gpu/graph-without
}

bench() { ours build-gpu/ebm bench --device cuda --json "build-gpu/bench_$1.json" "${@:2}"; }
phase_bench() {
  local code=0
  bench mnist --precision tf32 --net mnist --batch 400 || code=$?
  bench cifar10 --precision tf32 --net cifar10 --batch 900 || code=$?
  bench mnist_bf16 --precision bf16 --net mnist --batch 400 --only ops,langevin || code=$?
  return $code
}

# peer PRECISION NET ...: each table by itself with its share of the time, so that one that runs out of it takes no
# other with it.
peer() {
  local net part share program tables=$((2 * ($# - 1))) code=0
  within python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null || code=$?
  ((code != 124)) || return $code
  ((code == 0)) || { echo "python3 has no PyTorch that sees a GPU"; return "$kNotRun"; }
  # python3 loads its own libraries, the program that it calls ours
  program=build-gpu/ebm_with_libraries
  printf '#!/usr/bin/env bash\nexport LD_LIBRARY_PATH=%q\nexec %q "$@"\n' "$libraries" "$PWD/build-gpu/ebm" >$program
  chmod +x $program
  for part in langevin training; do
    for net in "${@:2}"; do
      share=$(((deadline - SECONDS) / tables - 5))
      ((share > 0)) || return 124
      # it ends by itself, unless PyTorch's compilers keep it from that
      within timeout --kill-after=2 $((share + 3)) python3 tools/bench_torch.py --device cuda --precision "$1" \
        --nets "$net" --parts $part --rounds 3 --ebm $program --limit $share \
        --json "build-gpu/bench_torch_${net}_${part}_$1.json" || code=$?
      ((--tables))
    done
  done
  return $code
}
phase_peer_mnist() { peer tf32 mnist; }
phase_peer_cifar10() { peer tf32 cifar10; }
phase_peer_bf16() { peer bf16 mnist cifar10; }
phase_peer_fp32() { peer fp32 mnist cifar10; }

# seconds_of COMMAND: runs it, then prints how long that took.
seconds_of() {
  local begin=$EPOCHREALTIME
  "$@" >&2 || return
  awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}
# rollbacks FOLDER: how often the run went back to an earlier state.
rollbacks() { awk -F, '!/^[#i]/ { n = $2 } END { print n + 0 }' "build-gpu/$1/metrics.csv"; }

# Folders for the recipes whose data the pack leaves out: a step's time does not depend on what the pixels are.
made_up_data() {
  local data=$PWD/build-gpu/data
  rm -rf "$data" && mkdir -p "$data/cifar10" || return
  ln -s "${EBM_DATA:-${XDG_CACHE_HOME:-$HOME/.cache}/ebm}/mnist" "$data/mnist"
  ln -s mnist "$data/fashion"
  python3 -c '
import os, sys
for name in ["data_batch_%d" % i for i in range(1, 6)] + ["test_batch"]:
    with open(sys.argv[1] + "/" + name + ".bin", "wb") as file:
        for i in range(10000):
            file.write(bytes([i % 10]) + os.urandom(3072))' "$data/cifar10"
}

# train_epochs RECIPE N
train_epochs() {
  rm -rf "build-gpu/epoch-$1-$2"
  ours build-gpu/train_ebm_vae "$1" --profile paper --device cuda --data build-gpu/data --seed 1 --quiet \
    --checkpoint-every 0 --epochs "$2" --out "build-gpu/epoch-$1-$2"
}
# epochs RECIPE SHORT LONG TARGET: the difference of a long and a short run is free of the start, of plans and of the
# last pictures. TARGET is in seconds an epoch.
epochs() {
  local short long
  short=$(seconds_of train_epochs "$1" "$2") || return
  long=$(seconds_of train_epochs "$1" "$3") || return
  awk -v recipe="$1" -v a="$2" -v b="$3" -v s="$short" -v l="$long" -v target="$4" \
    -v back="$(rollbacks "epoch-$1-$3")" 'BEGIN {
    epoch = (l - s) / (b - a)
    printf "%-8s %7.3f s an epoch, target %.3g: %s (%d epochs in %.2f s, %d in %.2f s; %d rollbacks)\n", recipe,
       epoch, target, (epoch <= target ? "met" : "missed"), b, l, a, s, back
    printf "%-8s 200 epochs would take %.1f minutes: the first %d in %.1f s, the others at that rate\n",
      recipe, (s + (200 - a) * epoch) / 60, a, s }'
}
phase_epoch() {
  made_up_data || return
  echo "fashion on mnist's images, cifar10 on random pixels: the time does not depend on them, the losses do"
  epochs mnist 1 6 1.5 && epochs cifar10 1 2 8 && epochs fashion 1 4 1.5
}

# Of the time that an iteration takes by the clock, the part in which the GPU was in its recorded iteration, by events
# at the beginning and end of the four phases; and of the Langevin phase, the part in which a kernel ran, by Nsight
# Compute's time of each kernel alone.
phase_busy() {
  local short long
  short=$(seconds_of train busy-short --device cuda --energy-lr 1e-5 --iterations 60) || return
  long=$(seconds_of train busy --device cuda --energy-lr 1e-5 --iterations 460) || return
  awk -F, -v wall="$(awk -v s="$short" -v l="$long" 'BEGIN { print (l - s) / 400 }')" '
    !/^[#i]/ && $1 > 60 { device += $(NF-3) + $(NF-2) + $(NF-1) + $NF; langevin += $(NF-2); ++n; back = $2 }
    END {
      if (!n || wall <= 0) { print "no times: " n " iterations, " wall " s each"; exit 1 }
      share = device / n / wall
      printf "an iteration by the clock %.3f ms, on the GPU %.3f ms, of these the Langevin phase %.3f ms\n",
        1e3 * wall, 1e3 * device / n, 1e3 * langevin / n
      if (share > 1.01) { printf "%.0f %% of the time: something disturbed the clock\n", 100 * share; exit 1 }
      printf "busy %.1f %%, target 97: %s (%d iterations, %d rollbacks)\n", 100 * share,
        (share >= 0.97 ? "met" : "missed"), n, back }' build-gpu/busy/metrics.csv || return
  command -v ncu >/dev/null || { echo "no ncu in PATH: the time of single kernels was not measured"; return 0; }
  rm -rf build-gpu/busy-ncu
  ours ncu --clock-control none --cache-control none --nvtx --nvtx-include langevin/ --csv --page raw --print-units base \
    --metrics gpu__time_duration.sum build-gpu/train_ebm_vae mnist --profile paper --device cuda --energy-lr 1e-5 \
    --iterations 2 --no-graph --seed 1 --quiet --checkpoint-every 0 --out build-gpu/busy-ncu >build-gpu/busy_ncu.csv ||
    return
  python3 -c '
import csv, sys
lines = [line for line in open(sys.argv[1]) if line.startswith("\"")]
rows = [row for row in csv.DictReader(lines) if row["ID"].isdigit()]
times = [float(row["gpu__time_duration.sum"].replace(",", "")) for row in rows]
print(f"Nsight Compute: {len(times) / 2:.0f} kernels in a Langevin phase, {1e-6 * sum(times) / 2:.3f} ms together")
sys.exit(not times)' build-gpu/busy_ncu.csv
}

# The laptop profile keeps its balance for thousands of iterations, so that its curves can be compared.
curves() {
  rm -rf "build-gpu/$1"
  ours build-gpu/train_ebm_vae mnist --profile laptop --device cuda --iterations 600 --quiet --checkpoint-every 0 \
    --out "build-gpu/$1" "${@:2}"
}
phase_precision() {
  local mode code=0
  ours build-gpu/ebm precision --device cuda --net mnist,cifar10 --n 4 || code=$?
  for mode in fp32 tf32 bf16; do curves curves-$mode --seed 1 --precision $mode || return; done
  curves curves-seed-2 --seed 2 --precision fp32 || return
  within python3 tools/compare_metrics.py --curves build-gpu/curves-{fp32,seed-2,tf32,bf16} || code=$?
  return $code
}

# What --deterministic costs is timed at the recipe's own size.
phase_deterministic() {
  local flags=(--device cuda --energy-lr 1e-5) short long plain_short plain_long
  train deterministic-1 --device cuda "${kBalanced[@]}" --iterations 110 --deterministic || return
  train deterministic-2 --device cuda "${kBalanced[@]}" --iterations 110 --deterministic || return
  within python3 tools/compare_metrics.py --exact build-gpu/deterministic-1 build-gpu/deterministic-2 || return
  short=$(seconds_of train cost-short "${flags[@]}" --iterations 20 --deterministic) || return
  long=$(seconds_of train cost-long "${flags[@]}" --iterations 120 --deterministic) || return
  plain_short=$(seconds_of train plain-short "${flags[@]}" --iterations 20) || return
  plain_long=$(seconds_of train plain-long "${flags[@]}" --iterations 120) || return
  awk -v s="$short" -v l="$long" -v ps="$plain_short" -v pl="$plain_long" 'BEGIN {
    printf "ms an iteration: %.2f with --deterministic, %.2f without (wall clock, (120 - 20) iterations)\n",
      10 * (l - s), 10 * (pl - ps) }'
}

# initcheck sees only what instrumented kernels wrote and reports reads inside the libraries' kernels too: it gets
# the tests that call no library.
phase_sanitize() {
  local tool code=0 status output=build-gpu/logs/sanitizer files without end=$deadline tools=3
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer in PATH"; return "$kNotRun"; }
  for tool in memcheck initcheck racecheck; do
    echo "$tool"
    files='*tests/kernels/*,*langevin_test*' without='*kernels/conv_test*,*conv_plan_cuda_test*,*conv_graph_cuda_test*'
    [[ $tool != initcheck ]] || files='*tests/kernels/*' without='*conv*,*linear*,*cublaslt*'
    deadline=$((SECONDS + (end - SECONDS) / tools--))
    # exact: it sees what goes beyond a tensor, not only beyond the block that a tensor lies in
    EBM_EXACT_MEMORY=$([[ $tool == memcheck ]] && echo 1 || echo 0) EBM_TEST_DEVICE=cuda \
      ours compute-sanitizer --tool "$tool" --error-exitcode 3 build-gpu/tests/unit_tests \
      --source-file="$files" --source-file-exclude="$without" --test-case-exclude='*allocate*' \
      --no-skipped-summary >$output 2>&1
    status=$?
    tail -n 12 $output
    echo "$tool: exit code $status$([[ $status != 124 ]] || echo ", out of time")"
    ((status == 0)) && grep -qE 'test cases: +[1-9]' $output || code=1  # no test is no success
  done
  return $code
}

phase_profile() {
  command -v ncu >/dev/null || { echo "no ncu in PATH"; return "$kNotRun"; }
  ours tools/profile.sh -o build-gpu/profile -p build-gpu/train_ebm_vae ncu mnist --profile paper --energy-lr 1e-5 \
    --iterations 2 && cat build-gpu/profile/ncu.txt
}
