#!/usr/bin/python3
"""The Langevin step and the training iteration of ./ebm against the same in PyTorch, on one machine in one run.

    tools/bench/bench_torch.py [--nets mnist,cifar10,laptop] [--parts langevin,training] [--rounds 5] [--json FILE]
    tools/bench/bench_torch.py --device cuda [--precision tf32] [--budget SECONDS] [--limit SECONDS]

Needs PyTorch (Debian's python3-torch on the CPU); users of the engine do not. PyTorch is given its
best: on the CPU all threads, fp32 and bf16, NCHW and channels_last, gradients of x alone, in-place
activations, and the head both as it is and reduced to the one output that the sum of its outputs is
(ebm's chains are in bf16 there if the processor multiplies bf16); on a GPU eager, captured as a CUDA
graph, compiled, and compiled and captured, in the precision that ebm is given. Each round times every
variant and then `ebm bench`; a figure is its median over the rounds,
and ebm is compared with PyTorch's best variant. A Langevin step is compiled by max-autotune, a
training iteration, of which that would take minutes, as by default. A variant that PyTorch cannot
run is listed with the error and does not stop the others; a compile that --budget seconds do not
suffice for is given up. With --ebm-json ebm is not run again: its times come from that file, which
must be of the same machine and hour. Each time is printed when it is measured, and --json is written
anew after each; after --limit seconds, or when stopped by SIGTERM or Ctrl-C, the tables are made of
what there is. OMP_WAIT_POLICY reaches both programs. The networks are in torch_networks.py.
"""
import argparse
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time

with open("/proc/cpuinfo") as cpuinfo:
    PROCESSOR = cpuinfo.read()
# Debian's OpenBLAS does not recognise every processor and then runs at a fifth of its speed.
if "avx512f" in PROCESSOR:
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

try:
    import torch
except ImportError:
    sys.exit("bench_torch.py: no PyTorch: apt-get install python3-torch, then /usr/bin/python3 it")
from torch_networks import Energy, Place, Training, eager_step, functional_step

PARTS = ["langevin", "training"]
HOPELESS = 4  # what takes so many times as long as the fastest is not run again
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


class Stopped(BaseException):
    """The limit is reached or a signal came; not an Exception, which a variant would keep as its error."""


class Alarms:
    """One timer for two ends: that of the whole run, and the nearer one of a compile."""

    def __init__(self):
        self.end = self.compile_end = float("inf")  # of time.monotonic()

    def ring(self, number, _):
        if number != signal.SIGALRM or time.monotonic() >= self.end - 0.01:
            self.stop()
            raise Stopped("the limit is reached" if number == signal.SIGALRM else signal.Signals(number).name)
        raise TimeoutError("compiling took longer than the budget")

    def set(self):
        nearest = min(self.end, self.compile_end)
        signal.setitimer(signal.ITIMER_REAL, max(nearest - time.monotonic(), 1e-3) if nearest < float("inf") else 0)

    def start(self, limit):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, self.ring)
        if limit:
            self.end = time.monotonic() + limit
        self.set()

    def within(self, seconds, work):
        self.compile_end = time.monotonic() + seconds
        self.set()
        try:
            return work()
        finally:
            self.compile_end = float("inf")
            self.set()

    def stop(self):
        """From here on nothing interrupts: what there is gets reported."""
        self.end = float("inf")
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)


ALARMS = Alarms()


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
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        for layout, memory_format in FORMATS.items():
            place = Place("cpu", dtype, memory_format)
            if part == "training":
                variants[f"{precision}, {layout}"] = Variant(lambda place=place: (
                    lambda training=Training(step, description["training"], place): cpu_ms(training)))
                continue
            for head in ["outputs", "one", "dot"] if step["outputs"] > 1 else ["outputs", "dot"]:
                variants[f"{precision}, {layout}, head {head}"] = Variant(lambda place=place, head=head: (
                    lambda chain=Chain(step, batch, place, head): cpu_ms(chain, least=8)))
    return variants


def cuda_variants(part, description, batch, arguments):
    """Those that compile come last; they share the budget, and each is compiled once for with and without graph."""
    step, steps = description["step"], description["step"]["num_steps"] if part == "langevin" else 1
    compiled_runs, spent = {}, [0.0]

    def prepare(place, compiling):
        if part == "langevin":
            how = dict(langevin=functional_step, wrap=compiled) if compiling else {}
            run = Chain(step, batch, place, **how)
        else:
            how = dict(langevin=functional_step, wrap=torch.compile) if compiling else {}
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
                compiled_runs[place.dtype] = ALARMS.within(arguments.budget - spent[0], lambda: prepare(place, True))
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
        dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
        # the likely best first; compiled there alone: compiling takes its time
        for layout in ["channels_last"] if compiling else ["channels_last", "NCHW"]:
            place = Place("cuda", dtype, FORMATS[layout])
            for in_graph in (False, True):
                label = f"{layout}, {'compiled' if compiling else 'eager'}{' in a graph' if in_graph else ''}"
                variants[label] = Variant(lambda place=place, compiling=compiling, in_graph=in_graph:
                                          make(place, compiling, in_graph))
    return variants


def ebm_bench(net, arguments):
    """What ./ebm bench says of the net: what to compute, and the time of each part."""
    if arguments.ebm_json:
        return measured_before(net, arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bench.json")
        command = [arguments.ebm, "bench", "--net", net, "--only", ",".join(arguments.parts),
                   "--device", arguments.device, "--precision", arguments.precision,
                   "--threads", str(arguments.threads), "--json", path]
        if arguments.batch:
            command += ["--batch", str(arguments.batch)]
        if arguments.device == "cuda":  # the chains of the recipes' iterations
            command += ["--batch", "900" if net == "cifar10" else "400"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()
            sys.exit(f"bench_torch.py: {' '.join(command)} failed: {reason}")
        with open(path) as file:
            return figures(json.load(file), arguments)


def measured_before(net, arguments):
    """The same from a file that `ebm bench --json` wrote, which must be of the same net and precision."""
    try:
        with open(arguments.ebm_json) as file:
            result = json.load(file)
        received = (result["nets"][0]["net"], result["precision"], result["device"].split(":")[0])
    except (OSError, ValueError, LookupError) as error:
        sys.exit(f"bench_torch.py: --ebm-json {arguments.ebm_json}: {error!r}")
    expected = (net, arguments.precision, arguments.device)
    if received != expected:
        sys.exit(f"bench_torch.py: --ebm-json {arguments.ebm_json}: received {received}, expected {expected}")
    return figures(result, arguments)


def figures(result, arguments):
    measured = result["nets"][0]
    rows = {part: next(row for row in measured["rows"] if row["part"] == part) for part in arguments.parts}
    return dict(measured, rows=rows, peak=result["peak_gflops"])


def spread(values):
    if not values:
        return "not run: the time was over"
    return f"{statistics.median(values):9.3f}  ({min(values):.3f} to {max(values):.3f})"


def table(name, part, variants, ours, arguments):
    """What there is so far of one net's part."""
    ours_ms = [o["rows"][part]["ms"] for o in ours]
    torch_ms = {label: v.times for label, v in variants.items() if v.times}
    result = dict(net=name, part=part, precision=arguments.precision, batch=ours[0]["batch"], step=ours[0]["step"],
                  training=ours[0]["training"], ebm_ms=ours_ms, torch_ms=torch_ms,
                  torch_errors={label: v.error for label, v in variants.items() if v.error})
    if not torch_ms:
        return result
    best = min(torch_ms, key=lambda label: statistics.median(torch_ms[label]))
    # round by round too, so that a slow minute of the machine weighs on both sides
    return dict(result, best=best, ratio=statistics.median(torch_ms[best]) / statistics.median(ours_ms),
                ratios=[theirs / mine for theirs, mine in zip(torch_ms[best], ours_ms)],
                fraction_of_peak=statistics.median(o["rows"][part].get("fraction_of_peak", 0) for o in ours),
                peak_gflops=statistics.median(o["peak"] for o in ours))


def report(variants, t):
    """Prints a table; rows are median (least to most)."""
    step, training = t["step"], t["training"]
    what = (f"Langevin step, batch {t['batch']}, chains of {step['num_steps']}" if t["part"] == "langevin" else
            f"training iteration, batch {training['batch']}, {training['chains']} chains of {step['num_steps']}")
    print(f"\n{t['net']}, {what}, {t['precision']}: ms, median (least to most), ebm {len(t['ebm_ms'])} times")
    for label, variant in variants.items():
        print(f"  {'PyTorch ' + label:46}{variant.error or spread(variant.times)}")
    print(f"  {'ebm':46}{spread(t['ebm_ms'])}")
    if "best" not in t:
        print("  no variant of PyTorch ran: nothing to compare with")
        return
    print(f"  ebm's rate is {t['ratio']:.2f} x that of PyTorch {t['best']} "
          f"({min(t['ratios']):.2f} to {max(t['ratios']):.2f} round by round),\n"
          f"  nominally {100 * t['fraction_of_peak']:.0f} % of the matrix peak ({t['peak_gflops']:.0f} GFLOP/s)")


def say(name, round_number, part, label, ms):
    print(f"{name} {part}, round {round_number}: {label:46}{ms:9.3f} ms", flush=True)


def compare(name, arguments, finished, write):
    """Adds the net's tables to `finished`, and calls write(tables so far) after each measurement."""
    first = ebm_bench(name, arguments)  # tells what to compute; its times count only if no other is had
    torch.manual_seed(1)
    if arguments.device == "cuda":
        variants = {part: cuda_variants(part, first, first["batch"], arguments) for part in arguments.parts}
    else:
        variants = {part: cpu_variants(part, first, first["batch"]) for part in arguments.parts}
    ours = []

    def tables():
        return [table(name, part, variants[part], ours or [first], arguments) for part in arguments.parts]

    try:
        for number in range(1, arguments.rounds + 1):
            for part, of_part in variants.items():
                fastest = min((min(v.times) for v in of_part.values() if v.times), default=0)
                for label, variant in of_part.items():
                    if variant.times and min(variant.times) > HOPELESS * fastest:
                        continue
                    variant.run()
                    if not variant.error:
                        say(name, number, part, "PyTorch " + label, variant.times[-1])
                        write(finished + tables())
            ours.append(ebm_bench(name, arguments))
            for part in arguments.parts:
                say(name, number, part, "ebm", ours[-1]["rows"][part]["ms"])
            write(finished + tables())
    finally:
        for t in tables():
            report(variants[t["part"]], t)
            finished.append(t)
        write(finished)


def machine(device):
    if device == "cuda":
        return torch.cuda.get_device_name()
    models = [line for line in PROCESSOR.splitlines() if line.startswith("model name")]
    name = models[0].split(":", 1)[1].strip() if models else platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default="mnist,cifar10,laptop")
    parser.add_argument("--parts", default="langevin", help="langevin, training or both [langevin]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, help="images of a Langevin step [100; cifar10 25]")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--ebm", default=os.path.join(here, "..", "..", "ebm"))
    parser.add_argument("--ebm-json", help="take ebm's times from this file of `ebm bench --json`, run beforehand")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16", "bf16-chains"],
                        help="of ebm [tf32 on a GPU; on the CPU fp32, with chains in bf16 if it multiplies bf16]")
    parser.add_argument("--budget", type=float, default=600,
                        help="seconds that compiling may take in all [600]")
    parser.add_argument("--limit", type=float, default=0,
                        help="seconds after which the tables are made of what there is; 0: none [0]")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if arguments.precision is None:
        multiplies_bf16 = "avx512_bf16" in PROCESSOR or "amx_bf16" in PROCESSOR
        on_cpu = "bf16-chains" if multiplies_bf16 else "fp32"
        arguments.precision = "tf32" if arguments.device == "cuda" else on_cpu
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
    def write(results):
        if not arguments.json:
            return
        with open(arguments.json + ".part", "w") as file:
            json.dump(dict(head, results=results), file, indent=2)
        os.replace(arguments.json + ".part", arguments.json)

    results, reason = [], None
    ALARMS.start(arguments.limit)
    try:
        for name in arguments.nets.split(","):
            compare(name, arguments, results, write)
    except Stopped as stopped:
        reason = stopped
    ALARMS.stop()
    if reason:
        print(f"stopped: {reason}; the tables hold what was measured until then")
    if not results or not all("best" in t for t in results):
        sys.exit("bench_torch.py: a table has no variant of PyTorch that ran")


if __name__ == "__main__":
    main()
