"""Tensors of a file whose names are another program's, taken one after the other.

Two programs that write one architecture often agree on everything but the names. The order of a state
dict is that in which the modules were made, so it tells which tensor is which, provided that all
shapes agree along the way: where they do not, nothing is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

from torch import Tensor

from cvbench.errors import InputError
from cvbench.models.weights.torchvision import COUNTER


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
