"""Gives another library's network what a task asks for, and leaves the network itself alone.

The members are set on the network rather than on a wrapper around it: names of tensors stay those of
the library, so that its weight files load, and a call costs what it costs there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from cvbench.errors import InputError
from cvbench.values import Preprocessing


def equip(
    net: nn.Module,
    preprocessing: Preprocessing,
    *,
    loss: Callable[[Any, Sequence[Any]], dict[str, Tensor]],
    decode: Callable[[Any], list[Any]],
) -> Any:
    """The network, which now keeps its task's protocol."""
    members: Any = net
    members.preprocessing, members.loss, members.decode = preprocessing, loss, decode
    return members


def side_of(model: str, size: object) -> int | None:
    """The option `size`, if it is given; raises InputError for what is no number of pixels."""
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0):
        return size
    raise InputError(f"{model}: size={size!r} cannot be used: it must be a number of pixels, such as 224.")
