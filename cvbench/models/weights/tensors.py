"""Named tensors in and out of safetensors files, which cannot carry code."""

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
    """What such a file holds."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Put tensors and notes (plain values, kept as JSON) into one file, whole or not at all."""
    kept = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())  # tied ones apart
        for name, tensor in tensors.items()
    }
    write_whole(path, safetensors.torch.save(kept, {"cvbench": json.dumps(notes)}))


def read_tensors(path: Path) -> Content:
    """What a file holds; `notes` are empty where another program wrote it.

    Raises InputError for a file that is not there or no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads((file.metadata() or {}).get("cvbench", "{}"))
            return Content({name: file.get_tensor(name) for name in file.keys()}, notes)  # noqa: SIM118 - no mapping
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: this is no safetensors file, or it is damaged ({error}).\n"
            "  A file's ending says its format: .safetensors, .pth or .ckpt with plain tensors, "
            "darknet's .weights."
        ) from error


def adopt(targets: Mapping[str, Tensor], found: Mapping[str, Tensor], *, path: Path) -> None:
    """Copy each tensor of a file into the one of its name, in the layout and on the device of that.

    Raises InputError, before anything is changed, at the first name that only one side knows, or
    whose shapes or kinds of number differ.
    """
    _check_classes(targets, found, path)
    for name, target in targets.items():
        if name not in found:
            first = next(iter(found), "nothing")
            lacking = f"{name} is not in the file, whose first name is {first}"
            raise _mismatch(path, lacking, f"it as {_form(target)}")
        ours, theirs = target.is_floating_point(), found[name].is_floating_point()
        if found[name].shape != target.shape or ours != theirs:
            raise _mismatch(path, f"{name} is {_form(found[name])} in the file", f"it as {_form(target)}")
    for name in found:
        if name not in targets:
            raise _mismatch(path, f"{name} is {_form(found[name])} in the file", "none of that name")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(found[name])


def _check_classes(targets: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    """Raise InputError where all that differs is the length of some tensors: another number of classes."""
    if targets.keys() != found.keys():
        return
    odd = [name for name, target in targets.items() if found[name].shape != target.shape]
    same_rest = all(found[name].shape[1:] == targets[name].shape[1:] for name in odd)
    if odd and same_rest and all(targets[name].ndim for name in odd):
        name = odd[0]
        raise InputError(
            f"{path}: these weights are for another number of classes: {name} is {_form(found[name])} in the "
            f"file, and the model has {_form(targets[name])} for the data set's classes.\n"
            "  Say with `labels` (imagenet, coco or voc) which classes the weights count, or train."
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
    """Put all parameters and buffers into a safetensors file, whole or not at all."""
    write_tensors(path, module_of(model).state_dict(), {})


def load_weights(model: Model, path: Path) -> None:
    """Take all parameters and buffers from a safetensors file.

    Raises InputError for a file that cannot be read, and for one of another architecture, with the
    first name that differs and both shapes; the model has not changed then.
    """
    adopt(module_of(model).state_dict(), read_tensors(path).tensors, path=path)
