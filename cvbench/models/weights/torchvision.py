"""Loads torchvision's state dicts: `.pth` files of tensors by name.

cvbench's AlexNet, VGG, GoogLeNet, ResNet and Faster R-CNN with FPN use torchvision's tensor names, so
tensors are loaded by name. This module handles missing and renamed tensors.

A `.pth` file is a pickle, which can run code when it is read. Only plain tensors in plain containers are
loaded; a file with anything else is rejected without reading it. `wrappings.py` removes what training
scripts add around the tensors.
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
"""Files from before PyTorch 0.4.1 lack it; cvbench does not use its value."""

_RENAMED = (
    (re.compile(r"rpn\.head\.conv\.(weight|bias)"), r"rpn.head.conv.0.0.\1"),
    (re.compile(r"(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.(weight|bias)"), r"\1.0.\2"),
)
"""Detector convolutions that torchvision renamed after publishing their weights."""


def load_torchvision(model: object, path: Path) -> None:
    """Load all parameters and buffers from a `.pth` file of tensors by name.

    Raises InputError, with the model unchanged, for a file that cannot be read or contains anything but
    tensors, and for another architecture or number of classes, with the first name that differs and both
    shapes.
    """
    targets = module_of(model).state_dict()
    found = without_prefix(with_new_names(read_state_dict(path)), targets)
    adopt(targets, with_counters(with_new_names(found), targets), path=path)


def with_counters(found: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors, plus the model's own batch counters where the file has none."""
    own = {name: value for name, value in targets.items() if name.endswith(COUNTER) and name not in found}
    return {**found, **own}


def with_new_names(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under torchvision's current names.

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
    """The file's tensors under the model's names, by position; batch counters are the model's own.

    Raises InputError at the first position where the shapes differ, or one side has no more tensors.
    """
    theirs, ours = _without_counters(found), _without_counters(targets)
    taken = {name: value for name, value in targets.items() if name.endswith(COUNTER)}
    pairs = zip_longest(theirs.items(), ours.items(), fillvalue=("nothing", None))
    for number, ((their_name, value), (our_name, target)) in enumerate(pairs, 1):
        if value is None or target is None or value.shape != target.shape:
            raise InputError(
                f"{path}: taken in order, these are weights of another architecture. "
                f"The first difference, at position {number} of {len(ours)}:\n"
                f"  the file has {_shown(their_name, value)}, the model {_shown(our_name, target)}."
            )
        taken[our_name] = value
    return taken


def _without_counters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if not name.endswith(COUNTER)}


def _shown(name: str, value: Tensor | None) -> str:
    return name if value is None else f"{name} {list(value.shape)}"
