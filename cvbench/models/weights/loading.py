"""Weights from a file of any supported format; the ending of its name tells which."""

from __future__ import annotations

from pathlib import Path

from cvbench.errors import InputError
from cvbench.files import sha256_of_files
from cvbench.interfaces import Model, module_of
from cvbench.models.external.onnx import OnnxModel
from cvbench.models.external.onnx_files import files_of_onnx
from cvbench.models.weights.darknet import load_darknet
from cvbench.models.weights.tensors import adopt
from cvbench.models.weights.tensors import load_weights as load_own
from cvbench.models.weights.torchvision import in_order, load_torchvision
from cvbench.models.weights.wrappings import check_kind, read_state_dict
from cvbench.spec.catalogue.weights import WeightFile, format_of


def load_weights(model: Model, path: Path, *, by_position: bool = False) -> None:
    """Take all parameters and buffers from a file.

    `.onnx` is opened by the models of that name, `.weights` is darknet's format, `.pth`, `.pt`, `.ckpt`,
    `.tar` and `.bin` are PyTorch's, with tensors named as torchvision names them, also in a training script's
    checkpoint; anything else is read as safetensors. With
    `by_position` the names in a PyTorch file do not count: its tensors are the model's, one after the other.

    Raises InputError for a file that cannot be read and for weights of another architecture, with
    the first difference; the model has not changed then.
    """
    if path.exists() and not path.is_file():  # a pipe would never end
        raise InputError(f"{path}: not a regular file.\n  Name a file of weights.")
    kind = format_of(path)
    if isinstance(model, OnnxModel):
        model.open_file(path)
    elif kind == "onnx":
        raise InputError(
            f"{path}: an ONNX file is a whole net, not the weights of another.\n"
            "  Name the model onnx/classifier, onnx/detector or onnx/segmenter."
        )
    elif by_position:
        _load_in_order(model, path)
    elif kind == "darknet":
        load_darknet(model, path)
    elif kind == "pytorch":
        load_torchvision(model, path)
    else:
        load_own(model, path)


def load_weight_file(model: Model, file: WeightFile) -> None:
    """Take all parameters and buffers from the file that a suite's `weights` was resolved to.

    Raises InputError for a file that is not there or is not the one that was meant, and as
    `load_weights` does.
    """
    path = file.found()
    if path is None:
        raise InputError(f"no weights: {file.missing()}.")
    check_kind(path)
    check_content(path, file.sha256)
    load_weights(model, path, by_position=file.by_position)


def check_content(path: Path, sha256: str | None) -> None:
    """Raise InputError for a file whose SHA-256 does not begin with these digits.

    Of an ONNX file with external data it is that of both, as `cat model.onnx model.onnx.data | sha256sum`.
    """
    if sha256 is None:
        return
    found = sha256_of_files(files_of_onnx(path) if format_of(path) == "onnx" else [path])
    if not found.startswith(sha256):
        raise InputError(
            f"{path}: this is not the file that is meant: its SHA-256 is\n  {found}, not\n  {sha256}\n"
            "  It is damaged or another one: remove it, and fetch it anew."
        )


def _load_in_order(model: Model, path: Path) -> None:
    if format_of(path) != "pytorch":
        raise InputError(
            f"{path}: only a .pth file keeps its tensors in the order in which a net makes them.\n"
            "  Leave `names=position` out, or convert the file."
        )
    targets = module_of(model).state_dict()
    adopt(targets, in_order(read_state_dict(path), targets, path=path), path=path)
