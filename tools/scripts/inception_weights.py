#!/usr/bin/env python3
"""Writes the Inception network's weights as the file that `ebm evaluate --features inception` reads.

    tools/scripts/inception_weights.py pt_inception-2015-12-05-6726825d.pth OUT.safetensors

The input is the network of 2015-12-05 as a PyTorch state dict, which FID implementations download. Needs Python 3
with PyTorch. Names, shapes and values stay as they are.
"""
import json
import os
import sys

FEATURES, CLASSES, CONVOLUTIONS = 2048, 1008, 94
BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


def wanted_names(state):
    """The tensors that the scores need, in order; an error for a file of another network."""
    convs = sorted(name[: -len(".conv.weight")] for name in state
                   if name.endswith(".conv.weight") and not name.startswith("AuxLogits."))
    if len(convs) != CONVOLUTIONS:
        sys.exit(f"inception_weights: received a file with {len(convs)} convolutions, expected {CONVOLUTIONS}")
    names = [f"{conv}.{part}" for conv in convs for part in ("conv.weight", *(f"bn.{p}" for p in BATCH_NORM))]
    names.append("fc.weight")
    missing = [name for name in names if name not in state]
    if missing:
        sys.exit(f"inception_weights: received a file without {missing[0]}, expected Inception v3's tensors")
    if tuple(state["fc.weight"].shape) != (CLASSES, FEATURES):
        sys.exit(f"inception_weights: received fc.weight {tuple(state['fc.weight'].shape)}, expected "
                 f"{(CLASSES, FEATURES)}: the network of 2015-12-05, not a later one")
    return names


def write_safetensors(path, tensors):
    """tensors: name -> float32 numpy array. Replaces `path` when all of it is written."""
    header, offset = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in tensors.values():
            file.write(values.astype("<f4").tobytes())
    os.replace(path + ".part", path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        import torch
    except ImportError:
        sys.exit("inception_weights: received a Python without PyTorch, expected one with it (python3-torch)")
    try:
        state = torch.load(sys.argv[1], map_location="cpu")
    except Exception as error:  # torch raises many kinds
        sys.exit(f"inception_weights: received {sys.argv[1]}: {error}, expected a PyTorch state dict")
    if not isinstance(state, dict):
        sys.exit(f"inception_weights: received {sys.argv[1]}: a {type(state).__name__}, expected a PyTorch state dict")
    tensors = {name: state[name].detach().float().contiguous().numpy() for name in wanted_names(state)}
    try:
        write_safetensors(sys.argv[2], tensors)
    except OSError as error:
        if os.path.exists(sys.argv[2] + ".part"):
            os.remove(sys.argv[2] + ".part")
        sys.exit(f"inception_weights: cannot write {sys.argv[2]}: {error.strerror}")
    print(f"{sys.argv[2]}: {len(tensors)} tensors")


if __name__ == "__main__":
    main()
