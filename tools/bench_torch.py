#!/usr/bin/python3
"""The Langevin step and the training iteration of ./ebm against the same in PyTorch, on one machine in one run.

    tools/bench_torch.py [--nets mnist,cifar10,laptop] [--parts langevin,training] [--rounds 5] [--json FILE]
    tools/bench_torch.py --device cuda [--precision tf32] [--budget SECONDS]

Needs PyTorch (Debian's python3-torch on the CPU); users of the engine do not. PyTorch is given its
best: on the CPU all threads, NCHW and channels_last, gradients of x alone, in-place activations,
and the head both as it is and reduced to the one output that the sum of its outputs is; on a GPU
eager, captured as a CUDA graph, compiled, and compiled and captured, in the precision that ebm is
given, and beside them in bf16. Each round times every variant and then `ebm bench`; a figure is its
median over the rounds, and ebm is compared with the best variant of PyTorch of its own precision.
A variant that PyTorch cannot run is listed with the error and does not stop the others; compiling
begins with no new variant once --budget seconds are spent on it. OMP_WAIT_POLICY reaches both
programs. The networks are in torch_networks.py.
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
except ImportError:
    sys.exit("bench_torch.py: no PyTorch: apt-get install python3-torch, then /usr/bin/python3 it")
from torch_networks import Energy, Place, Training, eager_step, functional_step

PARTS = ["langevin", "training"]
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def cpu_ms(run, least=3, seconds=2.0):
    """Median milliseconds of run() over `seconds` worth, after two uncounted ones."""
    times = []
    while len(times) < 2 + least or sum(times[2:]) < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times[2:])


def cuda_ms(run, least=5, seconds=1.0):
    """The same by events on the GPU."""
    times = []
    while len(times) < 2 + least or sum(times[2:]) < 1e3 * seconds:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times[2:])


def captured(run):
    """A replay of run() as a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # lets the libraries choose and allocate before the capture
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def compiled(function):
    return torch.compile(function, mode="max-autotune-no-cudagraphs")


class Chain:
    """A step on x, kept in one place, so that it can be captured."""

    def __init__(self, step, batch, place, head="dot", langevin=eager_step, wrap=lambda function: function):
        self.energy = Energy(step, head, place)
        self.frozen = self.energy.frozen()
        self.langevin = wrap(langevin(self.energy, step))
        self.x = place.images(batch, step["image"])

    def __call__(self):
        x = self.langevin(self.x, self.frozen).detach()
        if x.data_ptr() != self.x.data_ptr():
            self.x.copy_(x)

    def check(self):
        if not torch.isfinite(self.x).all():
            raise ArithmeticError("x is not finite")


class Variant:
    """One way to compute; `make` gives a function that measures it in ms. Keeps its error when it has one."""

    def __init__(self, make):
        self.make, self.measure, self.times, self.error = make, None, [], None

    def run(self):
        if self.error:
            return
        try:
            if self.measure is None:
                self.measure = self.make()
            self.times.append(self.measure())
        except Exception as error:  # whatever PyTorch throws: the other variants go on
            lines = str(error).strip().splitlines()
            self.error = f"{type(error).__name__}: {lines[0][:160] if lines else ''}"
            self.measure, self.times = None, []
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def cpu_variants(part, description, batch):
    step = description["step"]
    variants = {}
    for layout, memory_format in FORMATS.items():
        place = Place("cpu", torch.float32, memory_format)
        if part == "training":
            variants[layout] = Variant(lambda place=place: (
                lambda training=Training(step, description["training"], place): cpu_ms(training)))
            continue
        for head in ["outputs", "one", "dot"] if step["outputs"] > 1 else ["outputs", "dot"]:
            variants[f"{layout}, head {head}"] = Variant(lambda place=place, head=head: (
                lambda chain=Chain(step, batch, place, head): cpu_ms(chain, least=8)))
    return variants


def cuda_variants(part, description, batch, arguments):
    """Those that compile come last; they share the budget, and each is compiled once for with and without graph."""
    step, steps = description["step"], description["step"]["num_steps"] if part == "langevin" else 1
    compiled_runs, spent = {}, [0.0]

    def prepare(place, compiling):
        how = dict(langevin=functional_step, wrap=compiled) if compiling else {}
        if part == "langevin":
            run = Chain(step, batch, place, **how)
        else:
            run = Training(step, description["training"], place, **how)
        run()  # compiles
        torch.cuda.synchronize()
        return run

    def prepare_compiled(place):
        if place.dtype not in compiled_runs:
            if spent[0] > arguments.budget:
                raise TimeoutError(f"not run: compiling had taken {spent[0]:.0f} s")
            begin = time.monotonic()
            try:
                compiled_runs[place.dtype] = prepare(place, True)
            finally:
                spent[0] += time.monotonic() - begin
        return compiled_runs[place.dtype]

    def make(place, compiling, in_graph):
        computation = prepare_compiled(place) if compiling else prepare(place, False)
        run = captured(computation) if in_graph else computation

        def measure():
            ms = cuda_ms(lambda: [run() for _ in range(steps)]) / steps
            computation.check()
            return ms
        return measure

    variants = {}
    for compiling in (False, True):
        for precision in dict.fromkeys([arguments.precision, "bf16"]):
            dtype = torch.bfloat16 if precision == "bf16" else torch.float32
            # compiled where it is fastest: compiling takes its time
            for layout in FORMATS if not compiling else ["channels_last"]:
                place = Place("cuda", dtype, FORMATS[layout])
                for in_graph in (False, True):
                    label = (f"{precision} {layout}, {'compiled' if compiling else 'eager'}"
                             f"{' in a graph' if in_graph else ''}")
                    variants[label] = Variant(lambda place=place, compiling=compiling, in_graph=in_graph:
                                              make(place, compiling, in_graph))
    return variants


def ebm_bench(net, arguments):
    """What ./ebm bench says of the net: what to compute, and the time of each part."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [arguments.ebm, "bench", "--net", net, "--only", ",".join(arguments.parts),
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
    rows = {part: next(row for row in measured["rows"] if row["part"] == part) for part in arguments.parts}
    return dict(measured, rows=rows, peak=result["peak_gflops"])


def spread(values):
    return f"{statistics.median(values):9.3f}  ({min(values):.3f} to {max(values):.3f})"


def report(name, part, variants, ours, arguments):
    """Prints one table and returns it; rows are median (least to most)."""
    step, training = ours[0]["step"], ours[0]["training"]
    what = (f"Langevin step, batch {ours[0]['batch']}, chains of {step['num_steps']}" if part == "langevin" else
            f"training iteration, batch {training['batch']}, {training['chains']} chains of {step['num_steps']}")
    print(f"\n{name}, {what}: ms, median of {arguments.rounds} rounds (least to most)")
    for label, variant in variants.items():
        print(f"  {'PyTorch ' + label:46}{variant.error or spread(variant.times)}")
    ours_ms = [o["rows"][part]["ms"] for o in ours]
    print(f"  {'ebm':46}{spread(ours_ms)}")
    table = dict(net=name, part=part, batch=ours[0]["batch"], step=step, training=training, ebm_ms=ours_ms,
                 torch_ms={label: v.times for label, v in variants.items() if not v.error},
                 torch_errors={label: v.error for label, v in variants.items() if v.error})
    rivals = {label: times for label, times in table["torch_ms"].items()
              if arguments.device == "cpu" or label.startswith(arguments.precision)}
    if not rivals:
        print("  no variant of PyTorch ran: nothing to compare with")
        return table
    best = min(rivals, key=lambda label: statistics.median(rivals[label]))
    # round by round too, so that a slow minute of the machine weighs on both sides
    ratios = [theirs / mine for theirs, mine in zip(rivals[best], ours_ms)]
    ratio = statistics.median(rivals[best]) / statistics.median(ours_ms)
    fraction = statistics.median(o["rows"][part]["fraction_of_peak"] for o in ours)
    peak = statistics.median(o["peak"] for o in ours)
    print(f"  ebm's rate is {ratio:.2f} x that of PyTorch {best} "
          f"({min(ratios):.2f} to {max(ratios):.2f} round by round),\n"
          f"  nominally {100 * fraction:.0f} % of the matrix peak ({peak:.0f} GFLOP/s)")
    return dict(table, best=best, ratio=ratio, fraction_of_peak=fraction, peak_gflops=peak)


def compare(name, arguments):
    first = ebm_bench(name, arguments)  # tells what to compute; its times are not used
    torch.manual_seed(1)
    if arguments.device == "cuda":
        variants = {part: cuda_variants(part, first, first["batch"], arguments) for part in arguments.parts}
    else:
        variants = {part: cpu_variants(part, first, first["batch"]) for part in arguments.parts}
    ours = []
    for number in range(arguments.rounds):
        print(f"{name}, round {number + 1}", file=sys.stderr)
        for of_part in variants.values():
            for variant in of_part.values():
                variant.run()
        ours.append(ebm_bench(name, arguments))
    return [report(name, part, variants[part], ours, arguments) for part in arguments.parts]


def machine(device):
    if device == "cuda":
        return torch.cuda.get_device_name()
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line for line in cpuinfo if line.startswith("model name")]
    name = models[0].split(":", 1)[1].strip() if models else platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default="mnist,cifar10,laptop")
    parser.add_argument("--parts", default="langevin", help="langevin, training or both [langevin]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--ebm", default=os.path.join(here, "..", "ebm"))
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"],
                        help="of the GPU's arithmetic [tf32]; the CPU's is fp32")
    parser.add_argument("--budget", type=float, default=600,
                        help="seconds after which no further variant of a table is compiled [600]")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.precision is None:
        arguments.precision = "tf32" if arguments.device == "cuda" else "fp32"
    arguments.parts = arguments.parts.split(",")
    if not set(arguments.parts) <= set(PARTS):
        parser.error("--parts are langevin and training")
    if arguments.rounds < 1 or arguments.threads < 1:
        parser.error("--rounds and --threads are 1 or more")
    if not os.access(arguments.ebm, os.X_OK):
        parser.error(f"{arguments.ebm} is not there: run tools/setup.sh or name it by --ebm")
    if arguments.device == "cuda":
        if not torch.cuda.is_available():
            parser.error("--device cuda, but PyTorch sees no GPU")
        if not hasattr(torch, "compile"):
            parser.error("--device cuda needs PyTorch 2")
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.device == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = arguments.precision != "fp32"
        torch.backends.cuda.matmul.allow_tf32 = arguments.precision != "fp32"
    torch.set_num_threads(arguments.threads)
    head = dict(date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                machine=machine(arguments.device), threads=arguments.threads,
                torch=torch.__version__,
                oneDNN_in_torch=torch.backends.mkldnn.is_available(),
                omp_wait_policy=os.environ.get("OMP_WAIT_POLICY", "default"),
                load_before=round(os.getloadavg()[0], 2))
    for key, value in head.items():
        print(f"{key.replace('_', ' ')}: {value}")
    results = [table for name in arguments.nets.split(",") for table in compare(name, arguments)]
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(dict(head, results=results), file, indent=2)
    if not all("best" in table for table in results):
        sys.exit("bench_torch.py: a table has no variant of PyTorch that ran")


if __name__ == "__main__":
    main()
