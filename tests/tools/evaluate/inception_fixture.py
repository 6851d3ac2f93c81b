#!/usr/bin/env python3
"""Writes inception_fixture.txt: what PyTorch computes, layer by layer, with Inception v3 and made-up weights.

    tests/tools/evaluate/inception_fixture.py > tests/tools/evaluate/inception_fixture.txt
    tests/tools/evaluate/inception_fixture.py --state FILE.pth      the same weights as a PyTorch file

The architecture is torchvision's, with what the network of 2015-12-05 has otherwise put in its place. Weights and
the image are functions of their names (see `made_up`, which inception_test.cpp repeats). A line for each layer: its
name, its output's shape (N,P,Q,K), its filters' extents C R S (0 where it has none), root mean square, and its
values at PROBES places, hashed from 0, 1, ….
Needs Debian's python3-torch and python3-torchvision.
"""
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.models import inception

PROBES = 6
IMAGE = (1, 147, 131, 3)  # not square: rows and columns cannot be confused unseen


def splitmix(x):
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014) of x + the golden ratio's constant."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def made_up(name, size):
    """Numbers in [-1, 1) of 24 bits, from the FNV-1a hash of the name and their place."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        bits = splitmix(np.uint64(seed) + np.arange(size, dtype=np.uint64))
    return (bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def fill(name, tensor):
    u = made_up(name, tensor.numel())
    if name.endswith("conv.weight") or name == "fc.weight":
        u *= np.sqrt(6 / (tensor.numel() / tensor.shape[0]))
    elif name.endswith("bn.weight"):
        u = 1 + 0.25 * u
    elif name.endswith("running_var"):
        u = 1 + 0.5 * u
    else:  # bn.bias, bn.running_mean
        u *= 0.1
    return torch.from_numpy(u.astype(np.float32)).reshape(tensor.shape)


average_pool = F.avg_pool2d  # the name in F is another's while a block runs


def pool_branch(block, pool):
    """Puts `pool` in the place of the average before the block's last branch."""
    original = block._forward

    def forward(x):
        F.avg_pool2d = lambda v, **_: pool(v)
        try:
            return original(x)
        finally:
            F.avg_pool2d = average_pool

    block._forward = forward


def network():
    net = inception.Inception3(num_classes=1008, aux_logits=False, transform_input=False, init_weights=False).eval()
    within = lambda v: average_pool(v, 3, stride=1, padding=1, count_include_pad=False)
    largest = lambda v: F.max_pool2d(v, 3, stride=1, padding=1)
    for name, block in net.named_children():
        if name in ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7b"):
            pool_branch(block, within)
    pool_branch(net.Mixed_7c, largest)
    state = {name: fill(name, value) for name, value in net.state_dict().items()
             if not name.endswith("num_batches_tracked") and name != "fc.bias"}
    net.load_state_dict(state, strict=False)
    return net, state


def line(name, value, filters=(0, 0, 0)):
    if value.dim() == 4:
        value = value.permute(0, 2, 3, 1)
    flat = value.detach().double().numpy().ravel()
    places = splitmix(np.arange(PROBES, dtype=np.uint64)) % np.uint64(flat.size)
    numbers = [np.sqrt(np.mean(flat**2)), *flat[places.astype(np.int64)]]
    shape = list(value.shape) + [1] * (4 - value.dim())
    return " ".join([name, *map(str, shape), *map(str, filters), *(f"{v:.7g}" for v in numbers)])


def main():
    net, state = network()
    if len(sys.argv) == 3 and sys.argv[1] == "--state":
        torch.save(state, sys.argv[2])
        return
    lines = []
    for name, module in net.named_modules():
        if isinstance(module, inception.BasicConv2d):
            module.register_forward_hook(lambda m, __, out, name=name:
                                         lines.append(line(name, out, m.conv.weight.shape[1:])))
        elif name.startswith("Mixed_") and "." not in name:
            module.register_forward_hook(lambda _, __, out, name=name: lines.append(line(name, out)))
    features = []
    net.avgpool.register_forward_hook(lambda _, __, out: features.append(out.flatten(1)))
    image = torch.from_numpy(made_up("image", int(np.prod(IMAGE))).astype(np.float32)).reshape(IMAGE)
    with torch.no_grad():
        net(image.permute(0, 3, 1, 2))
        lines.append(line("features", features[0]))
        lines.append(line("logits", features[0] @ state["fc.weight"].T))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
