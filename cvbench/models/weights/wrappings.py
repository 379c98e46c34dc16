"""Reads PyTorch files as training scripts write them: tensors by name, inside a checkpoint or not.

A checkpoint holds more than weights: `{"epoch": 3, "state_dict": …, "optimizer": …}`, averaged weights,
and names with a wrapper's prefix: `module.` (DistributedDataParallel), `_orig_mod.` (torch.compile),
`model.` (Lightning). This module extracts the tensors and removes the prefixes. It never runs code from a
file.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from cvbench.errors import InputError

KEYS: Final = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "module",
    "state_dict_ema",
    "model_ema",
    "ema",
)
"""Keys of the weights in a checkpoint. The first present one is used: trained weights before averaged."""
PREFIXES: Final = ("module.", "_orig_mod.", "model.", "net.", "network.", "ema.")
"""Prefixes that wrappers add to all names."""
_LAYERS: Final = 4
"""Most nested wrappers whose prefixes are removed."""
_PLAIN: Final[list[Any]] = [argparse.Namespace]
"""Types that a file may contain in addition to tensors: all are plain data."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch file by name; raises InputError for a file without them."""
    check_kind(path)
    try:
        with torch.serialization.safe_globals(_PLAIN):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: it contains more than plain tensors, such as a whole pickled model, which is not read, "
            "because it could run code.\n  Load it where it was made, and save only the tensors: "
            "torch.save(model.state_dict(), FILE), or as safetensors."
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: not a PyTorch file, or it is damaged ({_first_line(error)}).\n"
            "  Copy or download it again."
        ) from error
    return _state_dict(path, content)


def check_kind(path: Path) -> None:
    """Raise InputError if the file is missing, or its first bytes show that it is not weights."""
    try:
        with path.open("rb") as file:
            start = file.read(200)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path}: this is a Git LFS pointer, not the file itself.\n  Fetch it: git lfs pull")
    if not start:
        raise InputError(f"{path}: the file is empty.\n  Copy or download it again.")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError(f"{path}: this is a web page, not weights.\n  Download the file it links to.")


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    """The tensors in a file's content, at the top level or under one of `KEYS`."""
    for _ in range(_LAYERS):
        if not isinstance(content, Mapping):
            raise _not_by_name(path, f"a {type(content).__name__}")
        if content and all(isinstance(value, Tensor) for value in content.values()):
            break
        inner = [content[key] for key in KEYS if isinstance(content.get(key), Mapping)]
        if not inner:
            odd = next((item for item in content.items() if not isinstance(item[1], Tensor)), None)
            found = "nothing" if odd is None else f"a {type(odd[1]).__name__} under {odd[0]!r}"
            raise _not_by_name(path, found)
        content = inner[0]
    odd_name = next((name for name in content if not isinstance(name, str)), None)
    if odd_name is not None:
        raise _not_by_name(path, f"a tensor under {odd_name!r}")
    return dict(content)


def without_prefix(found: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the wrappers' prefixes, if all names have them and the model's do not.

    >>> list(without_prefix({"module.fc.bias": torch.zeros(1)}, {"fc.bias": torch.zeros(1)}))
    ['fc.bias']
    """
    names = dict(zip(found, found, strict=True))
    for _ in range(_LAYERS):
        if not names or any(name in targets for name in names.values()):
            break
        prefix = next((one for one in PREFIXES if all(n.startswith(one) for n in names.values())), None)
        if prefix is None:
            break
        names = {old: name.removeprefix(prefix) for old, name in names.items()}
    return {names[old]: value for old, value in found.items()}


def _not_by_name(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: it contains {found}, but tensors by name are expected.\n"
        f"  Save only the state dict: torch.save(model.state_dict(), FILE), or under {', '.join(KEYS)}."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
