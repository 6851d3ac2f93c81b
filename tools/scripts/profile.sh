#!/usr/bin/env bash
# Profiles the trainer on a GPU by NVIDIA's tools and writes what they find as text.
#
#   tools/scripts/profile.sh [-o FOLDER] [-p PROGRAM] [nsys|ncu] RECIPE [flags of ./train_ebm_vae]
#
#   nsys    Nsight Systems over 30 iterations: nsys.nsys-rep, the timeline with NVTX ranges for its viewer;
#           nsys.txt, time by range, kernel, copy and call of the runtime
#   ncu     Nsight Compute over 40 kernels of the Langevin chain after the first 400: ncu.ncu-rep, ncu.txt
#   neither: both, one after the other, as far as they are installed
#   -o      where to write [out/profile]
#   -p      the trainer [./train_ebm_vae]
#
# The trainer launches each kernel apart (--no-graph): in a replayed graph no phase could be told from another.
# ncu measures one kernel after the other, each several times, at the clocks that the GPU runs at: its times are not
# those of a run. Where it says ERR_NVGPUCTRPERM, the driver keeps the counters for root.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

stop() {
  echo "tools/scripts/profile.sh: $*" >&2
  exit 1
}

folder=$root/out/profile
program=$root/train_ebm_vae
while getopts ':o:p:' option; do
  case $option in
    o) folder=$OPTARG ;;
    p) program=$OPTARG ;;
    :) stop "-$OPTARG needs a value" ;;
    *) stop "unknown flag -$OPTARG before the recipe; expected -o FOLDER or -p PROGRAM" ;;
  esac
done
shift $((OPTIND - 1))
if [[ "${1:-}" == nsys || "${1:-}" == ncu ]]; then
  profilers=("$1")
  shift
else
  profilers=()
  for profiler in nsys ncu; do
    if command -v $profiler >/dev/null; then profilers+=($profiler); else echo "$profiler: not in PATH, left out"; fi
  done
fi
[[ $# -gt 0 && "$1" != -* ]] || stop "no recipe; expected mnist, fashion, cifar10 or synthetic"

((${#profilers[@]})) || stop "neither nsys nor ncu in PATH; they come with the CUDA toolkit or with Nsight Systems, Compute"
for profiler in "${profilers[@]}"; do
  command -v "$profiler" >/dev/null ||
    stop "no $profiler in PATH; it comes with the CUDA toolkit or with Nsight $([[ $profiler == nsys ]] && echo Systems || echo Compute)"
done
[[ -x "$program" ]] || stop "no program \"$program\": run tools/setup.sh first or name it by -p"
gpu=$(nvidia-smi -L 2>/dev/null | head -1) || true
[[ -n "$gpu" ]] || stop "no GPU here: nvidia-smi names none"
mkdir -p "$folder" || stop "cannot make the folder \"$folder\""

# The trainer with the given recipe and flags; flags of ours only where there is none of the user's.
train=("$program" "$@")
given() {
  local word
  for word in "${train[@]}"; do [[ "$word" != "$1" && "$word" != "$1="* ]] || return 0; done
  return 1
}
given --device || train+=(--device cuda)
given --iterations || train+=(--iterations 30)
given --checkpoint-every || train+=(--checkpoint-every 0)  # one at the end
given --quiet || train+=(--quiet)
given --no-graph || train+=(--no-graph)
given --out || {
  rm -rf "$folder/run"
  train+=(--out "$folder/run")
}

run_nsys() {
  nsys profile --trace=cuda,nvtx,cudnn,cublas --sample=none --cpuctxsw=none \
    --force-overwrite=true --output="$folder/nsys" "${train[@]}" || stop "nsys profile failed"
  [[ -s "$folder/nsys.nsys-rep" ]] || stop "nsys wrote no report"
  nsys stats --force-export=true \
    --report=nvtx_gpu_proj_sum,nvtx_kern_sum,cuda_gpu_kern_sum,cuda_gpu_mem_time_sum,cuda_api_sum \
    "$folder/nsys.nsys-rep" >"$folder/nsys.txt" || stop "nsys stats failed"
}

run_ncu() {
  local sections=() section
  for section in SpeedOfLight MemoryWorkloadAnalysis Occupancy LaunchStats WarpStateStats; do
    sections+=(--section "$section")
  done
  # "langevin/": inside a pushed range of this name. The skipped launches choose plans and fill caches.
  # clocks as they are: by default ncu fixes them, which others who use the GPU would feel
  ncu "${sections[@]}" --clock-control none --nvtx --nvtx-include langevin/ --launch-skip 400 --launch-count 40 \
    --force-overwrite --export "$folder/ncu" "${train[@]}" || stop "ncu failed"
  [[ -s "$folder/ncu.ncu-rep" ]] || stop "ncu wrote no report: no kernel matched, or it may not read the counters"
  ncu --import "$folder/ncu.ncu-rep" --page details >"$folder/ncu.txt" || stop "ncu --import failed"
}

echo "$gpu: ${train[*]}"
for profiler in "${profilers[@]}"; do
  rm -f "$folder/$profiler".*  # an older report must not pass for this one
  "run_$profiler"
  echo "$profiler: $folder/$profiler.txt"
done
