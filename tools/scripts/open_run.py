#!/usr/bin/env python3
"""Opens a trained model of ebm.cu as PyTorch modules.

    from open_run import open_run
    run = open_run("runs/mnist-20261129-101500")         # a run's folder, or a file of `./ebm export`
    u = run.energy(x)                                    # x (N, H, W, C) in [-1, 1] -> U (N), low = plausible
    x = run.networks["generator"](torch.randn(64, run.latent))        # (64, H, W, C)
    mu, log_v = run.networks["encoder"](x)               # (N, d) each

    open_run.py RUN                                      lists the networks
    open_run.py RUN --images x.npy                       prints U of images (N, H, W, C), a line each: uint8 from 0 to 255,
                                                         or float32 in [-1, 1]
    open_run.py RUN --torchscript FOLDER                 writes each network as FOLDER/NAME.pt

The weights are those that `./ebm` computes with, the moving averages. A run writes them to model.safetensors at its end;
`./ebm export --run RUN` writes them of a run that is under way or was killed. Needs numpy and torch, and nothing of
ebm.cu. Images are (N, H, W, C) as everywhere in ebm.cu; PyTorch's own layout is kept inside.
"""
import argparse
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


DAMAGED = (struct.error, ValueError, KeyError, TypeError, AttributeError, RuntimeError)  # what reading such a file may raise


def read_safetensors(path):
    """Tensors by name, and the metadata."""
    data = Path(path).read_bytes()
    try:
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + length])
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            if entry["dtype"] != "F32":
                raise ValueError(f"tensor {name} of {entry['dtype']}, expected F32")
            first, last = (8 + length + offset for offset in entry["data_offsets"])
            values = np.frombuffer(data[first:last], "<f4").reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.copy())
    except DAMAGED as error:
        raise ValueError(f"received {path}, which is damaged or no .safetensors file ({error}), "
                         "expected a file of `./ebm export`") from error
    return tensors, metadata


MOST = 1.3  # of a pixel: chains of samples may leave [-1, 1] a little


def load_images(path):
    """Images of a .npy file as Run.energy takes them, by the rules of `./ebm energy`: uint8 is scaled from 0..255 to
    [-1, 1], float32 must be in it."""
    try:
        with open(path, "rb") as file:
            images = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"received {path}, which is damaged or no .npy file ({error}), "
                         "expected an array of uint8 or float32") from error
    if images.dtype == np.uint8:
        return torch.from_numpy(images.astype(np.float32) / np.float32(127.5) - np.float32(1))
    if images.dtype != np.float32:
        raise ValueError(f"received {path} of {images.dtype}, expected uint8 from 0 to 255 or float32 in [-1, 1]")
    if images.size:
        least, most = images.min(), images.max()
        received = f"received {path} with values from {least:.4g} to {most:.4g}"
        if not np.isfinite(images).all():
            raise ValueError(f"received {path} with values that are not finite, expected numbers")
        if least < -MOST or most > MOST:
            raise ValueError(f"{received}, expected pixels in [-1, 1], or uint8 from 0 to 255")
        if least >= 0 and most <= 1:
            raise ValueError(f"{received}, expected pixels in [-1, 1], where the darkest is -1")
    return torch.from_numpy(images.astype("<f4"))  # torch knows no other order of bytes


class Network(torch.nn.Module):
    """A list of layers, as "networks" in the file's metadata describes it (docs/manual.md has the keys)."""

    TENSORS = {"conv": ["weight"], "deconv": ["weight"], "dense": ["weight", "bias"], "batch_norm": ["beta"]}

    def __init__(self, description, tensors):
        super().__init__()
        self.input = description["input"]  # of one example: [1, H, W, C] or [1, I]
        self.layers = description["layers"]
        self.weights = torch.nn.ParameterDict({name.replace(".", "_"): torch.nn.Parameter(_torch_layout(tensor))
                                               for name, tensor in tensors.items()})
        for layer in self.layers:
            for what in self.TENSORS.get(layer["kind"], []):
                if f"{layer['name']}_{what}" not in self.weights:
                    raise KeyError(f"no tensor {layer['name']}.{what}")

    def weight(self, layer, what):
        return self.weights[f"{layer['name']}_{what}"]

    def forward(self, x):
        h = x.permute(0, 3, 1, 2) if x.dim() == 4 else x
        for layer in self.layers:
            h = getattr(self, "_" + layer["kind"])(h, layer)
        return h.permute(0, 2, 3, 1) if h.dim() == 4 else h

    def _conv(self, h, layer):
        before, after = layer["pad"]
        h = F.pad(h, (before, after, before, after))
        return F.conv2d(h, self.weight(layer, "weight"), self._bias(layer), layer["stride"])

    def _deconv(self, h, layer):
        before, after = layer["pad"]  # of the convolution that this is the transposed one of: here it cuts off
        h = F.conv_transpose2d(h, self.weight(layer, "weight"), self._bias(layer), layer["stride"])
        return h[:, :, before:h.shape[2] - after, before:h.shape[3] - after]

    def _bias(self, layer):
        return self.weight(layer, "bias") if layer["bias"] else None

    def _dense(self, h, layer):
        return F.linear(h, self.weight(layer, "weight"), self.weight(layer, "bias"))

    def _batch_norm(self, h, layer):  # of the batch that is given, in training and after it
        beta = self.weight(layer, "beta")
        return F.batch_norm(h, None, None, torch.ones_like(beta), beta, training=True, eps=1e-3)

    def _leaky_relu(self, h, layer):
        return F.leaky_relu(h, layer["slope"])

    def _tanh(self, h, layer):
        return torch.tanh(h)

    def _dropout(self, h, layer):
        return F.dropout(h, 1 - layer["keep"], self.training)

    def _flatten(self, h, layer):
        return h.permute(0, 2, 3, 1).flatten(1)


class Generator(Network):
    """z (N, d) -> images (N, H, W, C)."""

    def forward(self, z):
        return super().forward(z.reshape(-1, *self.input[1:]))


class Encoder(Network):
    """Images (N, H, W, C) -> mean and log variance of z, (N, d) each."""

    def forward(self, x):
        h = super().forward(x)
        w = self.weights
        return F.linear(h, w["mu_weight"], w["mu_bias"]), F.linear(h, w["log_v_weight"], w["log_v_bias"])


class PixelEnergy(Network):
    """f of images (N, H, W, C), (N): the sum of the head's outputs."""

    def forward(self, x):
        return super().forward(x).flatten(1).sum(1)


def _torch_layout(tensor):
    # convolutions: (K, R, S, C) -> (K, C, R, S); transposed ones: (Cin, R, S, Cout) -> (Cin, Cout, R, S)
    return tensor.permute(0, 3, 1, 2).contiguous() if tensor.dim() == 4 else tensor


class Run:
    """networks: modules by name, in evaluation mode. method, iteration, latent (d; None without a generator)."""

    def __init__(self, tensors, metadata):
        self.method, self.iteration = metadata["method"], int(metadata["iteration"])
        self.sigma_ref = float(metadata["sigma_ref"]) if "sigma_ref" in metadata else None
        self.networks = {}
        for name, description in json.loads(metadata["networks"]).items():
            own = {key[len(name) + 1:]: value for key, value in tensors.items() if key.startswith(name + ".")}
            kind = {"generator": Generator, "encoder": Encoder}.get(name, Network)
            if name == "energy" and self.sigma_ref is not None:
                kind = PixelEnergy
            self.networks[name] = kind(description, own).eval()
        self.latent = self.networks["generator"].input[-1] if "generator" in self.networks else None

    def energy(self, x, name="images"):
        """U of images (N, H, W, C) in [-1, 1], (N): low = plausible. name: of the images in an error."""
        if self.sigma_ref is None:
            raise ValueError(f"received a run of method {self.method}, expected a run with an energy of images")
        shape = self.networks["energy"].input[1:]
        if x.dim() != 4 or len(x) == 0 or list(x.shape[1:]) != shape:
            raise ValueError(f"received {name} of shape ({', '.join(map(str, x.shape))}), "
                             f"expected (N, {', '.join(map(str, shape))}) with N of 1 or more")
        u = -self.networks["energy"](x)
        return u + x.square().flatten(1).sum(1) / (2 * self.sigma_ref**2) if self.sigma_ref > 0 else u


def open_run(path):
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"received {path}, which is not there, expected a run's folder or a file of `./ebm export`")
    if path.is_dir():
        checkpoints = sorted(path.glob("checkpoint-*.safetensors"))
        path = path / "model.safetensors"
        if not path.exists():
            raise FileNotFoundError(f"received {path.parent} without {path.name}, expected one: "
                                    f"`./ebm export --run {path.parent}` writes it")
        newest = int(checkpoints[-1].stem.split("-")[1]) if checkpoints else 0
    else:
        newest = 0
    tensors, metadata = read_safetensors(path)
    if "ebm.model" not in metadata:
        raise ValueError(f"received {path}, expected a file of `./ebm export`")
    try:
        run = Run(tensors, metadata)
    except DAMAGED as error:
        raise ValueError(f"received {path} with networks that cannot be read ({error}), "
                         "expected a file of `./ebm export`") from error
    if run.iteration < newest:
        print(f"note: {path} is of iteration {run.iteration}, the newest checkpoint of {newest}: "
              f"`./ebm export --run {path.parent}` writes it anew", file=sys.stderr)
    return run


def write_torchscript(run, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, network in run.networks.items():
        shape = [2, run.latent] if name == "generator" else [2] + network.input[1:]
        file = folder / f"{name}.pt"
        script = torch.jit.trace(network, torch.rand(shape))
        try:
            script.save(str(file))
        except RuntimeError as error:
            raise OSError(f"cannot write {file} ({error})") from error
        print(file)


def main():
    parser = argparse.ArgumentParser(description="Opens a trained model of ebm.cu in PyTorch.")
    parser.error = fail
    parser.add_argument("run", help="a run's folder, or a file of `./ebm export`")
    parser.add_argument("--images", help="a .npy file of images (N, H, W, C), uint8 or float32 in [-1, 1]: prints U of each")
    parser.add_argument("--torchscript", metavar="FOLDER", help="write each network as FOLDER/NAME.pt")
    flags = parser.parse_args()
    try:
        run = open_run(flags.run)
        if flags.images:
            with torch.no_grad():
                for u in run.energy(load_images(flags.images), flags.images):
                    print(f"{u:.9g}")
        elif not flags.torchscript:
            for name, network in run.networks.items():
                count = sum(p.numel() for p in network.parameters())
                print(f"{name}: {count} parameters, input {network.input}, {len(network.layers)} layers")
        if flags.torchscript:
            write_torchscript(run, Path(flags.torchscript))
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError) as error:
        fail(error)


def fail(error):
    sys.exit("open_run.py: " + " ".join(str(error).split()))  # one line, whatever Python's own errors say


if __name__ == "__main__":
    main()
