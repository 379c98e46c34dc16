"""Reads and writes named tensors as safetensors files, which cannot contain code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cvbench.errors import InputError
from cvbench.files import write_whole
from cvbench.interfaces import Model, module_of


class Content(NamedTuple):
    """Content of a safetensors file."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Write tensors and notes (plain values, stored as JSON) to one file, atomically."""
    kept = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())  # tied tensors separately
        for name, tensor in tensors.items()
    }
    write_whole(path, safetensors.torch.save(kept, {"cvbench": json.dumps(notes)}))


def read_tensors(path: Path) -> Content:
    """Content of a safetensors file; `notes` is empty if another program wrote it.

    Raises InputError for a file that does not exist or is not a safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads((file.metadata() or {}).get("cvbench", "{}"))
            return Content({name: file.get_tensor(name) for name in file.keys()}, notes)  # noqa: SIM118 - no mapping
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a safetensors file, or it is damaged ({error}).\n"
            "  The extension selects the format: .safetensors, .pth or .ckpt with plain tensors, "
            "darknet's .weights."
        ) from error


def adopt(targets: Mapping[str, Tensor], found: Mapping[str, Tensor], *, path: Path) -> None:
    """Copy each tensor of a file to the target of the same name, keeping the target's layout and device.

    Raises InputError, before any change, at the first name that is missing on one side, or whose shapes
    or kinds of number (floating point or integer) differ.
    """
    _check_classes(targets, found, path)
    for name, target in targets.items():
        if name not in found:
            first = next(iter(found), "nothing")
            lacking = f"{name} is not in the file, whose first tensor is {first}"
            raise _mismatch(path, lacking, _form(target))
        ours, theirs = target.is_floating_point(), found[name].is_floating_point()
        if found[name].shape != target.shape or ours != theirs:
            raise _mismatch(path, f"{name} is {_form(found[name])} in the file", _form(target))
    for name in found:
        if name not in targets:
            raise _mismatch(path, f"{name} is {_form(found[name])} in the file", "no tensor of that name")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(found[name])


def _check_classes(targets: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    """Raise InputError if only the lengths of some tensors differ: another number of classes."""
    if targets.keys() != found.keys():
        return
    odd = [name for name, target in targets.items() if found[name].shape != target.shape]
    same_rest = all(found[name].shape[1:] == targets[name].shape[1:] for name in odd)
    if odd and same_rest and all(targets[name].ndim for name in odd):
        name = odd[0]
        raise InputError(
            f"{path}: these weights are for another number of classes: {name} is {_form(found[name])} in the "
            f"file, and the model has {_form(targets[name])} for the dataset's classes.\n"
            "  Set `labels` to the classes of the weights (imagenet, coco or voc), or train."
        )


def _mismatch(path: Path, theirs: str, ours: str) -> InputError:
    return InputError(
        f"{path}: these are weights of another architecture. The first difference:\n"
        f"  {theirs}, and the model has {ours}.\n"
        "  Build the model with the options and the classes that these weights were trained with."
    )


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def save_weights(model: Model, path: Path) -> None:
    """Write all parameters and buffers to a safetensors file, atomically."""
    write_tensors(path, module_of(model).state_dict(), {})


def load_weights(model: Model, path: Path) -> None:
    """Load all parameters and buffers from a safetensors file.

    Raises InputError for a file that cannot be read or is of another architecture, with the first name
    that differs and both shapes; the model is then unchanged.
    """
    adopt(module_of(model).state_dict(), read_tensors(path).tensors, path=path)
