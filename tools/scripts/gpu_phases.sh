# The phases of tools/gpu_check.sh, which sources this file: phase_NAME each. A phase prints what the report is to
# hold and returns 0, $kNotRun, 124 when it was out of time, or another code; it gets the tree's root as the present
# folder, $capability, $cuda_roots, $libraries, $programs, $pack, $rehearsal, $run, $out and $deadline, and within(),
# with_libraries(), ours() and program(). tools/gpu_pack.sh takes kParity from here.
# shellcheck shell=bash disable=SC2154,SC2034  # the variables come from there and go there

# A run that CPU and GPU make alike: small batches; fixed plans, so that only the order of sums differs.
readonly kParity=(mnist --profile paper --precision fp32 --energy-lr 1e-5 --batch 20 --chains 20 --steps 10
  --iterations 8 --deterministic --seed 1 --quiet --checkpoint-every 0 --samples-every 100000)

# What is measured and trained: the paper's mnist net at its recipe's 400 chains. The host GPU gets what it can do in
# a minute, which shows that the script works and nothing else.
sizes() {
  bench_size=(--net mnist --batch 400) iterations=40
  recipe=(mnist --profile paper)
  # At the paper's learning rate of the energy the networks lose their balance within a hundred iterations, and of
  # two runs that do, nothing can be said. With this one 110 iterations pass without a return (seen on the CPU).
  balanced=(--energy-lr 1e-5 --batch 100 --chains 100 --steps 20)
  parity=("${kParity[@]}")
  threads=$(($(nproc) / 4 > 1 ? $(nproc) / 4 : 1))  # of each of several test programs
  if ((rehearsal)); then
    bench_size=(--net tiny --batch 4 --no-ceilings) iterations=4
    recipe=(synthetic --profile laptop --width 8)
    balanced=(--batch 8 --chains 8 --steps 4 --sample-steps 4)
    parity=("${recipe[@]}" "${balanced[@]}" --precision fp32 --iterations 2 --deterministic --seed 1 --quiet
      --checkpoint-every 0 --samples-every 100000)
    threads=1
    export EBM_CONV_TIMING=0  # of convolutions: it takes minutes there
  fi
}

phase_env() {
  local name code=0
  ((rehearsal)) || nvidia-smi 2>&1 | grep -v '^ *$' | head -n 14
  nvcc --version 2>/dev/null | grep release || echo "no nvcc"
  python3 -c '
import importlib.metadata as metadata
for name in ["torch", "nvidia-cudnn-cu13", "nvidia-cublas", "nvidia-cuda-nvrtc"]:
    try: print("python3:", name, metadata.version(name))
    except metadata.PackageNotFoundError: print("python3: no", name)' || echo "no python3"
  echo "libraries: ${libraries//:/ }"
  with_libraries python3 tools/scripts/gpu_figures.py --versions || ((rehearsal)) || code=1
  if [[ -n "${packed_programs+x}" ]]; then
    echo "the programs are being built here, because these do not start: ${packed_programs:-none were named}"
    head -n 3 "$run/logs/start.log"
    [[ -z "$packed_programs" ]] || code=1
    return $code
  fi
  for name in ebm train_ebm_vae unit_tests; do
    with_libraries ldd "$(program $name)" | grep 'not found' && code=1
    if ours $name --help >"$run/logs/start.log" 2>&1; then
      echo "$name starts"
    else
      echo "$name does not start, exit code $?: $(head -n 1 "$run/logs/start.log")"
      code=1
    fi
  done
  return $code
}

# The programs, into $programs, one after the other: the first benches wait for ebm alone.
phase_build() {
  local name
  for name in nvcc cmake ninja; do
    command -v $name >/dev/null || { echo "no $name in PATH"; return 1; }
  done
  rm -f "$programs"/{ebm,train_ebm_vae,tests/unit_tests}  # an older build must not pass for this one
  [[ -z "$pack" ]] || export CMAKE_PREFIX_PATH=$pack/usr
  with_libraries cmake -S . -B "$programs" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEBM_CUDA=ON \
    -DCMAKE_CUDA_ARCHITECTURES="${capability/./}-real" "-DEBM_CUDA_ROOTS=$(IFS=';' && echo "${cuda_roots[*]}")" ||
    return
  for name in ebm train_ebm_vae unit_tests; do
    with_libraries cmake --build "$programs" --target ${name/#%ebm/ebm_tool} || return
    : >"$run/built.$name"
  done
}

# bench NAME FLAGS: into logs/NAME.json
bench() { EBM_CONV_PLANS=verbose ours ebm bench --device cuda --json "$run/logs/$1.json" "${@:2}"; }
phase_first() {
  local code=0
  bench first_bf16 --precision bf16 --only langevin "${bench_size[@]}" || code=$?
  bench first_tf32 --precision tf32 --only langevin "${bench_size[@]}" || code=$?
  EBM_FUSED_STEP=0 bench first_bf16_unfused --precision bf16 --only langevin "${bench_size[@]}" --no-ceilings || code=$?
  return $code
}
# bench_modes PART: in bf16 and in tf32
bench_modes() {
  local code=0 precision
  for precision in bf16 tf32; do
    bench "$1_$precision" --precision $precision --only "$1" "${bench_size[@]}" --no-ceilings || code=$?
  done
  return $code
}
phase_ops() { bench_modes ops; }
phase_training() { bench_modes training; }

# Processes that run side by side; together() prints each one's end, and its code is that of one that failed.
names=() pids=()
beside() {  # NAME COMMAND
  "${@:2}" >"$run/logs/$1.log" 2>&1 &
  names+=("$1") pids+=("$!")
}
together() {
  local code=0 status i log
  for i in "${!pids[@]}"; do
    status=0 log=$run/logs/${names[i]}.log
    wait "${pids[i]}" || status=$?
    # no test is no success
    ! grep -qE 'test cases: +0 ' "$log" || status=1
    echo "${names[i]}: exit code $status$([[ $status != 124 ]] || echo ', out of time')"
    grep -E 'ERROR:|FATAL|^ +values:|^ +logged:|ERROR SUMMARY' "$log" | head -n 8
    tail -n 3 "$log"
    ((status == 0)) || code=$status
  done
  names=() pids=()
  return $code
}

# cases NAME DOCTEST_FILTERS: unit tests on the GPU, beside others; under a tool where $under names one.
under=()
cases() {
  beside "$1" with_libraries env EBM_CONV_PLANS=verbose EBM_TEST_DEVICE=cuda OMP_NUM_THREADS="$threads" \
    OMP_WAIT_POLICY=passive "${under[@]}" "$(program unit_tests)" --no-skipped-summary --duration=true \
    --no-colors=true "${@:2}"
}
phase_tests() {
  local products='*linear_test*,*to_bf16_test*'
  if ((rehearsal)); then
    cases tests_kernels --source-file='*kernels/reduce_test*,*kernels/scalars_test*'
  else
    cases tests_core --source-file='*tests/core/*'
    cases tests_products --source-file="$products"
    cases tests_fused_step --source-file='*langevin_conv_test*'
    cases tests_kernels --source-file='*tests/kernels/*' \
      --source-file-exclude="*kernels/conv*,*langevin_conv*,*cublaslt*,*round_operand*,$products"
  fi
  together
}
# cuDNN compiles about a hundred plans for each precision, so a process each.
phase_conv_tests() {
  local file='--source-file=*conv_device_test*'
  if ((!rehearsal)); then
    cases conv_tests_fp32 "$file" --test-case='*fp32*'
    cases conv_tests_tf32 "$file" --test-case='*tf32*'
    cases conv_tests_bf16 "$file" --test-case='*bf16*'
  fi
  cases conv_tests_others "$file" --test-case-exclude='*fp32*,*tf32*,*bf16*'
  together
}
phase_more_tests() {
  if ((rehearsal)); then
    cases more_tests_networks --source-file='*tests/autograd/tape_test*'
  else
    cases more_tests_networks --source-file='*tests/autograd/*,*tests/models/*,*round_operand*'
    cases more_tests_train --source-file='*tests/train/*'
    cases more_tests_evaluate --source-file='*tests/tools/evaluate/*' --test-case-exclude='*nception*'
  fi
  together
}
# Of the kernels' tests two that reach all kinds of access, without the case that calls cuDNN: its kernels are not
# ours, and there are many. Exact: it sees what goes beyond a tensor, not only beyond the block that a tensor lies in.
phase_sanitize() {
  command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer in PATH"; return "$kNotRun"; }
  ((!rehearsal)) || { echo "the host GPU is not a device that compute-sanitizer knows"; return "$kNotRun"; }
  under=(compute-sanitizer --tool memcheck --error-exitcode 3)
  EBM_EXACT_MEMORY=1 cases sanitize_memcheck --source-file='*langevin_conv_test*,*reduce_test*' \
    --test-case-exclude='*one after the other*'
  together
}

# train NAME FLAGS: into trainings/NAME
train() {
  rm -rf "$run/trainings/$1"
  ours train_ebm_vae "${@:2}" --out "$run/trainings/$1"
}
# The CPU's half was made when the pack was.
phase_parity() {
  local cpu=$pack/parity-cpu code=0
  if ((rehearsal)) || [[ -z "$pack" ]]; then
    cpu=$run/trainings/parity-cpu
    train parity-cpu "${parity[@]}" --device cpu || return
  fi
  train parity-cuda "${parity[@]}" --device cuda || return
  within python3 tools/scripts/compare_metrics.py "$cpu" "$run/trainings/parity-cuda"
}

# In the precision that a GPU trains in by default.
phase_graph() {
  local code=0 first=$run/trainings/graph
  local flags=("${recipe[@]}" "${balanced[@]}" --device cuda --precision tf32 --seed 1 --iterations "$iterations"
    --deterministic --quiet --checkpoint-every 0 --samples-every 100000)
  beside graph_recorded train graph "${flags[@]}"
  beside graph_again train graph-again "${flags[@]}"
  beside graph_without train graph-without "${flags[@]}" --no-graph
  together || return
  echo "the same seed twice:"
  within python3 tools/scripts/compare_metrics.py --exact "$first" "$first-again" || code=$?
  echo "with and without graphs:"
  within python3 tools/scripts/compare_metrics.py --exact "$first" "$first-without" || code=$?
  return $code
}

# The same short run twice with a folder for cuDNN's plans that is empty at first.
phase_start() {
  local which seconds
  for which in first second; do
    seconds=$(EBM_CONV_CACHE=$run/start_plans seconds_of train "start-$which" "${recipe[@]}" "${balanced[@]}" \
      --device cuda --precision bf16 --seed 1 --iterations 1 --quiet --checkpoint-every 0) || return
    echo "$which start, one iteration and a picture: $seconds s (target of the second's first iteration: 2)"
    grep '^# cuDNN' "$run/trainings/start-$which/config.toml"
  done
}

# One pass a kernel, so that its time is that of a run; clocks as they are: ncu would fix them, which others who use
# the GPU would feel. "langevin/": inside a pushed range of this name; the skipped launches choose plans.
phase_ncu() {
  local metrics file=$run/logs/ncu.csv
  command -v ncu >/dev/null || { echo "no ncu in PATH"; return "$kNotRun"; }
  ((!rehearsal)) || { echo "the host GPU is not a device that ncu knows"; return "$kNotRun"; }
  # not every chip has the second and third
  for metrics in gpu__time_duration.sum,sm__inst_executed_pipe_tensor.sum,dram__bytes.sum gpu__time_duration.sum; do
    with_libraries ncu --metrics $metrics --clock-control none --cache-control none --nvtx --nvtx-include langevin/ \
      --launch-skip 200 --launch-count 24 --csv --page raw --print-units base "$(program train_ebm_vae)" \
      "${recipe[@]}" --energy-lr 1e-5 --device cuda --precision bf16 --iterations 2 --no-graph --seed 1 --quiet \
      --checkpoint-every 0 --samples-every 100000 --out "$run/trainings/ncu" >"$file" 2>"$run/logs/ncu_stderr.log"
    rm -rf "$run/trainings/ncu"
    if python3 tools/scripts/gpu_figures.py --ncu "$file" >"$out/ncu.txt" 2>"$run/logs/ncu_table.log"; then
      cat "$out/ncu.txt"
      return 0
    fi
    tail -n 3 "$file" "$run/logs/ncu_stderr.log"
  done
  return 1
}

# peer PRECISION NET COMPILE NAME: the same step in PyTorch, beside the time that ebm had in this run; COMPILE seconds
# are for torch.compile.
peer() {
  local caller=$run/ebm_with_libraries ebm_json=()
  within python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null ||
    { (($? != 124)) || return 124; echo "python3 has no PyTorch that sees a GPU"; return "$kNotRun"; }
  # python3 loads its own libraries, the program that it calls ours
  printf '#!/usr/bin/env bash\nexport LD_LIBRARY_PATH=%q\nexec %q "$@"\n' "$libraries" "$(program ebm)" >"$caller"
  chmod +x "$caller"
  [[ ! -s $run/logs/first_$1.json || $2 != mnist ]] || ebm_json=(--ebm-json "$run/logs/first_$1.json")
  # it ends by itself, unless PyTorch's compilers keep it from that
  within python3 tools/bench/bench_torch.py --device cuda --precision "$1" --nets "$2" --parts langevin --rounds 1 \
    --budget "$3" --limit $((deadline - SECONDS - 5)) --ebm "$caller" "${ebm_json[@]}" --json "$run/logs/$4.json"
}
phase_peer_bf16() { peer bf16 mnist 75 peer_bf16; }
phase_peer_tf32() { peer tf32 mnist 60 peer_tf32; }
phase_peer_cifar10() { peer bf16 cifar10 75 peer_cifar10; }

# The laptop profile keeps its balance for thousands of iterations, so that its curves can be compared.
phase_precision() {
  local mode flags=(mnist --profile laptop --iterations 600) nets=(--net "mnist,cifar10" --n 4)
  local curves=$run/trainings/curves
  if ((rehearsal)); then flags=("${recipe[@]}" "${balanced[@]}" --iterations 4) nets=(--net laptop --n 1); fi
  flags+=(--device cuda --quiet --checkpoint-every 0 --samples-every 100000)
  beside precision_nets ours ebm precision --device cuda "${nets[@]}"
  for mode in fp32 tf32 bf16; do
    beside precision_$mode train curves-$mode "${flags[@]}" --seed 1 --precision $mode
  done
  beside precision_seed_2 train curves-seed-2 "${flags[@]}" --seed 2 --precision fp32
  together || return
  cat "$run/logs/precision_nets.log"
  within python3 tools/scripts/compare_metrics.py --curves "$curves"-{fp32,seed-2,tf32,bf16}
}

# seconds_of COMMAND: runs it, then prints how long that took.
seconds_of() {
  local begin=$EPOCHREALTIME
  "$@" >&2 || return
  awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}
# rollbacks NAME: how often the run went back to an earlier state.
rollbacks() { awk -F, '!/^[#i]/ { n = $2 } END { print n + 0 }' "$run/trainings/$1/metrics.csv"; }

# A folder for the recipe whose data the pack leaves out: a step's time does not depend on what the pixels are.
made_up_data() {
  mkdir -p "$run/data/cifar10" || return
  ln -s "${EBM_DATA:-${XDG_CACHE_HOME:-$HOME/.cache}/ebm}/mnist" "$run/data/mnist"
  python3 -c '
import os, sys
for name in ["data_batch_%d" % i for i in range(1, 6)] + ["test_batch"]:
    with open(sys.argv[1] + "/" + name + ".bin", "wb") as file:
        for i in range(10000):
            file.write(bytes([i % 10]) + os.urandom(3072))' "$run/data/cifar10"
}
train_epochs() {  # RECIPE N
  local flags=("$1" --profile paper --data "$run/data")
  ((!rehearsal)) || flags=("${recipe[@]}" --batch 128 --chains 8 --steps 4 --sample-steps 4)
  train "epoch-$1-$2" "${flags[@]}" --device cuda --precision tf32 --seed 1 --quiet --checkpoint-every 0 --epochs "$2"
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
  if ((rehearsal)); then epochs synthetic 1 2 1.5; return; fi
  made_up_data || return
  echo "cifar10 on random pixels: the time does not depend on them, the losses do"
  epochs mnist 1 6 1.5 && epochs cifar10 1 2 8
}

# Of the time that an iteration takes by the clock, the part in which the GPU was in its recorded iteration, by events
# at the beginning and end of the four phases.
phase_busy() {
  local short long few=60 many=460 settings=(--energy-lr 1e-5)
  ((!rehearsal)) || few=4 many=12 settings=("${balanced[@]}")
  local flags=("${recipe[@]}" "${settings[@]}" --device cuda --precision tf32 --seed 1 --quiet --checkpoint-every 0
    --samples-every 100000)
  short=$(seconds_of train busy-short "${flags[@]}" --iterations $few) || return
  long=$(seconds_of train busy "${flags[@]}" --iterations $many) || return
  awk -F, -v few=$few -v rehearsal="$rehearsal" -v wall="$(awk -v s="$short" -v l="$long" -v n=$((many - few)) 'BEGIN { print (l - s) / n }')" '
    !/^[#i]/ && $1 > few { device += $(NF-3) + $(NF-2) + $(NF-1) + $NF; langevin += $(NF-2); ++n; back = $2 }
    END {
      if (!n || wall <= 0) { print "no times: " n " iterations, " wall " s each"; exit 1 }
      share = device / n / wall
      printf "an iteration by the clock %.3f ms, on the GPU %.3f ms, of these the Langevin phase %.3f ms\n",
        1e3 * wall, 1e3 * device / n, 1e3 * langevin / n
      if (share > 1.01 && !rehearsal) { printf "%.0f %% of the time: something disturbed the clock\n", 100 * share; exit 1 }
      printf "busy %.1f %%, target 97: %s (%d iterations, %d rollbacks)\n", 100 * share,
        (share >= 0.97 ? "met" : "missed"), n, back }' "$run/trainings/busy/metrics.csv"
}

# The compute side of strong scaling, on one GPU; one rank sums nothing, so of sums it names what several would.
phase_scaling() {
  local shares=(--share 1,2,4,8,16,32,64 --net mnist,cifar10 --precision bf16-chains)
  ((!rehearsal)) || shares=(--share 8 --net tiny)
  ours ebm bench --device cuda "${shares[@]}" --json "$run/logs/scaling_share.json" || return
  ours ebm bench --device cuda --comm || return
  within python3 tools/scripts/scaling_model.py --share "$run/logs/scaling_share.json"
}

# What a phase that passes shows: the beginnings of docs/gpu.md's rows. "agrees": its tests passed or its figures were
# those of another way; "timed": it ran, and a time was measured.
# shellcheck disable=SC2016
readonly kShows='
tests      agrees device selection, stream, copies
tests      agrees caching allocator on device memory
tests      agrees recording and replaying CUDA graphs
tests      agrees numbers read from device memory
tests      agrees Philox rounds
tests      agrees normal, uniform, Bernoulli, dropout
tests      agrees row, column and total sums
tests      agrees batch normalisation
tests      agrees borders for uneven padding
tests      agrees pooling over windows
tests      agrees matrix products
tests      agrees precision mode bf16: products
tests      agrees precision mode bf16: both factors
tests      agrees first layer
tests      agrees Adam, moving average
tests      agrees out of memory
tests      agrees the count of calls to a GPU
conv_tests agrees convolution, forward
conv_tests agrees convolution, gradient of the input
conv_tests agrees convolution, gradient of the weights
conv_tests agrees convolution, bias and leaky ReLU
conv_tests agrees input gradient and leaky ReLU
conv_tests agrees ways of a convolution timed once a shape
conv_tests agrees a chain
conv_tests agrees precision mode fp32
conv_tests agrees precision mode tf32
conv_tests agrees precision mode bf16: convolutions
parity     agrees training step end to end
graph      agrees the whole training step recorded
graph      agrees chains in recorded blocks
graph      agrees `--deterministic`
more_tests agrees elementwise maths, bias
more_tests agrees joining and cutting channels
more_tests agrees bias and leaky ReLU in place
more_tests agrees bilinear resizing
more_tests agrees losses read while
more_tests agrees pinned uploads
more_tests agrees replay buffer
more_tests agrees leapfrog steps
more_tests agrees Langevin step
more_tests agrees chains in bf16 beside
first      timed  chains in recorded blocks
first      timed  a chain
first      timed  Langevin step
first      timed  first layer
first      timed  ceilings and rates
ops        timed  convolution,
ops        timed  input gradient and leaky ReLU
ops        timed  row, column and total sums
ops        timed  Adam, moving average
training   timed  the whole training step recorded
training   timed  training step end to end
training   timed  phases timed by events
scaling    timed  an iteration of the share
start      timed  an iteration rehearsed
start      timed  compiled engines kept on disk
ncu        timed  NVTX ranges
'
# The rows that change, in the table's order: measured where a time was and a test passed, agrees where a test did,
# runs where nothing was compared.
ledger() {
  local phase state row code
  echo '| capability | where | state | device | date | commit |'
  echo '|---|---|---|---|---|---|'
  while read -r phase state row; do
    read -r code _ 2>/dev/null <"$run/done.${phase:-none}" || continue
    [[ $code != 0 ]] || echo "$state $row"
  done <<<"$kShows" 2>/dev/null |
    awk -v device="${gpu%%,*}" -v date="${date%% *}" -v commit="$commit" '
      FNR == NR { state = $1; sub(/^[a-z]+ /, ""); shown[$0] = shown[$0] " " state; next }
      /^\| / {
        split($0, cell, / *\| */)
        states = ""
        for (row in shown) if (index(cell[2], row) == 1) states = states shown[row]
        if (states == "") next
        state = states !~ /agrees/ ? "runs" : states ~ /timed/ ? "measured" : "agrees"
        printf "| %s | %s | %s | %s | %s | %s |\n", cell[2], cell[3], state, device, date, commit
      }' - docs/gpu.md
}
