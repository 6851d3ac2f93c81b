#!/usr/bin/python3
"""The Langevin step of ./ebm against the same step in PyTorch, on the same machine in one run.

    tools/bench_torch.py [--nets mnist,cifar10,laptop] [--rounds 5] [--json FILE]
    tools/bench_torch.py --device cuda [--precision tf32]

Needs PyTorch (Debian's python3-torch on the CPU); users of the engine do not. PyTorch is given its
best: on the CPU all threads, NCHW and channels_last, gradients of x alone, in-place activations,
and the head both as it is and reduced to the one output that the sum of its outputs is; on a GPU
eager, captured as a CUDA graph, compiled, and compiled and captured, in the precision that ebm is
given, and beside them in bf16. Each round times every variant and then `ebm bench`; a figure is its
median over the rounds, and ebm is compared with the best variant of PyTorch of its own precision.
OMP_WAIT_POLICY reaches both programs.
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

    def __init__(self, step, memory_format, head, device="cpu", dtype=torch.float32):
        torch.manual_seed(1)
        self.format, self.head, self.slope = memory_format, head, step["negative_slope"]
        self.device, self.dtype = device, dtype
        place = dict(device=device, dtype=dtype)
        self.convs = []
        height, width, channels = step["image"]
        for conv in step["convs"]:
            kernel, stride, (before, after) = conv["kernel"], conv["stride"], conv["pad"]
            w = 0.05 * torch.randn(conv["channels"], channels, kernel, kernel)
            w = w.to(**place).contiguous(memory_format=memory_format)
            channels, pad = conv["channels"], max(before, after)
            self.convs.append((w, torch.zeros(channels, **place), stride, pad))
            assert before <= after, "mirroring needs the larger padding behind"
            rows, columns = (edge + before + after - kernel for edge in (height, width))
            assert rows // stride == (height + 2 * pad - kernel) // stride
            height, width = rows // stride + 1, columns // stride + 1
        w = 0.05 * torch.randn(step["outputs"], channels, height, width)
        if head != "outputs":
            w = w.sum(0, keepdim=True)
        self.w = w.to(**place).contiguous(memory_format=memory_format)
        self.b = torch.zeros(w.shape[0], **place)

    def __call__(self, x):
        h = x.to(self.dtype)
        for w, b, stride, pad in self.convs:
            h = F.leaky_relu_(F.conv2d(h, w, b, stride, pad), self.slope)
        if self.head == "dot":
            return (h * self.w).sum(dtype=torch.float32)
        return F.conv2d(h, self.w, self.b).sum(dtype=torch.float32)

    def start(self, step, batch):
        height, width, channels = step["image"]
        x = torch.rand(batch, channels, height, width, device=self.device) * 2 - 1
        return x.contiguous(memory_format=self.format)


def update(step, x, df_dx):
    """x changed in place."""
    if step["sigma_ref"]:
        x.mul_(1 - step["drift"] / step["sigma_ref"] ** 2)
    x.add_(df_dx, alpha=step["drift"])
    if step["noise"]:
        x.add_(torch.randn_like(x), alpha=step["noise"])
    if step["clamp"]:
        x.clamp_(-step["clamp"], step["clamp"])
    return x


def langevin_step(energy, step, x):
    x.requires_grad_(True)
    (df_dx,) = torch.autograd.grad(energy(x), x)
    with torch.no_grad():
        return update(step, x.detach(), df_dx)


def cpu_ms(energy, step, batch):
    """Median milliseconds of a step over two seconds' worth, after five uncounted ones."""
    x = energy.start(step, batch)
    times = []
    while len(times) < 10 or sum(times) < 2.0:
        begin = time.perf_counter()
        x = langevin_step(energy, step, x)
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times[5:])


def captured(function, x):
    """A replay of x.copy_(function(x)) as a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # lets the libraries choose and allocate before the capture
        for _ in range(3):
            x.copy_(function(x))
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        x.copy_(function(x))
    return graph.replay


def cuda_timer(function, graph, energy, step, batch):
    """A function that gives the median milliseconds of a step over 20 chains, by events."""
    x = energy.start(step, batch)
    if graph:
        replay = captured(function, x)

    def measure():
        nonlocal x
        times = []
        for _ in range(22):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            for _ in range(step["num_steps"]):
                if graph:
                    replay()
                else:
                    x = function(x)
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) / step["num_steps"])
        assert torch.isfinite(x).all()
        return statistics.median(times[2:])

    return measure


def torch_variants(step, batch, arguments):
    """Label of each variant: a function that times it. Labels in ebm's precision come first."""
    formats = [("NCHW", torch.contiguous_format), ("channels_last", torch.channels_last)]
    variants = {}
    if arguments.device == "cpu":
        heads = ["outputs", "one", "dot"] if step["outputs"] > 1 else ["outputs", "dot"]
        for layout, memory_format in formats:
            for head in heads:
                energy = Energy(step, memory_format, head)
                variants[f"PyTorch {layout}, head {head}"] = (
                    lambda energy=energy: cpu_ms(energy, step, batch))
        return variants
    for precision in (arguments.precision, "bf16"):
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        for layout, memory_format in formats:
            energy = Energy(step, memory_format, "dot", "cuda", dtype)

            def eager(x, energy=energy):
                return langevin_step(energy, step, x).detach()

            def functional(x, energy=energy):
                return update(step, x.clone(), torch.func.grad(energy)(x))

            functions = {"eager": eager}
            if layout == "channels_last":  # where it is fastest; compiling takes its time
                functions["compiled"] = torch.compile(functional, mode="max-autotune-no-cudagraphs")
            for how, function in functions.items():
                for graph in (False, True):
                    label = f"PyTorch {precision} {layout}, {how}{' in a graph' if graph else ''}"
                    variants[label] = cuda_timer(function, graph, energy, step, batch)
    return variants


def ebm_bench(net, arguments):
    """What ./ebm bench says of the net's Langevin step: the step itself, its batch, its time."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [arguments.ebm, "bench", "--net", net, "--only", "langevin",
                   "--device", arguments.device, "--precision", arguments.precision,
                   "--threads", str(arguments.threads), "--json", file.name]
        if arguments.device == "cuda":  # the chains of the recipes' iterations
            command += ["--batch", "900" if net == "cifar10" else "400"]
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
    variants = torch_variants(step, batch, arguments)
    times = {label: [] for label in variants}
    ours = []
    for number in range(arguments.rounds):
        print(f"{name}, round {number + 1}", file=sys.stderr)
        for label, measure in variants.items():
            times[label].append(measure())
        ours.append(ebm_bench(name, arguments))
    ours_ms = [o["ms"] for o in ours]
    fraction = statistics.median(o["fraction"] for o in ours)
    peak = statistics.median(o["peak"] for o in ours)

    print(f"\n{name}, batch {batch}, chains of {step['num_steps']}: ms per Langevin step, "
          f"median of {arguments.rounds} rounds (least to most)")
    for label, values in times.items():
        print(f"  {label:46}{spread(values)}")
    print(f"  {'ebm':46}{spread(ours_ms)}")
    rivals = [label for label in times if arguments.device == "cpu" or arguments.precision in label]
    best = min(rivals, key=lambda label: statistics.median(times[label]))
    # round by round too, so that a slow minute of the machine weighs on both sides
    ratios = [theirs / mine for theirs, mine in zip(times[best], ours_ms)]
    ratio = statistics.median(times[best]) / statistics.median(ours_ms)
    print(f"  ebm's rate is {ratio:.2f} x that of {best} "
          f"({min(ratios):.2f} to {max(ratios):.2f} round by round),\n"
          f"  nominally {100 * fraction:.0f} % of the matrix peak ({peak:.0f} GFLOP/s)")
    return dict(net=name, batch=batch, step=step, torch_ms=times, ebm_ms=ours_ms, best=best,
                ratio=ratio, fraction_of_peak=fraction, peak_gflops=peak)


def machine(device):
    if device == "cuda":
        return torch.cuda.get_device_name()
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
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", choices=["fp32", "tf32"],
                        help="of the GPU's arithmetic [tf32]; the CPU's is fp32")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.precision is None:
        arguments.precision = "tf32" if arguments.device == "cuda" else "fp32"
    names = arguments.nets.split(",")
    if arguments.rounds < 1 or arguments.threads < 1:
        parser.error("--rounds and --threads are 1 or more")
    if not os.access(arguments.ebm, os.X_OK):
        parser.error(f"{arguments.ebm} is not there: run tools/setup.sh or name it by --ebm")

    if arguments.device == "cuda":
        if not torch.cuda.is_available():
            parser.error("--device cuda, but PyTorch sees no GPU")
        if not hasattr(torch, "compile"):
            parser.error("--device cuda needs PyTorch 2")
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = arguments.precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = arguments.precision == "tf32"
    torch.set_num_threads(arguments.threads)
    head = dict(date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                machine=machine(arguments.device), threads=arguments.threads,
                torch=torch.__version__,
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
