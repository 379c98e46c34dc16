"""State dicts as torchvision publishes them: `.pth` files of tensors by name.

cvbench's AlexNet, VGG, GoogLeNet, ResNet and Faster R-CNN on a pyramid carry torchvision's names, so
tensors are taken over name by name. What a file may lack, or name otherwise, is said here.

A `.pth` file is a pickle, which can run any code when it is read. Only plain tensors in plain
containers are let through; a file with anything else is refused unread. `wrappings.py` takes off what
training scripts put around the tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

from torch import Tensor

from cvbench.errors import InputError
from cvbench.interfaces import module_of
from cvbench.models.weights.tensors import adopt
from cvbench.models.weights.wrappings import read_state_dict, without_prefix

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
    found = without_prefix(with_new_names(read_state_dict(path)), targets)
    adopt(targets, with_counters(with_new_names(found), targets), path=path)


def with_counters(found: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file, and the model's own counters of batches where the file has none."""
    own = {name: value for name, value in targets.items() if name.endswith(COUNTER) and name not in found}
    return {**found, **own}


def with_new_names(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file by the names that torchvision's nets have today.

    >>> list(with_new_names({"rpn.head.conv.bias": Tensor()}))
    ['rpn.head.conv.0.0.bias']
    """
    return {_new_name(name): value for name, value in found.items()}


def _new_name(name: str) -> str:
    for old, new in _RENAMED:
        if match := old.fullmatch(name):
            return match.expand(new)
    return name


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
