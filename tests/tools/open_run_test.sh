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

# uint8 as ebm takes it, and what is no image in [-1, 1]: one line with the file's name
"$python" - <<'END'
import numpy as np
x = np.load("x.npy")
np.save("u8.npy", np.clip((x + 1) * 127.5, 0, 255).round().astype(np.uint8))
np.save("unit.npy", np.clip((x + 1) / 2, 0, 1))
np.save("255.npy", (x + 1) * 127.5)
np.save("double.npy", x.astype(np.float64))
np.save("nan.npy", np.where(x < 0, np.nan, x).astype(np.float32))
np.save("wide.npy", np.zeros((2, 28, 32, 1), np.uint8))
np.save("flat.npy", np.zeros((2, 28, 28), np.uint8))
np.save("none.npy", x[:0])
open("cut.npy", "wb").write(open("x.npy", "rb").read()[:1000])
open("short.safetensors", "wb").write(b"abc")
model = open("run/model.safetensors", "rb").read()
open("cut.safetensors", "wb").write(model[:len(model) // 2])
open("wrong.safetensors", "wb").write(model.replace(b"conv1.weight", b"conv0.weight"))
END
"$ebm" energy --run run --device cpu --images u8.npy --out u8.csv >/dev/null
open_run run --images u8.npy >u8.txt
"$python" - <<'END'
import numpy as np
ours = np.array([float(line.split(",")[-1]) for line in open("u8.csv") if line[0].isdigit()])
theirs = np.loadtxt("u8.txt")
assert np.abs(ours - theirs).max() < 1e-5 * np.abs(ours).max(), "energies of uint8 images differ"
END
refused() {  # part of the line, arguments
  local part=$1 code=0
  shift
  open_run "$@" >out 2>err || code=$?
  [[ $code == 1 && ! -s out && $(wc -l <err) == 1 && $(<err) == "open_run.py: "*"$part"* ]] || fail "$*: code $code, $(cat err)"
}
refused 'unit.npy with values from' run --images unit.npy
refused '255.npy with values from' run --images 255.npy
refused 'double.npy of float64, expected uint8' run --images double.npy
refused 'nan.npy with values that are not finite' run --images nan.npy
refused 'wide.npy of shape (2, 28, 32, 1), expected (N, 28, 28, 1)' run --images wide.npy
refused 'flat.npy of shape (2, 28, 28), expected (N, 28, 28, 1)' run --images flat.npy
refused 'none.npy of shape (0, 28, 28, 1), expected (N, 28, 28, 1) with N of 1 or more' run --images none.npy
refused 'cut.npy, which is damaged' run --images cut.npy
refused 'short.safetensors, which is damaged' run --images short.safetensors
refused 'nothing.npy' run --images nothing.npy
refused 'received short.safetensors, which is damaged' short.safetensors
refused 'received cut.safetensors, which is damaged' cut.safetensors
refused 'wrong.safetensors' wrong.safetensors --images x.npy
refused 'received nowhere, which is not there' nowhere
refused 'u.txt' run --torchscript u.txt
refused 'unrecognized arguments: --nothing' run --nothing

# another method, a run without a model, a file of another kind
"$ebm" train lebm synthetic --device cpu --threads 1 --iterations 2 --batch 4 --quiet --out latent
open_run latent >networks.txt  # a pipe into grep -q would break while Python still writes
grep -q '^generator: ' networks.txt || fail "lebm's generator"
refused 'a run of method lebm, expected a run with an energy of images' latent --images x.npy
rm run/model.safetensors
refused 'ebm export --run run' run
"$ebm" export --run run >/dev/null
open_run run --images x.npy | cmp - u.txt || fail "the export differs from what the run wrote"
refused 'checkpoint-00000030.safetensors, expected a file of `./ebm export`' run/checkpoint-00000030.safetensors
