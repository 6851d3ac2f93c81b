#!/usr/bin/env python3
"""What more GPUs would bring to the training of one model: a model, no measurement.

    tools/scripts/scaling_model.py                                     of ESTIMATES alone, made without a GPU
    tools/scripts/scaling_model.py --share share.json                  with shares that `ebm bench --share` has timed
    tools/scripts/scaling_model.py --share share.json --comm comm.json  and sums that `mpirun ebm bench --comm` has timed

Strong scaling: the recipe's batch and chains over G ranks; weak: as many on each. An iteration goes

    ancestral -> chain -> encoder -> generator -> generator backward -> encoder backward -> energy -> energy backward -> Adam

with a sum in each batch normalisation of the generator, on the way up and down, for which the compute stream waits. Gradients
are summed beside it, in pieces of whole layers, each as soon as the backward walk has made it (train/adam.h); Adam's step of a
network waits for the last of its own. All sums go through one communicator, one after the other: a batch normalisation waits for a piece that is still
being summed. docs/scaling.md has the formulae.
"""
import argparse
import json
import math
import sys

PHASES = ["ancestral", "langevin", "vae", "energy", "adam"]
NETWORKS = ["encoder", "generator", "energy"]  # in the order of their steps


def weights(parameters, macs):
    return {"bytes": 4 * parameters, "macs": macs}


def conv(window, inputs, outputs, size):
    """Of one image; size: of the map that it makes, of a transposed one that it is given."""
    return weights(window**2 * inputs * outputs + outputs, window**2 * inputs * outputs * size**2)


def heads(inputs, outputs, many):
    return [weights(many * (inputs + 1) * outputs, many * inputs * outputs)]


def assumed(megabytes, giga_macs):
    """A network that nobody has written: each layer has four times the bytes of the one before it, and as much work."""
    unit = megabytes * 1e6 / (1 + 4 + 16 + 64 + 256)
    return [{"bytes": unit * 4**i, "macs": giga_macs * 1e9 / 5} for i in range(5)]


# Without --share. Networks and sizes of mnist and cifar10 are the paper's (models/table.cpp), layers in the order of the
# forward pass; 256x256 is assumed altogether. Launches are counted by hand from the code.
ESTIMATES = {
    "mnist": {"batch": 400, "chains": 400, "steps": 50, "batch_norms": 3,
              "layers": {"energy": [conv(5, 1, 64, 14), conv(3, 64, 128, 7), conv(3, 128, 256, 7),
                                    {**conv(7, 256, 100, 1), "macs": 7 * 7 * 256}],  # its outputs summed into one
                         "generator": [conv(4, 100, 256, 1), conv(3, 256, 128, 4), conv(3, 128, 64, 7), conv(3, 64, 1, 14)],
                         "encoder": [conv(4, 1, 64, 14), conv(4, 64, 64, 7), conv(4, 64, 64, 7)] + heads(3136, 100, 2)},
              "launches": {"ancestral": 20, "langevin": 500, "vae": 78, "energy": 34, "adam": 18}},
    "cifar10": {"batch": 250, "chains": 900, "steps": 15, "batch_norms": 3,
                "layers": {"energy": [conv(3, 3, 64, 32), conv(4, 64, 128, 16), conv(4, 128, 256, 8),
                                      conv(4, 256, 256, 4)] + heads(4096, 1, 1),
                           "generator": [conv(4, 100, 256, 1), conv(4, 256, 128, 4), conv(4, 128, 64, 8),
                                         conv(3, 64, 64, 16), conv(3, 64, 3, 32)],
                           "encoder": [conv(3, 3, 64, 32), conv(4, 64, 128, 16), conv(4, 128, 256, 8),
                                       conv(4, 256, 512, 4)] + heads(8192, 100, 2)},
                "launches": {"ancestral": 20, "langevin": 135, "vae": 88, "energy": 44, "adam": 18}},
    "256x256": {"batch": 64, "chains": 64, "steps": 15, "batch_norms": 6,
                "layers": {"energy": assumed(14, 4.0), "generator": assumed(9, 3.0), "encoder": assumed(35, 3.1)},
                "launches": {"ancestral": 25, "langevin": 195, "vae": 98, "energy": 64, "adam": 18}},
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
    p.add_argument("--piece", type=number(0), default=4.2, metavar="MB",
                   help="least size of a piece of a gradient [4.2: as the program does]")
    p.add_argument("--whole", action="store_true", help="sum each gradient as one, when its network is done")
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
        macs = {name: sum(layer["macs"] for layer in layers) for name, layers in net["layers"].items()}
        work = {"ancestral": 2 * chains * macs["generator"],
                "langevin": chains * net["steps"] * 4 * macs["energy"],  # the maps, and the gradient for x
                "vae": 2 * chains * 3 * (macs["encoder"] + macs["generator"]),
                "energy": 2 * (batch + chains) * 3 * macs["energy"],  # and both gradients
                "adam": 0}  # launches alone
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

    def backward(self, ms, layers, sums, ranks, args, norms=0, norm=0.0):
        """The walk back through a network, its norms between its layers; returns the time of its gradient's sums."""
        macs, size, of_sums = sum(layer["macs"] for layer in layers), 0, 0.0
        for i, layer in reversed(list(enumerate(layers))):
            self.compute(ms * layer["macs"] / macs)
            size += layer["bytes"]
            if i == 0 or (size >= 1e6 * args.piece and not args.whole):
                of_piece = sums.gradient(ranks, size)
                self.begin(of_piece)
                of_sums, size = of_sums + of_piece, 0
            if 0 < i <= norms:  # before the layers that follow the first
                self.begin(norm)
                self.join()
        return of_sums


def iteration(net, phases, sums, ranks, args):
    """Returns the iteration, what the sums add to it, and of that the gradients' part and their whole time, in ms."""
    layers, norm, count = net["layers"], sums.norm(ranks), net["batch_norms"]
    macs = {name: sum(layer["macs"] for layer in layers[name]) for name in NETWORKS}
    numbers = {name: sum(layer["bytes"] for layer in layers[name]) for name in NETWORKS}
    unit = phases["vae"] / (3 * (macs["encoder"] + macs["generator"]))  # backward is twice forward
    run = Iteration()
    run.norms(phases["ancestral"], count, norm)
    run.compute(phases["langevin"] + unit * macs["encoder"])
    run.norms(unit * macs["generator"], count, norm)
    gradients, done = 0.0, {}
    for name, ms, norms in [("generator", 2 * unit * macs["generator"], count), ("encoder", 2 * unit * macs["encoder"], 0),
                            ("energy", phases["energy"] * 2 / 3, 0)]:
        if name == "energy":
            run.compute(phases["energy"] / 3)
        gradients += run.backward(ms, layers[name], sums, ranks, args, norms, norm)
        done[name] = run.free
    for name in NETWORKS:
        run.now = max(run.now, done[name])
        run.compute(phases["adam"] * numbers[name] / sum(numbers.values()))
    exposed = run.now - sum(phases.values())
    return run.now, exposed, max(exposed - 3 * count * norm, 0.0), gradients


def report(name, net, compute, sums_of, args):
    sizes = ", ".join(f"{sum(layer['bytes'] for layer in net['layers'][network]) / 1e6:.2g}" for network in NETWORKS)
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
          "their multiply-adds, and so are layers, the gradients twice the value's")
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
