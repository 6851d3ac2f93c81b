#!/usr/bin/python3
"""The Langevin step of ./ebm against the same step in PyTorch, on the same machine in one run.

    tools/bench_torch.py [--nets mnist,cifar10,laptop] [--rounds 5] [--ebm ./ebm] [--json FILE]

Needs Debian's python3-torch; users of the engine need neither. PyTorch is given its best: all threads,
NCHW and channels_last, gradients of x alone, in-place activations, and the head both as it is and
reduced to the one output that the sum of its outputs is. Each round times every variant and then
`ebm bench`; the figure of each is its median over the rounds, and ebm is compared with PyTorch's best
variant. OMP_WAIT_POLICY reaches both programs.
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

# Debian's OpenBLAS does not recognise every processor: it may run at a fifth of its speed without this.
with open("/proc/cpuinfo") as cpuinfo:
    if "avx512f" in cpuinfo.read():
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("bench_torch.py: no PyTorch: apt-get install python3-torch, and run it with /usr/bin/python3")

# As models/recipes.cpp has them: image (C, H, W), convolutions (channels, kernel, stride, padding),
# outputs of the head, then batch, Langevin steps, drift, noise, 1/sigma_ref^2 and clamp.
# PyTorch pads both sides alike and would copy every image to pad [1, 2] or [0, 1]. With images and
# kernels mirrored the same network pads [2, 1] and [1, 0], which is what padding 2 and 1 come to here:
# the last column of zeros is never reached.
PAPER_REF = 1 / 0.016**2
NETS = {
    "mnist": dict(
        image=(1, 28, 28), convs=[(64, 5, 2, 2), (128, 3, 2, 1), (256, 3, 1, 1)], outputs=100,
        batch=100, steps=50, drift=5e-7, noise=1e-3, ref=PAPER_REF, clamp=0.0),
    "cifar10": dict(
        image=(3, 32, 32), convs=[(64, 3, 1, 1), (128, 4, 2, 1), (256, 4, 2, 1), (256, 4, 2, 1)],
        outputs=1, batch=25, steps=15, drift=2e-6, noise=2e-3, ref=PAPER_REF, clamp=0.0),
    "laptop": dict(
        image=(1, 28, 28), convs=[(16, 5, 2, 2), (32, 3, 2, 1), (64, 3, 1, 1)], outputs=1,
        batch=100, steps=20, drift=1.0, noise=0.01, ref=0.0, clamp=1.2),
}


class Energy:
    """f of one net; head: 'outputs' as published, 'one' with summed weights, 'dot' that as a product."""

    def __init__(self, net, memory_format, head):
        torch.manual_seed(1)
        self.format, self.head = memory_format, head
        self.convs = []
        channels = net["image"][0]
        for width, kernel, stride, pad in net["convs"]:
            w = 0.05 * torch.randn(width, channels, kernel, kernel)
            w = w.contiguous(memory_format=memory_format)
            self.convs.append((w, torch.zeros(width), stride, pad))
            channels = width
        size = self.features(torch.zeros(1, *net["image"])).shape[1:]
        w = 0.05 * torch.randn(net["outputs"], *size)
        if head != "outputs":
            w = w.sum(0, keepdim=True)
        self.w = w.contiguous(memory_format=memory_format)
        self.b = torch.zeros(w.shape[0])

    def features(self, h):
        for w, b, stride, pad in self.convs:
            edge = h.shape[2]
            h = F.leaky_relu_(F.conv2d(h, w, b, stride, pad), 0.2)
            assert h.shape[2] == -(-edge // stride)
        return h

    def __call__(self, x):
        h = self.features(x)
        return (h * self.w).sum() if self.head == "dot" else F.conv2d(h, self.w, self.b).sum()


def chain(energy, net, x):
    for _ in range(net["steps"]):
        x.requires_grad_(True)
        (df_dx,) = torch.autograd.grad(energy(x), x)
        with torch.no_grad():
            x = x.detach()
            if net["ref"]:
                x.mul_(1 - net["drift"] * net["ref"])
            x.add_(df_dx, alpha=net["drift"]).add_(torch.randn_like(x), alpha=net["noise"])
            if net["clamp"]:
                x.clamp_(-net["clamp"], net["clamp"])
    return x


def torch_ms(energy, net):
    """Median milliseconds of a step over the chains of about two seconds, after one chain uncounted."""
    start = torch.rand(net["batch"], *net["image"]) * 2 - 1
    start = start.contiguous(memory_format=energy.format)
    chain(energy, net, start.clone(memory_format=torch.preserve_format))
    times = []
    while len(times) < 3 or sum(times) < 2.0:
        x = start.clone(memory_format=torch.preserve_format)
        begin = time.perf_counter()
        chain(energy, net, x)
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times) / net["steps"]


def ebm_result(program, name, net, threads):
    """Milliseconds of a step, its fraction of the matrix peak, and that in GFLOP/s, by ./ebm bench."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [program, "bench", "--net", name, "--batch", str(net["batch"]),
                   "--only", "langevin", "--device", "cpu", "--threads", str(threads),
                   "--json", file.name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()
            sys.exit(f"bench_torch.py: {' '.join(command)} failed: {reason}")
        result = json.load(file)
    row = next(r for r in result["nets"][0]["rows"] if r["part"] == "langevin")
    return row["ms"], row["fraction_of_peak"], result["peak_gflops"]


def spread(values):
    return f"{statistics.median(values):8.2f}  ({min(values):.2f} to {max(values):.2f})"


def compare(name, arguments):
    net = NETS[name]
    heads = ["outputs", "one", "dot"] if net["outputs"] > 1 else ["outputs", "dot"]
    variants = {
        f"PyTorch {layout}, head {head}": Energy(net, memory_format, head)
        for layout, memory_format in [("NCHW", torch.contiguous_format),
                                      ("channels_last", torch.channels_last)]
        for head in heads
    }
    times = {label: [] for label in variants}
    ours, fractions, peaks = [], [], []
    for _ in range(arguments.rounds):
        for label, energy in variants.items():
            times[label].append(torch_ms(energy, net))
        ms, fraction, peak = ebm_result(arguments.ebm, name, net, arguments.threads)
        ours.append(ms), fractions.append(fraction), peaks.append(peak)

    print(f"\n{name}, batch {net['batch']}, chains of {net['steps']}: ms per Langevin step, "
          f"median of {arguments.rounds} rounds (least to most)")
    for label, values in times.items():
        print(f"  {label:36}{spread(values)}")
    print(f"  {'ebm':36}{spread(ours)}")
    best = min(times, key=lambda label: statistics.median(times[label]))
    # round by round, so that a slow minute of the machine weighs on both sides
    ratios = [theirs / mine for theirs, mine in zip(times[best], ours)]
    ratio = statistics.median(times[best]) / statistics.median(ours)
    print(f"  ebm's rate is {ratio:.2f} x that of {best} "
          f"({min(ratios):.2f} to {max(ratios):.2f} round by round),\n"
          f"  {100 * statistics.median(fractions):.0f} % of the matrix peak "
          f"({statistics.median(peaks):.0f} GFLOP/s)")
    return dict(net=name, batch=net["batch"], steps=net["steps"], torch_ms=times, ebm_ms=ours,
                best=best, ratio=ratio, fraction_of_peak=fractions, peak_gflops=peaks)


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


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
    for name in names:
        if name not in NETS:
            parser.error(f"no network {name}; there are {', '.join(NETS)}")
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
