"""State dicts as torchvision publishes them: `.pth` files of tensors by name.

cvbench's AlexNet, VGG, GoogLeNet, ResNet and Faster R-CNN on a pyramid carry torchvision's names, so
tensors are taken over name by name. What a file may lack, or name otherwise, is said here.

A `.pth` file is a pickle, which can run any code when it is read. Only plain tensors in plain
containers are let through; a file with anything else is refused unread.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cvbench.errors import InputError
from cvbench.interfaces import module_of
from cvbench.models.weights.tensors import adopt

COUNTER = ".num_batches_tracked"
"""Files from before PyTorch 0.4.1 have none; nothing that cvbench computes reads it."""

_RENAMED = (
    (re.compile(r"rpn\.head\.conv\.(weight|bias)"), r"rpn.head.conv.0.0.\1"),
    (re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.(weight|bias)"), r"\1.0.\2"),
)
"""Convolutions of detectors whose names torchvision has lengthened since it published their weights."""


def load_torchvision(model: object, path: Path) -> None:
    """Take all parameters and buffers from a `.pth` file of tensors by name.

    Raises InputError, with the model unchanged, for a file that cannot be read or holds anything but
    tensors, and for one of another architecture or number of classes, with the first name that
    differs and both shapes.
    """
    targets = module_of(model).state_dict()
    adopt(targets, with_counters(with_new_names(read_state_dict(path)), targets), path=path)


def with_counters(found: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file, and the model's own counters of batches where the file has none."""
    lacking = {name: value for name, value in targets.items() if name.endswith(COUNTER)}
    return {**lacking, **found}


def with_new_names(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file by the names that torchvision's nets have today.

    >>> list(with_new_names({"rpn.head.conv.bias": torch.zeros(1)}))
    ['rpn.head.conv.0.0.bias']
    """
    return {_new_name(name): value for name, value in found.items()}


def _new_name(name: str) -> str:
    for old, new in _RENAMED:
        if match := old.fullmatch(name):
            return match.expand(new)
    return name


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.pth` file by name; raises InputError for a file that holds anything else."""
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: this is no file of plain tensors; anything else is not read, as it could run code.\n"
            "  Save the tensors alone: torch.save(model.state_dict(), FILE), or as safetensors."
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: this is no PyTorch file, or it is damaged ({_first_line(error)})."
        ) from error
    if not isinstance(content, Mapping):
        raise _not_by_name(path, f"a {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _not_by_name(path, f"a {type(value).__name__} under {name!r}")
    return dict(content)


def _not_by_name(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: it holds {found} where tensors by name are wanted.\n"
        "  Save the state dict alone: torch.save(model.state_dict(), FILE)"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def in_order(found: Mapping[str, Tensor], targets: Mapping[str, Tensor], *, path: Path) -> dict[str, Tensor]:
    """The file's tensors under the model's names; counters of batches are the model's own.

    Raises InputError at the first place where the shapes differ, or where only one side goes on.
    """
    theirs, ours = _without_counters(found), _without_counters(targets)
    taken = {name: value for name, value in targets.items() if name.endswith(COUNTER)}
    pairs = zip_longest(theirs.items(), ours.items(), fillvalue=("nothing", None))
    for number, ((their_name, value), (our_name, target)) in enumerate(pairs, 1):
        if value is None or target is None or value.shape != target.shape:
            raise InputError(
                f"{path}: in the order of its tensors these are weights of another architecture. "
                f"The first difference, at place {number} of {len(ours)}:\n"
                f"  the file has {_shown(their_name, value)}, the model {_shown(our_name, target)}."
            )
        taken[our_name] = value
    return taken


def _without_counters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if not name.endswith(COUNTER)}


def _shown(name: str, value: Tensor | None) -> str:
    return name if value is None else f"{name} {list(value.shape)}"
