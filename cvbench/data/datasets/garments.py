"""The photographs of Fashion-MNIST, as arrays: what `fashion` shows and `fashion-scenes` composes.

Two sources, equal where they overlap: the 7,000 images that come along (the first 500 of each class
of the official training split and the first 200 of the test split, in file order), or the official
IDX files in a folder of the user's own.
"""

from __future__ import annotations

import hashlib
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt32

from cvbench.data.datasets.idx import read_idx
from cvbench.errors import DataError

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
"""Where the files may lie below a root: directly, as Debian's package puts them, as torchvision does."""


class Garments(NamedTuple):
    """One split: row by row an image, its label, and its row in the official file."""

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
    """The split `train` or `test`: the embedded images, or those of the IDX files under `root`.

    Raises DataError, which names the file, where one is absent, damaged, or does not fit the other.
    """
    if split not in _STEMS:
        raise ValueError(f"no split {split!r}; there are {', '.join(_STEMS)}")
    return _read_embedded(split) if root is None else _read_official(split, Path(root).expanduser())


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
        raise DataError(f"{images_path}: holds no images")
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
        raise DataError(f"{root}: there is no such folder; name the one that holds {name} or {name}.gz")
    for folder in _FOLDERS:
        for path in (root / folder / name, root / folder / f"{name}.gz"):
            if path.is_file():
                return path
    below = " or ".join(f"{folder}/" for folder in _FOLDERS if folder)
    raise DataError(f"{root}: holds neither {name} nor {name}.gz, directly or under {below}")
