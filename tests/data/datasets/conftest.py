"""A folder with Fashion-MNIST's four files, small, in their official form."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cvbench.data.datasets.fashion import Garments, read_garments

STEMS = {"train": "train", "test": "t10k"}


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()


def write_idx(folder: Path, split: str, images: np.ndarray, labels: np.ndarray, *, packed: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        name, content = f"{STEMS[split]}-{kind}-ubyte", idx(array)
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


@pytest.fixture(scope="session")
def embedded() -> dict[str, Garments]:
    """Both splits as they come along."""
    return {split: read_garments(split) for split in STEMS}


@pytest.fixture(name="write_idx")
def _write_idx() -> Callable[..., None]:
    return write_idx


@pytest.fixture
def official(tmp_path: Path, embedded: dict[str, Garments]) -> Callable[..., Path]:
    """Writes the first 20 garments of both splits as IDX files below a fresh root, and returns it."""

    def write(below: str = "", *, packed: bool = False) -> Path:
        for split, garments in embedded.items():
            write_idx(tmp_path / below, split, garments.images[:20], garments.labels[:20], packed=packed)
        return tmp_path

    return write


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a user has kept is read or written."""
    monkeypatch.setenv("CVBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
