#!/usr/bin/env python3
"""What tools/gpu_check.sh has measured so far, as tables for docs/performance.md.

    tools/scripts/gpu_figures.py FOLDER          of the JSON files that `ebm bench` and bench_torch.py wrote there
    tools/scripts/gpu_figures.py --ncu FILE      of a CSV page of Nsight Compute: kernels in the order they ran
    tools/scripts/gpu_figures.py --versions      of cuDNN, cuBLASLt and NVRTC as the loader finds them

A file that is not there, or not complete yet, is left out.
"""
import csv
import ctypes
import json
import os
import statistics
import sys

PRECISIONS = ["bf16", "tf32"]


def read(folder, name):
    try:
        with open(os.path.join(folder, name + ".json")) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def rows_of(bench, part):
    return [row for row in bench["nets"][0]["rows"] if row["part"] == part] if bench else []


def number(value, form, scale=1.0):
    return "-" if value is None else format(scale * value, form)


def peer_table(folder, name):
    peer = read(folder, name)
    return peer["results"][0] if peer and peer.get("results") else {}


def langevin(folder):
    benches = {name: read(folder, "first_" + name) for name in PRECISIONS + ["bf16_unfused"]}
    known = [bench for bench in benches.values() if bench]
    if not known:
        return
    net = known[0]["nets"][0]
    print(f"### A Langevin step beside PyTorch: {net['net']} net, {net['batch']} chains of {net['step']['num_steps']}\n")
    print("| precision | ebm, µs a step | kernels a step | TFLOP/s | of the peak | GB/s | PyTorch's best | "
          "PyTorch, µs | ratio |\n|---|---|---|---|---|---|---|---|---|")
    for name, bench in benches.items():
        for row in rows_of(bench, "langevin"):
            peer = peer_table(folder, "peer_" + name)
            best = peer.get("best")
            theirs = statistics.median(peer["torch_ms"][best]) if best else None
            label = name.replace("_unfused", ", EBM_FUSED_STEP=0")
            print(f"| {label} | {number(row['ms'], '.1f', 1e3)} | {number(row.get('launches'), '.4g')} | "
                  f"{number(row.get('gflops'), '.1f', 1e-3)} | {number(row.get('fraction_of_peak'), '.0%')} | "
                  f"{number(row.get('gb_per_s'), '.0f')} | {best or '-'} | {number(theirs, '.1f', 1e3)} | "
                  f"{number(peer.get('ratio'), '.2f')} |")
    ceilings = [f"matrix products {bench['peak_gflops'] / 1e3:.0f} TFLOP/s in {name}, copies {bench['copy_gb_per_s']:.0f} GB/s"
                for name, bench in benches.items() if bench and bench.get("peak_gflops")]
    if ceilings:
        print(f"\nCeilings, measured beside it: {'; '.join(ceilings)}.")
    print()


def other_peers(folder):
    for name in ["peer_bf16", "peer_tf32", "peer_cifar10"]:
        peer = peer_table(folder, name)
        if not peer:
            continue
        print(f"PyTorch's variants, {peer['net']}, {peer['precision']}, µs a step "
              f"(ebm {statistics.median(peer['ebm_ms']) * 1e3:.1f}, ratio to the best {number(peer.get('ratio'), '.2f')}): ", end="")
        print("; ".join([f"{label} {statistics.median(ms) * 1e3:.1f}" for label, ms in peer["torch_ms"].items()] +
                        [f"{label}: {error}" for label, error in peer["torch_errors"].items()]) + ".\n")


def ops(folder):
    tables = {name: {row["name"]: row for row in rows_of(read(folder, "ops_" + name), "ops")} for name in PRECISIONS}
    names = list(dict.fromkeys(name for table in tables.values() for name in table))
    if not names:
        return
    print("### Ops of the same net and batch\n")
    print("| op | bf16, µs | TFLOP/s | plan | tf32, µs | TFLOP/s | plan |\n|---|---|---|---|---|---|---|")
    for name in names:
        cells = []
        for table in tables.values():
            row = table.get(name, {})
            cells += [number(row.get("ms"), ".1f", 1e3), number(row.get("gflops"), ".1f", 1e-3), row.get("plan", "-")]
        print(f"| {name} | {' | '.join(cells)} |")
    print()


def training(folder):
    tables = {name: rows_of(read(folder, "training_" + name), "training") for name in PRECISIONS}
    if not any(tables.values()):
        return
    print("### A training iteration\n\n| precision | what | ms |\n|---|---|---|")
    for name, rows in tables.items():
        for row in rows:
            print(f"| {name} | {row['name'].strip()} | {row['ms']:.3f} |")
        if rows:
            inside = sum(row["ms"] for row in rows[1:])
            print(f"| {name} | the four phases together, of the iteration by the clock | {inside / rows[0]['ms']:.1%} |")
    print()


def ncu(path):
    with open(path) as file:
        rows = [row for row in csv.DictReader(line for line in file if line.startswith('"')) if row["ID"].isdigit()]
    metrics = [name for name in (rows[0] if rows else {}) if "__" in name]
    print("us        " + "  ".join(m for m in metrics if not m.startswith("gpu__time")) + "  kernel")
    for row in rows:
        ns = float(row["gpu__time_duration.sum"].replace(",", ""))
        others = "  ".join(row[m] for m in metrics if not m.startswith("gpu__time"))
        print(f"{ns * 1e-3:8.2f}  {others}  {row['Kernel Name'][:150]}")
    return bool(rows)


def versions():
    """The same names as our programs use, looked for by the same loader: LD_LIBRARY_PATH is theirs here."""
    def ask(name, version):
        try:
            library = ctypes.CDLL(name)
            text = version(library)
        except (OSError, AttributeError) as error:
            print(f"{name}: {error}")
            return False
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "/" + name in line}
        print(f"{name}: {text}, {', '.join(sorted(paths))}")
        return True

    def cudnn(library):
        library.cudnnGetVersion.restype = ctypes.c_size_t
        v = library.cudnnGetVersion()
        return f"{v // 10000}.{v // 100 % 100}.{v % 100}"

    def cublaslt(library):
        library.cublasLtGetVersion.restype = ctypes.c_size_t
        v = library.cublasLtGetVersion()
        return f"{v // 10000}.{v // 100 % 100}.{v % 100}"

    def nvrtc(library):
        major, minor = ctypes.c_int(), ctypes.c_int()
        library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        return f"{major.value}.{minor.value}"

    return all([ask("libcudnn.so.9", cudnn), ask("libcublasLt.so.13", cublaslt), ask("libnvrtc.so.13", nvrtc)])


def main():
    if sys.argv[1:2] == ["--versions"]:
        sys.exit(not versions())
    if len(sys.argv) == 3 and sys.argv[1] == "--ncu":
        sys.exit(not ncu(sys.argv[2]))
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for table in (langevin, other_peers, ops, training):
        table(sys.argv[1])


if __name__ == "__main__":
    main()
