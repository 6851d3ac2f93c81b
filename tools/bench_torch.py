#!/usr/bin/python3
"""The Langevin step of ./ebm against the same step in PyTorch, on the same machine in one run.

    tools/bench_torch.py [--nets mnist,cifar10,laptop] [--rounds 5] [--json FILE]

Needs Debian's python3-torch; users of the engine need neither. PyTorch is given its best: all
threads, NCHW and channels_last, gradients of x alone, in-place activations, and the head both as it
is and reduced to the one output that the sum of its outputs is. Each round times every variant and
then `ebm bench`; a figure is its median over the rounds, and ebm is compared with the best
variant of PyTorch. OMP_WAIT_POLICY reaches both programs.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

# Debian's OpenBLAS does not recognise every processor and then runs at a fifth of its speed.
with open("/proc/cpuinfo") as cpuinfo:
    if "avx512f" in cpuinfo.read():
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("bench_torch.py: no PyTorch: apt-get install python3-torch, then /usr/bin/python3 it")


class Energy:
    """f of a net; head: 'outputs' as published, 'one' with summed weights, 'dot' that as a product.

    PyTorch pads both sides alike and would copy every image to pad [1, 2] or [0, 1]. With images
    and kernels mirrored the same network pads [2, 1] and [1, 0], which is what padding 2 and 1 come
    to here: the last column of zeros is never reached.
    """

    def __init__(self, step, memory_format, head):
        torch.manual_seed(1)
        self.format, self.head, self.slope = memory_format, head, step["negative_slope"]
        self.convs = []
        height, width, channels = step["image"]
        for conv in step["convs"]:
            kernel, stride, (before, after) = conv["kernel"], conv["stride"], conv["pad"]
            w = 0.05 * torch.randn(conv["channels"], channels, kernel, kernel)
            w = w.contiguous(memory_format=memory_format)
            channels, pad = conv["channels"], max(before, after)
            self.convs.append((w, torch.zeros(channels), stride, pad))
            assert before <= after, "mirroring needs the larger padding behind"
            rows, columns = (edge + before + after - kernel for edge in (height, width))
            assert rows // stride == (height + 2 * pad - kernel) // stride
            height, width = rows // stride + 1, columns // stride + 1
        w = 0.05 * torch.randn(step["outputs"], channels, height, width)
        if head != "outputs":
            w = w.sum(0, keepdim=True)
        self.w = w.contiguous(memory_format=memory_format)
        self.b = torch.zeros(w.shape[0])

    def __call__(self, h):
        for w, b, stride, pad in self.convs:
            h = F.leaky_relu_(F.conv2d(h, w, b, stride, pad), self.slope)
        return (h * self.w).sum() if self.head == "dot" else F.conv2d(h, self.w, self.b).sum()


def langevin_step(energy, step, x):
    x.requires_grad_(True)
    (df_dx,) = torch.autograd.grad(energy(x), x)
    with torch.no_grad():
        x = x.detach()
        if step["sigma_ref"]:
            x.mul_(1 - step["drift"] / step["sigma_ref"] ** 2)
        x.add_(df_dx, alpha=step["drift"])
        if step["noise"]:
            x.add_(torch.randn_like(x), alpha=step["noise"])
        if step["clamp"]:
            x.clamp_(-step["clamp"], step["clamp"])
    return x


def torch_ms(energy, step, batch):
    """Median milliseconds of a step over two seconds' worth, after five uncounted ones."""
    height, width, channels = step["image"]
    x = torch.rand(batch, channels, height, width) * 2 - 1
    x = x.contiguous(memory_format=energy.format)
    times = []
    while len(times) < 10 or sum(times) < 2.0:
        begin = time.perf_counter()
        x = langevin_step(energy, step, x)
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times[5:])


def ebm_bench(net, arguments):
    """What ./ebm bench says of the net's Langevin step: the step itself, its batch, its time."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [arguments.ebm, "bench", "--net", net, "--only", "langevin", "--device", "cpu",
                   "--threads", str(arguments.threads), "--json", file.name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()
            sys.exit(f"bench_torch.py: {' '.join(command)} failed: {reason}")
        result = json.load(file)
    measured = result["nets"][0]
    row = next(r for r in measured["rows"] if r["part"] == "langevin")
    return dict(step=measured["step"], batch=measured["batch"], ms=row["ms"],
                fraction=row["fraction_of_peak"], peak=result["peak_gflops"])


def spread(values):
    return f"{statistics.median(values):8.2f}  ({min(values):.2f} to {max(values):.2f})"


def compare(name, arguments):
    first = ebm_bench(name, arguments)  # tells what to compute; its time is not used
    step, batch = first["step"], first["batch"]
    heads = ["outputs", "one", "dot"] if step["outputs"] > 1 else ["outputs", "dot"]
    variants = {
        f"PyTorch {layout}, head {head}": Energy(step, memory_format, head)
        for layout, memory_format in [("NCHW", torch.contiguous_format),
                                      ("channels_last", torch.channels_last)]
        for head in heads
    }
    times = {label: [] for label in variants}
    ours = []
    for number in range(arguments.rounds):
        print(f"{name}, round {number + 1}", file=sys.stderr)
        for label, energy in variants.items():
            times[label].append(torch_ms(energy, step, batch))
        ours.append(ebm_bench(name, arguments))
    ours_ms = [o["ms"] for o in ours]
    fraction = statistics.median(o["fraction"] for o in ours)
    peak = statistics.median(o["peak"] for o in ours)

    print(f"\n{name}, batch {batch}, chains of {step['num_steps']}: ms per Langevin step, "
          f"median of {arguments.rounds} rounds (least to most)")
    for label, values in times.items():
        print(f"  {label:36}{spread(values)}")
    print(f"  {'ebm':36}{spread(ours_ms)}")
    best = min(times, key=lambda label: statistics.median(times[label]))
    # round by round too, so that a slow minute of the machine weighs on both sides
    ratios = [theirs / mine for theirs, mine in zip(times[best], ours_ms)]
    ratio = statistics.median(times[best]) / statistics.median(ours_ms)
    print(f"  ebm's rate is {ratio:.2f} x that of {best} "
          f"({min(ratios):.2f} to {max(ratios):.2f} round by round),\n"
          f"  nominally {100 * fraction:.0f} % of the matrix peak ({peak:.0f} GFLOP/s)")
    return dict(net=name, batch=batch, step=step, torch_ms=times, ebm_ms=ours_ms, best=best,
                ratio=ratio, fraction_of_peak=fraction, peak_gflops=peak)


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line for line in cpuinfo if line.startswith("model name")]
    name = models[0].split(":", 1)[1].strip() if models else platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default="mnist,cifar10,laptop")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--ebm", default=os.path.join(here, "..", "ebm"))
    parser.add_argument("--json")
    arguments = parser.parse_args()
    names = arguments.nets.split(",")
    if arguments.rounds < 1 or arguments.threads < 1:
        parser.error("--rounds and --threads are 1 or more")
    if not os.access(arguments.ebm, os.X_OK):
        parser.error(f"{arguments.ebm} is not there: run tools/setup.sh or name it by --ebm")

    torch.set_num_threads(arguments.threads)
    head = dict(date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                machine=machine(), threads=arguments.threads, torch=torch.__version__,
                oneDNN_in_torch=torch.backends.mkldnn.is_available(),
                omp_wait_policy=os.environ.get("OMP_WAIT_POLICY", "default"),
                load_before=round(os.getloadavg()[0], 2))
    for key, value in head.items():
        print(f"{key.replace('_', ' ')}: {value}")
    results = [compare(name, arguments) for name in names]
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(dict(head, results=results), file, indent=2)


if __name__ == "__main__":
    main()
