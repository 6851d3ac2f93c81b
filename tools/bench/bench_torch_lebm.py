#!/usr/bin/python3
"""An iteration of `ebm train lebm` against the same in PyTorch, on one machine in turn.

    tools/bench/bench_torch_lebm.py [--recipe mnist] [--rounds 5] [--threads N] [--ebm ./ebm] [--flags "--batch 100"]

Needs PyTorch (Debian's python3-torch, with libopenblas0-pthread: its transposed convolutions go through BLAS); users of
the engine do not. Sizes and steps are those of the run's config.toml.
PyTorch is given its best: all threads, NCHW and channels_last, gradients of z alone while chains run, fused tanh error
left to its own kernels. A round times both layouts and then a short run of ebm on synthetic images, of which the median
iteration counts; figures are medians over the rounds. Values are not compared: weights are random.
"""
import argparse
import csv
import os
import shlex
import statistics
import subprocess
import tempfile
import time
import tomllib

from bench_torch import FORMATS, cpu_ms  # which sets OpenBLAS up before PyTorch comes

import torch
import torch.nn.functional as F

# kernel, stride, padding, output padding; models/table.cpp
GENERATORS = {28: ((4, 1, 0, 0), (3, 2, 1, 0), (4, 2, 1, 0), (4, 2, 1, 0)),
              32: ((8, 1, 0, 0), (4, 2, 1, 0), (4, 2, 1, 0), (3, 1, 1, 0))}


class Lebm:
    """One iteration: posterior chain, prior chain, both updates."""

    def __init__(self, config, edge, memory_format):
        self.config, width, latent = config, config["generator-width"], config["latent"]
        channels = [latent, width, width // 2, width // 4, 1 if edge == 28 else 3]
        self.layers = GENERATORS[edge]
        self.g, self.f = [], []
        for i, (kernel, *_) in enumerate(self.layers):
            weight = 0.05 * torch.randn(channels[i], channels[i + 1], kernel, kernel)
            self.g += [weight.contiguous(memory_format=memory_format), torch.zeros(channels[i + 1])]
        sizes = [latent, config["energy-width"], config["energy-width"], 1]
        for i in range(3):
            self.f += [0.1 * torch.randn(sizes[i + 1], sizes[i]), torch.zeros(sizes[i + 1])]
        x = torch.rand(config["batch"], channels[-1], edge, edge) * 2 - 1
        self.x = x.contiguous(memory_format=memory_format)
        betas = (config["adam-beta1"], config["adam-beta2"])
        self.adam_g = torch.optim.Adam(self.g, lr=config["generator-lr"], betas=betas)
        self.adam_f = torch.optim.Adam(self.f, lr=config["energy-lr"], betas=betas)

    def generator(self, z):
        h = z[:, :, None, None]
        for i, (_, stride, padding, extra) in enumerate(self.layers):
            h = F.conv_transpose2d(h, self.g[2 * i], self.g[2 * i + 1], stride, padding, extra)
            h = torch.tanh(h) if i + 1 == len(self.layers) else F.leaky_relu_(h, 0.2)
        return h

    def energy(self, z):
        h = F.leaky_relu_(F.linear(z, self.f[0], self.f[1]), 0.2)
        h = F.leaky_relu_(F.linear(h, self.f[2], self.f[3]), 0.2)
        return F.linear(h, self.f[4], self.f[5])

    def chain(self, potential, steps, delta):
        z = torch.randn(self.config["batch"], self.config["latent"])
        for _ in range(steps):
            leaf = z.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(potential(leaf), leaf)
            z = z - 0.5 * delta * delta * gradient + delta * torch.randn_like(z)
        return z

    def learn(self, parameters):
        for p in self.g + self.f:
            p.requires_grad_(any(p is q for q in parameters))

    def __call__(self):
        c = self.config
        precision = 0.5 / c["sigma"] ** 2
        prior = lambda z: 0.5 * z.square().sum() - self.energy(z).sum()
        self.learn([])
        z_plus = self.chain(lambda z: precision * (self.generator(z) - self.x).square().sum() + prior(z),
                            c["posterior-steps"], c["posterior-step-size"])
        z_minus = self.chain(prior, c["prior-steps"], c["prior-step-size"])
        for parameters, adam, loss in (
                (self.g, self.adam_g, lambda: (self.generator(z_plus) - self.x).square().sum() / len(self.x)),
                (self.f, self.adam_f, lambda: self.energy(z_minus).mean() - self.energy(z_plus).mean())):
            self.learn(parameters)
            adam.zero_grad()
            loss().backward()
            adam.step()


def ebm_run(arguments, folder, iterations):
    out = os.path.join(folder, f"run{time.monotonic_ns()}")
    command = [arguments.ebm, "train", "lebm", arguments.recipe, "--profile", "laptop", "--iterations", str(iterations),
               "--out", out, "--quiet", "--threads", str(arguments.threads), *shlex.split(arguments.flags)]
    if arguments.recipe != "cifar10":
        command += ["--dataset", "synthetic"]
    subprocess.run(command, check=True)
    return out


def ebm_ms(out):
    with open(os.path.join(out, "metrics.csv")) as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return 1e3 * statistics.median(sum(float(v) for k, v in row.items() if k.startswith("seconds_")) for row in rows[5:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="mnist", choices=["mnist", "fashion", "cifar10"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--ebm", default="./ebm")
    parser.add_argument("--flags", default="", help="further flags of the run, as in '--batch 100'")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(ebm_run(arguments, folder, 1), "config.toml"), "rb") as file:
            config = tomllib.load(file)
        variants = {name: Lebm(config, 32 if arguments.recipe == "cifar10" else 28, layout)
                    for name, layout in FORMATS.items()}
        times = {name: [] for name in [*variants, "ebm"]}
        for number in range(arguments.rounds):
            for name, variant in variants.items():
                times[name].append(cpu_ms(variant, seconds=4.0))
            times["ebm"].append(ebm_ms(ebm_run(arguments, folder, 30)))
            print(f"round {number + 1}: " + ", ".join(f"{name} {t[-1]:.1f} ms" for name, t in times.items()), flush=True)
    median = {name: statistics.median(t) for name, t in times.items()}
    best = min(variants, key=median.get)
    ratios = [t / e for t, e in zip(times[best], times["ebm"])]
    print(f"PyTorch {torch.__version__}, {arguments.threads} threads, an iteration of lebm {arguments.recipe}, batch "
          f"{config['batch']}: ebm {median['ebm']:.1f} ms, PyTorch {median[best]:.1f} ms ({best}): "
          f"{statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
