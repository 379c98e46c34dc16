"""darknet's `.weights` format: a header, then the numbers of all layers without names.

The file has no structure of its own, so it can be loaded only into a network whose layers are in the order
of darknet's configuration file. Each layer is, in little-endian float32:

    convolution with batch norm     beta, gamma, running mean, running variance; kernels
    any other layer                 bias; kernels or matrix

The header is three int32 (major, minor, revision) and the number of training images seen: 8 bytes from
version 0.2 on, 4 before. If the major or minor version is above 1000, matrices are transposed.

Source: `load_weights_upto` and `save_weights_upto` of darknet, `src/parser.c`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from cvbench.errors import InputError
from cvbench.files import open_regular
from cvbench.interfaces import module_of

_LIMIT = 1000
"""A version number above this is a flag: matrices are transposed."""


class Layer(NamedTuple):
    """One layer of darknet's configuration that has numbers in the file."""

    name: str
    """Name of the module that has the kernels."""
    tensors: tuple[Tensor, ...]
    """In the file's order."""
    variance: int | None
    """Index of the variance in `tensors`, if there is one."""

    @property
    def numbers(self) -> int:
        """Total number of values."""
        return sum(tensor.numel() for tensor in self.tensors)


class Header(NamedTuple):
    """The header of the file."""

    major: int
    minor: int
    revision: int
    seen: int
    """Number of training images seen."""

    @property
    def size(self) -> int:
        """Size in bytes: 20 or 16."""
        return 12 + struct.calcsize(self._seen_form)

    @property
    def transposed(self) -> bool:
        """Whether matrices are stored as (inputs, outputs)."""
        return self.major > _LIMIT or self.minor > _LIMIT

    @property
    def _seen_form(self) -> str:
        return "<q" if self.major * 10 + self.minor >= 2 and not self._odd else "<i"

    @property
    def _odd(self) -> bool:
        return self.major >= _LIMIT or self.minor >= _LIMIT

    @classmethod
    def unpacked(cls, data: bytes) -> Header:
        """Parses the first bytes of a file; raises struct.error if there are too few."""
        major, minor, revision = struct.unpack_from("<iii", data)
        version = cls(major, minor, revision, 0)
        return version._replace(seen=struct.unpack_from(version._seen_form, data, 12)[0])


def layers(model: nn.Module) -> list[Layer]:
    """The layers of a network in module order, which must be darknet's order.

    Raises InputError for a module that darknet's format cannot store.
    """
    found: list[Layer] = []
    modules = (
        (name, m) for name, m in model.named_modules() if next(m.parameters(recurse=False), None) is not None
    )
    for name, module in modules:
        norm = next(modules, ("", None))[1] if _is_bare(module) else None
        found.append(_layer(name, module, norm))
    return found


def load_darknet(model: object, path: Path) -> Header:
    """Load a `.weights` file into a network; returns the file's header.

    A network that counts its training images (`seen`) continues from the file's count. Raises InputError,
    with the network unchanged, for a file that cannot be read, is too short or too long, or has invalid
    values, with the layer where the error is.
    """
    net = module_of(model)
    wanted = layers(net)
    try:
        with open_regular(path) as file:
            header = Header.unpacked(file.read(20))
            file.seek(header.size)
            held, rest = divmod(path.stat().st_size - header.size, 4)
            data = np.fromfile(file, "<f4", count=min(held, sum(layer.numbers for layer in wanted)))
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except struct.error as error:
        raise InputError(f"{path}: too short for the header of a darknet file.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    found = list(_divided(data, wanted, held=held, rest=rest, path=path))
    with torch.no_grad():
        for layer, parts in zip(wanted, found, strict=True):
            for target, values in zip(layer.tensors, parts, strict=True):
                target.copy_(_shaped(values, target, transposed=header.transposed))
        if isinstance(seen := getattr(net, "seen", None), Tensor):
            seen.fill_(header.seen)
    return header


def _layer(name: str, module: nn.Module, norm: nn.Module | None) -> Layer:
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2:  # such as a norm without a convolution
        raise _unknown(name, module)
    if isinstance(norm, nn.BatchNorm2d):
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None
        assert variance is not None
        return Layer(name, (norm.bias, norm.weight, mean, variance, weight), 3)
    if not isinstance(bias, Tensor):
        raise _unknown(name, module)
    return Layer(name, (bias, weight), None)


def _is_bare(module: nn.Module) -> bool:
    """Whether a batch norm must follow."""
    return isinstance(module, nn.Conv2d) and module.bias is None


def _unknown(name: str, module: nn.Module) -> InputError:
    return InputError(
        f"{name} ({type(module).__name__}) is not a layer that darknet's format can store.\n"
        "  Use darknet's weights with the YOLO and Darknet models: see cvbench list models"
    )


def _divided(
    data: Float32[np.ndarray, " n"], wanted: Sequence[Layer], *, held: int, rest: int, path: Path
) -> Iterator[list[Tensor]]:
    """The values of each layer; raises InputError for the first layer with missing or invalid values.

    The file has `held` values and `rest` extra bytes; `data` are the first values.
    """
    start, total = 0, sum(layer.numbers for layer in wanted)
    values = torch.from_numpy(data.astype(np.float32, copy=False))
    for number, layer in enumerate(wanted, 1):
        where = f"layer {number} of {len(wanted)}, {layer.name}"
        here = values[start : start + layer.numbers]
        if len(here) < layer.numbers:
            shapes = " + ".join(_shape(tensor) for tensor in layer.tensors)
            raise _mismatch(
                path,
                f"it ends within {where}: {layer.numbers:,} numbers ({shapes}) are needed, and only "
                f"{len(here):,} are left. The model has {total:,} in all, the file {held:,}",
            )
        parts = list(here.split_with_sizes([tensor.numel() for tensor in layer.tensors]))
        if not here.isfinite().all():
            raise _mismatch(path, f"the values of {where} are NaN or infinite")
        if layer.variance is not None and bool((parts[layer.variance] < 0).any()):
            raise _mismatch(path, f"{where} has negative variances")
        yield parts
        start += layer.numbers
    if start < held or rest:
        behind = f"after the last layer, {wanted[-1].name}"
        raise _mismatch(
            path,
            f"{held - start:,} numbers and {rest} bytes are left {behind}. The model has {total:,} "
            f"numbers in all, the file {held:,}",
        )


def _shaped(values: Tensor, target: Tensor, *, transposed: bool) -> Tensor:
    if transposed and target.ndim == 2:
        return values.view(target.shape[1], target.shape[0]).t()
    return values.view(target.shape)


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape))


def _mismatch(path: Path, what: str) -> InputError:
    return InputError(
        f"{path}: {what}.\n"
        "  The file is damaged or for another model: build the model with the options and the number of"
        " classes that these weights were trained with."
    )
