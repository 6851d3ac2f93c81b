#!/usr/bin/env python3
"""Compares two runs of the same settings, iteration by iteration.

    tools/scripts/compare_metrics.py RUN RUN            e.g. on two devices: losses agree to rounding
    tools/scripts/compare_metrics.py --exact RUN RUN    every figure but the times is the same, to the last digit written
    tools/scripts/compare_metrics.py --curves RUN SEED RUN...   means over the quarters of several runs beside RUN's

Prints the largest relative difference of each loss and fails where it is beyond what rounding makes of a
few iterations: training amplifies the last digits, so that the limit grows with the iteration. Curves are
compared with how far another seed (SEED) takes them; that fails only where a figure is not finite. Runs that
went back to an earlier state are refused: chaos tells nothing.
"""
import csv
import math
import sys

LOSSES = ["f_data", "f_samples", "reconstruction", "kl", "revision"]
CURVES = ["f_data", "f_samples", "energy_gap", "grad_x", "revision", "reconstruction", "kl"]


def limit(iteration):
    return 1e-4 * 2.0 ** (iteration - 1)


def read(run):
    """The rows of a run's metrics as text."""
    try:
        with open(run + "/metrics.csv") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        for row in rows:
            for name in ["iteration"] + LOSSES:
                float(row[name])
        if rows and int(rows[-1]["rollbacks"]):
            sys.exit(f"compare_metrics.py: {run} diverged and went back {rows[-1]['rollbacks']} times: "
                     "a comparison needs settings that keep their balance")
        return rows
    except (OSError, KeyError, TypeError, ValueError) as error:
        sys.exit(f"compare_metrics.py: {run}: no metrics of a run: {error!r}")


def agree_exactly(first, second):
    for a, b in zip(first, second):
        for name in a:
            if not name.startswith("seconds_") and a[name] != b.get(name):
                print(f"iteration {a['iteration']}, {name}: {a[name]} against {b.get(name)}")
                return False
    print(f"{len(first)} iterations, the same to the last digit written")
    return True


def agree_to_rounding(first, second):
    # of a KL term that starts at 1e-6, rounding leaves no digit
    scale = {name: max(1e-2, max(abs(float(row[name])) for row in first)) for name in LOSSES}
    agree = True
    print("iteration " + "".join(f"{name:>16}" for name in LOSSES) + "           limit")
    for a, b in zip(first, second):
        differences = [abs(float(a[name]) - float(b[name])) / scale[name] for name in LOSSES]
        allowed = limit(float(a["iteration"]))
        agree = agree and all(d <= allowed for d in differences)  # NaN does not agree
        print(f"{a['iteration']:>9} " + "".join(f"{d:16.2e}" for d in differences) + f"{allowed:16.1e}")
    print("the runs agree" if agree else "the runs differ beyond rounding")
    return agree


def compare_curves(paths):
    runs = [read(path) for path in paths]
    if len({len(rows) for rows in runs}) != 1 or len(runs[0]) < 4:
        sys.exit("compare_metrics.py: runs of the same length, 4 iterations or more, expected")
    n, finite = len(runs[0]), True
    for quarter in range(4):
        first, end = quarter * n // 4, (quarter + 1) * n // 4
        print(f"mean of iterations {first + 1} to {end}")
        print(" " * 16 + "".join(f"{path.rstrip('/').split('/')[-1][-22:]:>24}" for path in paths))
        for name in CURVES:
            means = [sum(float(row[name]) for row in rows[first:end]) / (end - first) for rows in runs]
            finite = finite and all(map(math.isfinite, means))
            scale = max(1e-2, abs(means[0])) / 100
            print(f"{name:<16}{means[0]:24.5g}" +
                  "".join(f"{mean:13.5g} ({(mean - means[0]) / scale:+7.1f} %)" for mean in means[1:]))
    return finite


def main():
    if sys.argv[1:2] == ["--curves"]:
        if len(sys.argv) < 4:
            sys.exit(__doc__)
        sys.exit(0 if compare_curves(sys.argv[2:]) else 1)
    exact = sys.argv[1:2] == ["--exact"]
    runs = sys.argv[2 if exact else 1:]
    if len(runs) != 2:
        sys.exit(__doc__)
    first, second = map(read, runs)
    if len(first) != len(second) or not first:
        sys.exit(f"compare_metrics.py: {len(first)} iterations against {len(second)}")
    agree = agree_exactly if exact else agree_to_rounding
    sys.exit(0 if agree(first, second) else 1)


if __name__ == "__main__":
    main()
