"""Fashion-MNIST: gray photographs of garments, 28 x 28 pixels, in ten classes.

Xiao, Rasul, Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms, 2017, https://arxiv.org/abs/1708.07747. MIT license, copyright Zalando SE; the notice of the
bundled images is `files/NOTICE`.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from io import BufferedIOBase
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8, UInt32

from cvbench.errors import DataError
from cvbench.files import open_regular
from cvbench.record import Passport
from cvbench.spec.cell import TaskName
from cvbench.spec.folders import expanded
from cvbench.values import ClassScores, Sample

_UNSIGNED_BYTE = 8
_MOST_ENTRIES = 2**31
"""Maximum size in bytes, far above any real file; a damaged header must not allocate all memory."""


def read_idx(path: Path, *, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """The content of an IDX file, plain or compressed (`.gz`), in the shape of its header.

    Raises DataError if it is not an IDX file of unsigned bytes with this number of dimensions, or if its size
    does not match its header.
    """
    try:
        with _opened(path) as file:
            shape = _read_header(file, path, dimensions)
            expected = math.prod(shape)
            if expected > _MOST_ENTRIES:
                raise DataError(f"{path}: the header states {expected:,} bytes, more than the file can have")
            content = file.read(expected + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: cannot be decompressed ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(content) != expected:
        kind = "truncated" if len(content) < expected else "longer than its header states"
        found = f"{len(content):,}" if len(content) < expected else "more"
        raise DataError(f"{path}: {kind}; {expected:,} bytes of {_by(shape)} expected, {found} found")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _opened(path: Path) -> BufferedIOBase:
    file = open_regular(path)
    if path.suffix != ".gz":
        return file
    file.close()
    return gzip.GzipFile(path)


def _read_header(file: BufferedIOBase, path: Path, dimensions: int) -> tuple[int, ...]:
    expected = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    magic = file.read(4)
    if magic != expected:
        raise DataError(
            f"{path}: not an IDX file of {dimensions} dimensions; "
            f"it starts with 0x{magic.hex()}, not the magic number 0x{expected.hex()}"
        )
    sizes = file.read(4 * dimensions)
    if len(sizes) != 4 * dimensions:
        raise DataError(f"{path}: truncated in its header")
    return tuple(int.from_bytes(sizes[at : at + 4], "big") for at in range(0, len(sizes), 4))


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


CLASSES: Final = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
SIDE: Final = 28

_EMBEDDED = files("cvbench.data.datasets") / "files" / "fashion-mnist-7k.npz"
_STEMS: Final = {"train": "train", "test": "t10k"}
_FOLDERS: Final = ("", "fashion-mnist", "FashionMNIST/raw")
"""Folders below a root: directly, as in Debian's package, as in torchvision."""


class Garments(NamedTuple):
    """One split: images, labels, and the row of each image in the official file."""

    images: UInt8[np.ndarray, "n 28 28"]
    labels: UInt8[np.ndarray, " n"]
    rows: UInt32[np.ndarray, " n"]

    def sha256(self) -> str:
        """The hash of all pixels, labels and rows, in order."""
        content = hashlib.sha256(f"garments {len(self.labels)}\n".encode())
        for array in (self.images, self.labels, self.rows.astype("<u4")):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()


def read_garments(split: str, root: str | None = None) -> Garments:
    """Read the split `train` or `test`: the bundled images, or the IDX files below `root`.

    Raises DataError if a file is missing, damaged, or does not match the other.
    """
    if split not in _STEMS:
        raise ValueError(f"no split {split!r}; the splits are {', '.join(_STEMS)}")
    return _read_embedded(split) if root is None else _read_official(split, expanded(root))


def _read_embedded(split: str) -> Garments:
    with as_file(_EMBEDDED) as path, np.load(path, allow_pickle=False) as arrays:
        return Garments(
            arrays[f"{split}_images"],
            arrays[f"{split}_labels"],
            arrays[f"{split}_index"].astype(np.uint32),
        )


def _read_official(split: str, root: Path) -> Garments:
    images_path = _find(root, f"{_STEMS[split]}-images-idx3-ubyte")
    labels_path = _find(root, f"{_STEMS[split]}-labels-idx1-ubyte")
    images = read_idx(images_path, dimensions=3)
    labels = read_idx(labels_path, dimensions=1)
    if images.shape[1:] != (SIDE, SIDE):
        height, width = images.shape[1:]
        raise DataError(f"{images_path}: images of {width} x {height} pixels, not {SIDE} x {SIDE}")
    if len(images) == 0:
        raise DataError(f"{images_path}: contains no images")
    if len(images) != len(labels):
        raise DataError(f"{labels_path}: {len(labels):,} labels for {len(images):,} images in {images_path}")
    if labels.max() >= len(CLASSES):
        row = int(labels.argmax())
        raise DataError(
            f"{labels_path}: row {row} has the label {labels[row]}; labels are 0 to {len(CLASSES) - 1}"
        )
    return Garments(images, labels, np.arange(len(images), dtype=np.uint32))


def _find(root: Path, name: str) -> Path:
    if not root.is_dir():
        raise DataError(
            f"{root}: there is no such folder; set root to the folder that contains {name} or {name}.gz"
        )
    for folder in _FOLDERS:
        for path in (root / folder / name, root / folder / f"{name}.gz"):
            if path.is_file():
                return path
    below = " or ".join(f"{folder}/" for folder in _FOLDERS if folder)
    raise DataError(f"{root}: contains neither {name} nor {name}.gz, also not under {below}")


def fashion(*, task: TaskName, split: str, root: str | None = None) -> Fashion:
    """Open the split `train` or `test` of the bundled images, or of the official files below `root`."""
    if task != "classification":
        raise ValueError(f"fashion is a classification dataset; it has no truth for {task}")
    garments = read_garments(split, root)
    passport = Passport(
        name="fashion",
        split=split,
        images=len(garments.labels),
        classes=len(CLASSES),
        sha256=garments.sha256(),
    )
    return Fashion(garments, passport)


@dataclass(frozen=True, eq=False)
class Fashion:
    """One split, in memory. An id is the split and the row in the official file: `train/00012`."""

    garments: Garments = field(repr=False)
    passport: Passport
    classes: tuple[str, ...] = CLASSES
    task: Literal["classification"] = "classification"

    def __len__(self) -> int:
        return len(self.garments.labels)

    def __getitem__(self, index: int) -> Sample:
        images, labels, rows = self.garments
        return Sample(
            image=torch.from_numpy(np.repeat(images[index][None], 3, 0)),
            truth=ClassScores.of(int(labels[index]), len(CLASSES)),
            id=f"{self.passport.split}/{rows[index]:05d}",
        )
