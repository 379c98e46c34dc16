"""Hashes of the files that a cell reads: no finished cell is reused after its files have changed.

A cell's key says what was asked for, a run's identity says where and by which code. Weights written over,
mended labels and replaced images change neither: they are in a record's `inputs`, and a run whose finished
cells have other inputs than the disk has now is not continued.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from cvbench.files import sha256_of_files
from cvbench.models.external.onnx_files import files_of_onnx
from cvbench.spec.catalogue.datasets import find_root
from cvbench.spec.catalogue.weights import format_of
from cvbench.spec.cell import DataSpec
from cvbench.spec.suite import Planned

READ_WHOLE: Final = 256 << 20
"""Bytes: a data folder up to this size is known by its content, a larger one by names, sizes and times."""


class Inputs:
    """Looks at each file and folder once, when it is first asked for."""

    def __init__(self, *, without: Path) -> None:
        """`without` is the folder of results, which may lie in a data folder."""
        self._folder = cache(lambda root: fingerprint_of_folder(Path(root), without=without.resolve()))
        self._file = cache(sha256_of_weights)

    def of(self, planned: Planned) -> dict[str, str]:
        """The hash of the weights' file and of each data folder; files that are missing have no entry."""
        cell, found = planned.cell, dict[str, str]()
        path = planned.weights.found() if planned.weights else None
        if path is not None:
            found["weights"] = self._file(path)
        also = cell.train.also if cell.train else None
        for name, data in {"data": cell.data, "train.also": also}.items():
            root = find_root(data.name, data.root) if data else None
            if root is not None and Path(root).is_dir():
                found[name] = self._folder(str(Path(root).resolve()))
            for option, file in _files_named(data):
                found[f"{name}.{option}"] = self._file(file)
        return found


def sha256_of_weights(path: Path) -> str:
    """The SHA-256 of a file of weights; of an ONNX file with external data, that of both in a row."""
    return sha256_of_files(files_of_onnx(path) if format_of(path) == "onnx" else [path])


def _files_named(data: DataSpec | None) -> Iterator[tuple[str, Path]]:
    """Files outside of the root that options name by their path."""
    for option, value in data.options.items() if data else ():
        if isinstance(value, str) and len(value) < 1024 and "\0" not in value and Path(value).is_file():
            yield option, Path(value)


class _Entry(NamedTuple):
    name: str
    path: str
    size: int
    changed_ns: tuple[int, int]


def fingerprint_of_folder(folder: Path, *, without: Path) -> str:
    """One hash of all files in and below a folder, hidden ones and the folder `without` left out.

    Links are followed. A folder of up to `READ_WHOLE` bytes is hashed by names and content, so that touching
    a file changes nothing; in a larger one, files are hashed by name, size and time of change.
    """
    files = sorted(_files_below(folder, without))
    reads = sum(one.size for one in files) <= READ_WHOLE
    total = hashlib.sha256()
    for one in files:
        known = sha256_of_files([Path(one.path)]) if reads else f"{one.size} {one.changed_ns}"
        total.update(f"{one.name}\0{known}\0".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _files_below(folder: Path, without: Path) -> Iterator[_Entry]:
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen or Path(place).resolve() == without:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():  # pipes and broken links hold no data
                found = path.stat()
                times = (found.st_mtime_ns, found.st_ctime_ns)
                yield _Entry(path.relative_to(folder).as_posix(), str(path), found.st_size, times)
