#!/usr/bin/env bash
# Shows that a change of the code changed no result: the programs of two builds are given the same work, and all that
# they print and write is compared byte by byte.
#
#   tests/same_bits.sh OLD NEW [--only configs,help,methods,commands]
#
# OLD and NEW: folders with train_ebm_vae and ebm. Where both have tests/host_gpu/libhost_gpu.so, the work is done on
# the host GPU, with graphs; else on the CPU, on one thread. Needs python3. Data sets are made here, of noise.
#
#   configs   config.toml of every recipe, profile and method
#   help      --help of every program and command
#   methods   30 iterations of every method with --deterministic (host GPU: 6 smaller ones): metrics.csv without its
#             seconds, checkpoints, pictures; the checkpoint of OLD goes on in NEW
#   commands  what ./ebm makes of those checkpoints
#
# Differences that are meant stand in `allowed` below, each with its reason.
set -uo pipefail

stop() {
  echo "same_bits: $*" >&2
  exit 2
}
(($# == 2 || ($# == 4))) || stop "received $# arguments; expected OLD NEW [--only PARTS]"
declare -A build=([old]=$(readlink -e "$1") [new]=$(readlink -e "$2"))
parts=configs,help,methods,commands
(($# == 2)) || { [[ $3 == --only ]] && parts=$4; } || stop "received \"$3\"; expected --only"
for side in old new; do
  [[ -x ${build[$side]}/train_ebm_vae && -x ${build[$side]}/ebm ]] ||
    stop "no train_ebm_vae and ebm in ${build[$side]:-$1 or $2}"
done
device=cpu
if [[ -e ${build[old]}/tests/host_gpu/libhost_gpu.so && -e ${build[new]}/tests/host_gpu/libhost_gpu.so ]]; then
  device=cuda
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export EBM_DATA=$work/data EBM_CONV_TIMING=0 EBM_CONV_CACHE=0 OMP_NUM_THREADS=1 COLUMNS=100 XDG_CACHE_HOME=$work/cache

readonly kMethods="ebm-vae vae coopnets short-run persistent"

# program SIDE NAME [arguments]
program() {
  local folder=${build[$1]}
  LD_LIBRARY_PATH=$folder/tests/host_gpu $run_as "$folder/$2" "${@:3}"
}
run_as=env

# What is meant to differ: lines that are taken out of texts before they are compared.
allowed='tools/(scripts/)?inception_weights.py'  # the script has moved
allowed+='|^dataset = '                           # data set and recipe are two things
allowed+='|^held-out = |^# label of a class'          # a setting that has come
allowed+='|^# factor of (the energy net|what a return)'  # words of guard-lr-factor
allowed+='|^# (iterations (between|from)|arithmetic of|choose kernels)'  # keys that have got a comment
# Of checkpoints: metadata and tensors that one side may lack, by the beginnings of their names.
# Files that are another text now.
allowed_files='help/(train|train_cifar10|ebm).txt'  # the words of options are those of the settings; ebm train
allowed_entries='guard.state guard.diverged guard.returned_to'  # the guard's states came into checkpoints
allowed_entries+=' crc32 version'                                # and who wrote them
allowed+='|^# Made by'

cat >"$work/tools.py" <<'EOF'
import csv, json, pathlib, re, struct, sys

def make_data(folder):
    root = pathlib.Path(folder)
    words = [1]
    def noise(n):
        out = bytearray()
        while len(out) < n:
            words[0] = words[0] * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
            out += words[0].to_bytes(8, "little")
        return bytes(out[:n])
    for name in ("mnist", "fashion"):
        (root / name).mkdir(parents=True)
        for split, n in (("train", 96), ("t10k", 32)):
            (root / name / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, n, 28, 28) + noise(n * 784))
            (root / name / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, n) + bytes(i % 10 for i in range(n)))
    (root / "cifar10").mkdir()
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        records = b"".join(bytes([i % 10]) + noise(3072) for i in range(16))
        (root / "cifar10" / (name + ".bin")).write_bytes(records)

def read_checkpoint(path, drop):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    entries = {"metadata " + k: v for k, v in header.pop("__metadata__").items()}
    entries["metadata config"] = kept_config(entries["metadata config"])
    for name, e in header.items():
        first, last = e["data_offsets"]
        entries[name] = (e["dtype"], tuple(e["shape"]), data[8 + size + first:8 + size + last])
    return {k: v for k, v in entries.items() if not (drop and k.removeprefix("metadata ").startswith(drop))}

def read_metrics(path):
    lines = path.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    columns = [i for i, name in enumerate(rows[0]) if not name.startswith("seconds_")]
    return comments, [rows[0]] + [[row[i] for i in columns] for row in rows[1:]]

def kept(text):
    return [line for line in text.splitlines() if not (allowed and re.search(allowed, line))]

# The order of keys says nothing, nor do the seconds of a comment.
def kept_config(text):
    return sorted(kept(re.sub(r"\d+\.\d+ s\b", "-", text)))

def content(path, drop):
    if path.suffix == ".safetensors": return read_checkpoint(path, drop)
    if path.name == "metrics.csv": return read_metrics(path)
    if path.suffix in (".png", ".npy"): return path.read_bytes()
    if path.suffix == ".toml": return kept_config(path.read_text())
    # folders of the two sides, and times of day
    return kept(re.sub(r"\d+(\.\d+)? s\b|/(old|new)/|\d{4}-\d\d-\d\d \d\d:\d\d", "-", path.read_text()))

def first_difference(a, b):
    if isinstance(a, dict):
        names = [k for k in sorted(set(a) | set(b)) if a.get(k) != b.get(k)]
        return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    if isinstance(a, list):
        for x, y in zip(a, b):
            if x != y: return f"{x!r} became {y!r}"
        return f"{len(a)} lines became {len(b)}"
    if isinstance(a, tuple):
        return "; ".join(first_difference(x, y) for x, y in zip(a, b) if x != y)
    return "other bytes"

if sys.argv[1] == "data":
    make_data(sys.argv[2])
else:
    old, new = map(pathlib.Path, sys.argv[2:4])
    allowed, drop, other = sys.argv[4], tuple(sys.argv[5].split()), sys.argv[6]
    files = sorted({p.relative_to(root) for root in (old, new) for p in root.rglob("*")
                    if p.is_file() and p.suffix in (".toml", ".csv", ".safetensors", ".png", ".npy", ".txt", ".json")})
    wrong = 0
    for name in files:
        if not (old / name).exists() or not (new / name).exists():
            wrong += 1
            print(f"{name}: only in {'NEW' if (new / name).exists() else 'OLD'}")
            continue
        if re.fullmatch(other, str(name)): continue
        a, b = content(old / name, drop), content(new / name, drop)
        if a != b:
            wrong += 1
            print(f"{name}: {first_difference(a, b)}")
    print(f"{len(files)} files compared, {wrong} differ")
    sys.exit(wrong > 0 or not files)
EOF
python3 "$work/tools.py" data "$EBM_DATA" || stop "no data could be made"

# config.toml lies there before the first iteration, which is not waited for.
configs() {
  local recipe profile method out
  for recipe in mnist fashion cifar10 synthetic; do
    for profile in paper laptop; do
      for method in $kMethods; do
        out=$1/configs/$recipe-$profile-$method
        (cd "$work" && run_as="exec env" && program "$1" train_ebm_vae $recipe --profile $profile --method "$method" --device cpu --quiet \
          --out "$out") >"$work/log" 2>&1 &
        for _ in {1..300}; do
          [[ ! -e $work/$out/config.toml ]] || break
          sleep 0.05
        done
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null
        rm -rf "$work/$out"/{*.csv,samples,events*}
      done
    done
  done
}

help() {
  local name
  mkdir -p "$work/$1/help"
  program "$1" train_ebm_vae --help >"$work/$1/help/train.txt" 2>&1
  program "$1" train_ebm_vae cifar10 --help >"$work/$1/help/train_cifar10.txt" 2>&1
  program "$1" ebm --help >"$work/$1/help/ebm.txt" 2>&1
  for name in fetch sample energy info evaluate report interpolate trace reconstruct neighbours mean diagnose loglik \
    ood bench precision; do
    program "$1" ebm $name --help >"$work/$1/help/$name.txt" 2>&1
  done
}

methods() {
  local method n=30 small=(--batch 16 --chains 12 --width 8 --generator-width 16 --encoder-width 8)
  [[ $device == cpu ]] || { n=6 small=(--batch 4 --chains 4 --steps 3 --width 8 --generator-width 8 --encoder-width 8); }
  train() {
    (cd "$work" && program "$1" train_ebm_vae "${@:3}" --device $device --deterministic --seed 7 --out "$1/methods/$2") \
      >"$work/$1.$2.txt" 2>&1 || echo "same_bits: $1: training $2 failed: $(tail -n 1 "$work/$1.$2.txt")" >&2
    rm -f "$work/$1/methods/$2/"{events*,report.html,model.safetensors}
  }
  for method in $kMethods; do
    train "$1" "$method" synthetic --profile laptop --method "$method" --iterations $n --checkpoint-every $((n / 2)) \
      --samples-every $((n / 2)) --sample-steps 5 "${small[@]}"
  done
  train "$1" dropout synthetic --profile laptop --iterations $((n / 3)) --dropout-keep 0.7 --sigma-ref 2 \
    --guard-move 0 --sample-steps 5 --ema-decay 0 "${small[@]}"
  train "$1" cifar10 cifar10 --profile laptop --iterations 2 --steps 2 --sample-steps 2 --batch 4 --chains 4 \
    --width 8 --generator-width 16 --encoder-width 8
  # a run that goes back
  train "$1" rollback synthetic --profile laptop --iterations $n --energy-lr 5 --energy-l2 0 --guard-gap 50 \
    --guard-every 3 --guard-lr-factor 0.0001 --sample-steps 3 "${small[@]}"
  [[ $device == cuda ]] || train "$1" paper mnist --profile paper --iterations 2 --steps 2 --batch 4 --chains 4
  # the checkpoint of OLD goes on
  for method in ebm-vae persistent; do
    (cd "$work" && cp -r "old/methods/$method" "$1/methods/$method-on" &&
      program "$1" train_ebm_vae --resume "$1/methods/$method-on" --device $device --iterations $((n + 2)) --quiet) \
      >"$work/log" 2>&1 || echo "same_bits: $1: $method does not go on: $(tail -n 1 "$work/log")" >&2
    rm -f "$work/$1/methods/$method-on/"{events*,report.html,model.safetensors}
  done
}

commands() {
  local method run few=4
  mkdir -p "$work/$1/commands"
  at() {
    (cd "$work/$1/commands" && program "$1" ebm "${@:3}" --device $device) >"$work/$1/commands/$2.txt" 2>&1
  }
  for method in $kMethods dropout; do
    run=$work/old/methods/$method
    [[ -d $run ]] || continue
    at "$1" "$method-sample" sample --run "$run" --n 5 --out "$method.npy"
    at "$1" "$method-generator" sample --run "$run" --n $few --generator-only --out "$method-generator.png"
    at "$1" "$method-energy" energy --run "$run" --images synthetic --out "$method-energy.csv"
    at "$1" "$method-trace" trace --run "$run" --n 2 --out "$method-trace.png"
    at "$1" "$method-reconstruct" reconstruct --run "$run" --n $few --images 8 --out "$method-reconstruct.png"
    at "$1" "$method-interpolate" interpolate --run "$run" --out "$method-interpolate.png"
    at "$1" "$method-neighbours" neighbours --run "$run" --n $few --out "$method-neighbours.png"
    at "$1" "$method-mean" mean --run "$run" --n 20 --out "$method-mean.png"
    at "$1" "$method-ood" ood --run "$run" --n 16 --json "$method-ood.json"
    [[ $device == cpu ]] || continue
    at "$1" "$method-evaluate" evaluate --run "$run" --n 100 --metrics psnr,ssim --json "$method-evaluate.json"
    at "$1" "$method-loglik" loglik --run "$run" --n 8 --chains 4 --steps 20 --leapfrog 2 --json "$method-loglik.json"
    at "$1" "$method-diagnose" diagnose --run "$run" --chains 4 --steps 40 --quality 0 --out "$method-diagnose"
    at "$1" "$method-precision" precision --run "$run"
  done
}

for side in old new; do
  mkdir "$work/$side"
  for part in ${parts//,/ }; do
    case $part in
      configs | help | methods | commands) $part $side ;;
      *) stop "received part \"$part\"; expected configs, help, methods or commands" ;;
    esac
    echo "$SECONDS s: $side $part"
  done
done
echo "same_bits: $device, $parts"
python3 "$work/tools.py" compare "$work/old" "$work/new" "$allowed" "$allowed_entries" "$allowed_files"
