#!/usr/bin/env bash
# tools/scripts/open_run.py beside ./ebm: the same energies from one run, and what it says of other files
# (open_run_test.cpp compares images and codes).
# Without Python's torch and numpy it is skipped (77).
#   tests/tools/open_run_test.sh REPOSITORY TRAIN_PROGRAM EBM_PROGRAM
set -euo pipefail
for python in python3 /usr/bin/python3 none; do  # Debian's, where another one comes first
  ! "$python" -c 'import numpy, torch' 2>/dev/null || break
done
[[ $python != none ]] || exit 77
repository=$1 train=$2 ebm=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export EBM_DATA=$folder/data
tiny=(--device cpu --threads 1 --batch 8 --chains 8 --steps 3 --width 4 --generator-width 16 --encoder-width 8 --iterations 30
  --quiet)
open_run() { "$python" "$repository/tools/scripts/open_run.py" "$@"; }
fail() {
  echo "open_run_test: $*" >&2
  exit 1
}

"$train" synthetic "${tiny[@]}" --sigma-ref 5 --out run
[[ -e run/model.safetensors ]] || fail "the run left no model.safetensors"
"$ebm" sample --run run --device cpu --n 16 --out x.npy >/dev/null
"$ebm" energy --run run --device cpu --images x.npy --out u.csv >/dev/null
open_run run --images x.npy >u.txt
open_run run >networks.txt
for name in energy generator encoder; do grep -q "^$name: [0-9]* parameters" networks.txt || fail "$(cat networks.txt)"; done
PYTHONPATH=$repository/tools/scripts "$python" - <<'END'
import csv, sys
import numpy as np, torch
from open_run import open_run, read_safetensors

ours = np.array([float(row[-1]) for row in csv.reader(l for l in open("u.csv") if not l.startswith("#")) if row[0] != "index"])
theirs = np.array([float(line) for line in open("u.txt")])
error = np.abs(ours - theirs).max() / np.abs(ours).max()
assert ours.shape == (16,) and error < 1e-5, f"energies differ by {error:.2g} of the largest"
assert ours.std() > 1e-3 * np.abs(ours).mean(), "energies that say nothing"

# the averages, not the weights that are trained: those give another energy
tensors, _ = read_safetensors("run/model.safetensors")
trained, metadata = read_safetensors(sorted(__import__("glob").glob("run/checkpoint-*"))[-1])
assert (tensors["energy.conv1.weight"] - trained["energy.conv1.weight"]).abs().max() > 1e-6
flat = trained["energy.average"]
n = tensors["energy.conv1.weight"].numel()
assert torch.equal(tensors["energy.conv1.weight"].flatten(), flat[:n])
END

open_run run --torchscript script >/dev/null
for name in energy generator encoder; do [[ -s script/$name.pt ]] || fail "no script/$name.pt"; done

# another method, a run without a model, a file of another kind
"$ebm" train lebm synthetic --device cpu --threads 1 --iterations 2 --batch 4 --quiet --out latent
open_run latent >networks.txt  # a pipe into grep -q would break while Python still writes
grep -q '^generator: ' networks.txt || fail "lebm's generator"
! open_run latent --images x.npy 2>err || fail "lebm gave energies of images"
grep -q '^error: method lebm has no energy of images' err || fail "$(cat err)"
rm run/model.safetensors
! open_run run 2>err || fail "a run without a model passed"
grep -q 'ebm export --run run' err || fail "$(cat err)"
"$ebm" export --run run >/dev/null
open_run run --images x.npy | cmp - u.txt || fail "the export differs from what the run wrote"
! open_run run/checkpoint-00000030.safetensors 2>err || fail "a checkpoint passed"
grep -q 'is no file of `./ebm export`' err || fail "$(cat err)"
