"""Weights from a file of whichever format: its name's ending says which."""

from __future__ import annotations

from pathlib import Path

from cvbench.protocols import Model
from cvbench.training import load_weights as load_own
from cvbench.weights.darknet import load_darknet
from cvbench.weights.torchvision import load_torchvision


def load_weights(model: Model, path: Path) -> None:
    """Take all parameters and buffers from a file.

    `.weights` is darknet's format, `.pth` and `.pt` are PyTorch's, with tensors named as torchvision
    names them; anything else is read as safetensors.

    Raises InputError for a file that cannot be read and for weights of another architecture, with
    the first difference; the model has not changed then.
    """
    if path.suffix == ".weights":
        load_darknet(model, path)
    elif path.suffix in (".pth", ".pt"):
        load_torchvision(model, path)
    else:
        load_own(model, path)
