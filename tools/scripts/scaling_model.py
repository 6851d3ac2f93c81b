#!/usr/bin/env python3
"""What more GPUs would bring to the training of one model: a model, no measurement.

    tools/scripts/scaling_model.py                                     of ESTIMATES alone, made without a GPU
    tools/scripts/scaling_model.py --share share.json                  with shares that `ebm bench --share` has timed
    tools/scripts/scaling_model.py --share share.json --comm comm.json  and sums that `mpirun ebm bench --comm` has timed

Strong scaling: the recipe's batch and chains over G ranks; weak: as many on each. An iteration goes

    ancestral -> chain -> energy, begin [sum of its gradient] -> encoder -> generator -> generator backward
    -> encoder backward, [sums of both gradients] -> Adam

with a sum in each batch normalisation of the generator, on the way up and down. The compute stream waits for those and for
the two last gradients; the energy's is summed beside it. All sums go through one communicator, one after the
other: a batch normalisation waits for a gradient that is still being summed. docs/scaling.md has the formulae.
"""
import argparse
import json
import math
import sys

PHASES = ["ancestral", "langevin", "energy", "vae"]
NETWORKS = ["energy", "generator", "encoder"]

# Without --share. Networks and sizes of mnist and cifar10 are the paper's, by count; 256x256 is a net that nobody has written:
# all of it is assumed. Launches are counted by hand from the code.
ESTIMATES = {
    "mnist": {"batch": 400, "chains": 400, "steps": 50, "batch_norms": 3,
              "gradient_bytes": {"energy": 6500752, "generator": 3117060, "encoder": 3038752},
              "macs_an_image": {"energy": 18389504, "generator": 8853760, "encoder": 7250432},
              "launches": {"ancestral": 20, "langevin": 500, "energy": 40, "vae": 90}},
    "cifar10": {"batch": 250, "chains": 900, "steps": 15, "batch_norms": 3,
                "gradient_bytes": {"energy": 6841860, "generator": 4416268, "encoder": 17575200},
                "macs_an_image": {"energy": 85659648, "generator": 28393472, "encoder": 104071168},
                "launches": {"ancestral": 20, "langevin": 135, "energy": 50, "vae": 100}},
    "256x256": {"batch": 64, "chains": 64, "steps": 15, "batch_norms": 6,
                "gradient_bytes": {"energy": 14e6, "generator": 9e6, "encoder": 35e6},
                "macs_an_image": {"energy": 4.0e9, "generator": 3.0e9, "encoder": 3.1e9},
                "launches": {"ancestral": 25, "langevin": 195, "energy": 70, "vae": 110}},
}


def stop(line):
    sys.exit(f"scaling_model.py: {line}")


def number(least, whole=False):
    def parse(text):
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = None
        if value is None or not math.isfinite(value) or value < least:
            raise argparse.ArgumentTypeError(f'received "{text}", expected a number of {least} or more')
        return value
    return parse


def counts(text):
    return [number(1, whole=True)(part) for part in text.split(",")]


class Parser(argparse.ArgumentParser):
    def error(self, message):  # one line
        stop(message)


def arguments():
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--share", metavar="FILE", help="JSON of `ebm bench --share` [ESTIMATES]")
    p.add_argument("--comm", metavar="FILE", help="JSON of `ebm bench --comm`: counts for as many ranks as it had")
    p.add_argument("--net", help="these alone [all there are]", metavar="NAME,...")
    p.add_argument("--ranks", type=counts, default=[8, 64, 512], metavar="N,...", help="[8,64,512]")
    p.add_argument("--early", action="store_true",
                   help="sum the generator's gradient beside the encoder's backward, which the program does not")
    p.add_argument("--pieces", type=number(1, whole=True), default=1, metavar="N",
                   help="sum the encoder's gradient in so many, as its layers are done [1: as the program does]")
    p.add_argument("--rate", type=number(1e-3), default=150, metavar="TFLOP/S", help="ESTIMATES: of one GPU [150]")
    p.add_argument("--launch", type=number(0), default=4, metavar="US", help="ESTIMATES: least time of a kernel [4]")
    p.add_argument("--box", type=number(1, whole=True), default=8, metavar="N", help="ranks in a machine [8]")
    p.add_argument("--box-latency", type=number(0), default=12, metavar="US", help="of a small sum in a machine [12]")
    p.add_argument("--net-latency", type=number(0), default=6, metavar="US", help="more between machines [6]")
    p.add_argument("--hop-latency", type=number(0), default=5, metavar="US", help="and of each hop of the tree [5]")
    p.add_argument("--box-bandwidth", type=number(1e-3), default=200, metavar="GB/S", help="in a machine [200]")
    p.add_argument("--net-bandwidth", type=number(1e-3), default=100, metavar="GB/S", help="between machines [100]")
    return p.parse_args()


def read(path, key, command):
    try:
        with open(path) as file:
            figures = json.load(file)
        return figures, figures[key]
    except (OSError, ValueError) as error:
        stop(f"{path}: {error}, expected the JSON of `{command}`")
    except (KeyError, TypeError):
        stop(f'{path}: received no "{key}", expected the JSON of `{command}`')


class EstimatedCompute:
    """Milliseconds of a share's phases by arithmetic: work / rate + launches x the least time of one."""

    def __init__(self, net, args):
        self.net, self.args = net, args

    def phases(self, ranks):
        net = self.net
        batch, chains = math.ceil(net["batch"] / ranks), math.ceil(net["chains"] / ranks)
        macs = net["macs_an_image"]
        work = {"ancestral": 2 * chains * macs["generator"],
                "langevin": chains * net["steps"] * 4 * macs["energy"],  # the maps, and the gradient for x
                "energy": 2 * (batch + chains) * 3 * macs["energy"],  # and both gradients
                "vae": 2 * chains * 3 * (macs["encoder"] + macs["generator"])}
        return {name: 1e3 * work[name] / (1e12 * self.args.rate) + 1e-3 * self.args.launch * net["launches"][name]
                for name in PHASES}


class MeasuredCompute:
    """The same of what was timed; between two shares along the line through them."""

    def __init__(self, net):
        self.rows = {row["ranks"]: row for row in net["rows"]}

    def of_row(self, ranks):
        row = self.rows[ranks]
        inside = sum(row["phases_ms"][name] for name in PHASES)  # the clock's time also holds what is between them
        return {name: row["phases_ms"][name] * row["ms"] / inside for name in PHASES}

    def phases(self, ranks):
        if ranks in self.rows:
            return self.of_row(ranks)
        fewer = max((n for n in self.rows if n < ranks), default=None)
        more = min((n for n in self.rows if n > ranks), default=None)
        if fewer is None or more is None:
            return None  # nothing is known beyond what was timed
        part = (1 / ranks - 1 / fewer) / (1 / more - 1 / fewer)
        a, b = self.of_row(fewer), self.of_row(more)
        return {name: a[name] + part * (b[name] - a[name]) for name in PHASES}


class AssumedSums:
    """Milliseconds of sums: a small one by a tree, a large one around a ring."""

    def __init__(self, args):
        self.args = args

    def latency(self, ranks):
        a = self.args
        if ranks == 1:
            return 0.0
        machines = math.ceil(ranks / a.box)
        between = a.net_latency + 2 * a.hop_latency * math.log2(machines) if machines > 1 else 0
        return 1e-3 * (a.box_latency + between)

    def norm(self, ranks):
        return self.latency(ranks)

    def gradient(self, ranks, size):
        a = self.args
        bandwidth = a.box_bandwidth if ranks <= a.box else a.net_bandwidth
        return self.latency(ranks) + 1e3 * 2 * (ranks - 1) / ranks * size / (1e9 * bandwidth)


class MeasuredSums:
    """Milliseconds of sums as they were timed, for that number of ranks."""

    def __init__(self, comm):
        self.ranks = comm["processes"]
        self.times = {call: sorted((row["bytes"], 1e-3 * row["us"]) for row in comm["rows"] if row["call"] == call)
                      for call in ["sum", "sum_doubles"]}

    def norm(self, _):
        return self.times["sum_doubles"][-1][1]  # the widest

    def gradient(self, _, size):
        times = self.times["sum"]
        after = next((i for i, (known, _) in enumerate(times) if known >= size), len(times) - 1)
        (a, x), (b, y) = times[max(after - 1, 0)], times[max(after, 1)]
        return x + (size - a) / (b - a) * (y - x) if b > a else x


class Iteration:
    """The clock of the compute stream, and when the communicator is free, in ms."""

    def __init__(self):
        self.now = self.free = 0.0

    def compute(self, ms):
        self.now += ms

    def begin(self, ms):
        self.free = max(self.now, self.free) + ms

    def join(self):
        self.now = max(self.now, self.free)

    def norms(self, ms, count, each):
        """Work with `count` batch normalisations in it, whose sums it waits for."""
        self.compute(ms / (count + 1))
        for _ in range(count):
            self.begin(each)
            self.join()
            self.compute(ms / (count + 1))


def iteration(net, phases, sums, ranks, args):
    """Returns the iteration, what the sums add to it, and of that the gradients' part and their whole time, in ms."""
    sizes = net["gradient_bytes"]
    of_energy, of_generator = (sums.gradient(ranks, sizes[name]) for name in ["energy", "generator"])
    of_piece = sums.gradient(ranks, sizes["encoder"] / args.pieces)
    norm, count = sums.norm(ranks), net["batch_norms"]
    macs = net["macs_an_image"]
    unit = phases["vae"] / (3 * (macs["encoder"] + macs["generator"]))  # backward is twice forward
    run = Iteration()
    run.norms(phases["ancestral"], count, norm)
    run.compute(phases["langevin"] + phases["energy"])
    run.begin(of_energy)
    run.compute(unit * macs["encoder"])
    run.norms(unit * macs["generator"], count, norm)
    run.norms(2 * unit * macs["generator"], count, norm)
    if args.early:
        run.begin(of_generator)
    for _ in range(args.pieces):
        run.compute(2 * unit * macs["encoder"] / args.pieces)
        run.begin(of_piece)
    if not args.early:
        run.begin(of_generator)
    run.join()
    exposed = run.now - sum(phases.values())
    return run.now, exposed, exposed - 3 * count * norm, of_energy + of_generator + args.pieces * of_piece


def report(name, net, compute, sums_of, args):
    sizes = ", ".join(f"{net['gradient_bytes'][network] / 1e6:.2g}" for network in NETWORKS)
    print(f"\n{name}: batch {net['batch']}, {net['chains']} chains of {net['steps']}; gradients of {sizes} MB "
          f"({', '.join(NETWORKS)})")
    print(f"{'ranks':>6} {'compute':>9} {'+ norms':>9} {'+ grads':>9} {'= ms':>9} {'speed-up':>9} {'efficiency':>10} "
          f"{'exposed':>8} {'grads hidden':>13} {'weak':>7}")
    whole = compute.phases(1)
    if whole is None:
        stop(f'the shares of {name} lack 1 rank, expected them with it: ebm bench --share 1,...')
    alone = sum(whole.values())
    print(f"{1:>6} {alone:>9.2f} {'':>9} {'':>9} {alone:>9.2f} {1:>9.1f} {1:>10.0%}")
    for ranks in args.ranks:
        sums = sums_of(ranks)
        weak = alone / iteration(net, whole, sums, ranks, args)[0]
        most = min(net["batch"], net["chains"])
        phases = compute.phases(ranks) if ranks <= most else None
        if phases is None:
            why = f"more ranks than rows ({most})" if ranks > most else "no share of so many was timed"
            print(f"{ranks:>6} {why:>82} {weak:>7.1%}")
            continue
        total, exposed, of_gradients, gradients = iteration(net, phases, sums, ranks, args)
        print(f"{ranks:>6} {sum(phases.values()):>9.2f} {exposed - of_gradients:>9.3f} {of_gradients:>9.3f} {total:>9.2f} "
              f"{alone / total:>9.1f} {alone / total / ranks:>10.0%} {exposed / total:>8.1%} "
              f"{1 - of_gradients / gradients:>13.0%} {weak:>7.1%}")


def main():
    args = arguments()
    if args.share:
        head, shares = read(args.share, "share", "ebm bench --share")
        nets = {share["net"]: share for share in shares}
        print(f"MEASURED: iterations of shares: {head['machine']}, {head['date']}, {head['precision']}, chains in "
              f"{head['precision_of_chains']} ({args.share})")
    else:
        nets = ESTIMATES
        print(f"ESTIMATES: iterations of shares: work at {args.rate:g} TFLOP/s, and {args.launch:g} us for each launch; "
              "no GPU has run them. 256x256 is assumed altogether")
    sums, measured = AssumedSums(args), None
    if args.comm:
        head, comm = read(args.comm, "comm", "mpirun -n N ebm bench --comm")
        if not comm.get("rows"):
            stop(f"{args.comm}: received sums of one process, expected of several: mpirun -n N ebm bench --comm")
        measured = MeasuredSums(comm)
        print(f"MEASURED: sums over {measured.ranks} ranks: {head['machine']}, {head['date']} ({args.comm})")
    print(f"ASSUMED: {'other sums' if measured else 'sums'}: {args.box_latency:g} us in a machine of {args.box}, between "
          f"machines {args.net_latency:g} us and 2 log2(machines) hops of {args.hop_latency:g} us more; "
          f"{args.box_bandwidth:g} and {args.net_bandwidth:g} GB/s. ASSUMED: the parts of the vae phase are in the ratio of "
          "their multiply-adds, the gradients twice the value's" + ("; ASSUMED: the generator's gradient is summed beside "
          "the encoder's backward" if args.early else "") + (f"; ASSUMED: the encoder's gradient is summed in "
          f"{args.pieces} pieces of one size, spread over its backward" if args.pieces > 1 else ""))
    print("norms, grads: what the sums of batch normalisations and gradients add; exposed: both, of the iteration; grads "
          "hidden: the part of the gradients' sums beside the compute; "
          "weak: efficiency of the whole recipe on each rank, whose batch is then so many times as large; times in ms")
    names = args.net.split(",") if args.net else list(nets)
    for name in names:
        if name not in nets:
            stop(f'received --net "{name}", expected one of {", ".join(nets)}')
    for name in names:
        compute = MeasuredCompute(nets[name]) if args.share else EstimatedCompute(nets[name], args)
        report(name, nets[name], compute, lambda n: measured if measured and measured.ranks == n else sums, args)


if __name__ == "__main__":
    main()
