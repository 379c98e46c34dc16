"""Loads weights from any supported file format, chosen by the file's extension."""

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
    """Load all parameters and buffers from a file.

    `.onnx` works only with the ONNX models; `.weights` is darknet's format; `.pth`, `.pt`, `.ckpt`, `.tar`
    and `.bin` are PyTorch's, with torchvision's tensor names, alone or in a training checkpoint; anything
    else is read as safetensors. With `by_position`, the names in a PyTorch file are ignored: its tensors
    are assigned to the model's in order.

    Raises InputError for a file that cannot be read and for weights of another architecture, with
    the first difference; the model is then unchanged.
    """
    if path.exists() and not path.is_file():  # reading a pipe would never end
        raise InputError(f"{path}: not a regular file.\n  Name a file of weights.")
    kind = format_of(path)
    if isinstance(model, OnnxModel):
        model.open_file(path)
    elif kind == "onnx":
        raise InputError(
            f"{path}: an ONNX file is a whole model, not weights for another one.\n"
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
    """Load all parameters and buffers from the file that the suite's `weights` refers to.

    Raises InputError for a file that is missing or has another hash, and the errors of `load_weights`.
    """
    path = file.found()
    if path is None:
        raise InputError(f"no weights: {file.missing()}.")
    check_kind(path)
    check_content(path, file.sha256)
    load_weights(model, path, by_position=file.by_position)


def check_content(path: Path, sha256: str | None) -> None:
    """Raise InputError for a file whose SHA-256 does not start with these digits.

    For an ONNX file with external data, it is the hash of both: `cat model.onnx model.onnx.data | sha256sum`.
    """
    if sha256 is None:
        return
    found = sha256_of_files(files_of_onnx(path) if format_of(path) == "onnx" else [path])
    if not found.startswith(sha256):
        raise InputError(
            f"{path}: this is not the expected file: its SHA-256 is\n  {found}, not\n  {sha256}\n"
            "  It is damaged or a different file: delete it, and fetch it again."
        )


def _load_in_order(model: Model, path: Path) -> None:
    if format_of(path) != "pytorch":
        raise InputError(
            f"{path}: only a .pth file keeps its tensors in the order in which the model creates them.\n"
            "  Remove `names=position`, or convert the file."
        )
    targets = module_of(model).state_dict()
    adopt(targets, in_order(read_state_dict(path), targets, path=path), path=path)
