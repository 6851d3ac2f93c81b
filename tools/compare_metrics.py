#!/usr/bin/env python3
"""Compares two runs of the same settings on two devices, iteration by iteration.

    tools/compare_metrics.py RUN RUN

Prints the largest relative difference of each loss and fails where it is beyond what rounding makes of a
few iterations: training amplifies the last digits, so that the limit grows with the iteration.
"""
import csv
import sys

LOSSES = ["f_data", "f_samples", "reconstruction", "kl", "revision"]


def limit(iteration):
    return 1e-4 * 2.0 ** (iteration - 1)


def read(run):
    try:
        with open(run + "/metrics.csv") as file:
            rows = csv.DictReader(line for line in file if not line.startswith("#"))
            return [{name: float(row[name]) for name in ["iteration"] + LOSSES} for row in rows]
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"compare_metrics.py: {run}: no metrics of a run: {error}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    first, second = map(read, sys.argv[1:])
    if len(first) != len(second) or not first:
        sys.exit(f"compare_metrics.py: {len(first)} iterations against {len(second)}")
    # of a KL term that starts at 1e-6, rounding leaves no digit
    scale = {name: max(1e-2, max(abs(row[name]) for row in first)) for name in LOSSES}
    agree = True
    print("iteration " + "".join(f"{name:>16}" for name in LOSSES) + "           limit")
    for a, b in zip(first, second):
        differences = [abs(a[name] - b[name]) / scale[name] for name in LOSSES]
        allowed = limit(a["iteration"])
        agree = agree and all(d <= allowed for d in differences)  # NaN does not agree
        print(f"{a['iteration']:9.0f} " + "".join(f"{d:16.2e}" for d in differences) + f"{allowed:16.1e}")
    print("the runs agree" if agree else "the runs differ beyond rounding")
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
