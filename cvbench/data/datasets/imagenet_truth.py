"""The labels of ImageNet's validation images where no folders tell them: the devkit's list, or caffe's.

Below the root, the first of these that is there:

    ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt    one ILSVRC id an image, in order
    ILSVRC2012_devkit_t12/data/meta.mat                                  what those ids mean
    ILSVRC2012_devkit_t12.tar.gz                                         the same two files, packed
    val.txt, caffe_ilsvrc12/val.txt                                      ILSVRC2012_val_00000001.JPEG 65

ILSVRC ids count classes from 1 in an order of their own; caffe's list counts the sorted WordNet ids from
0. The table of ids that comes with cvbench must agree with `meta.mat`, where that is there.

Source: the readme of the ILSVRC 2012 devkit.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from cvbench.data.annotations.voc import read_text
from cvbench.data.datasets.roots import looked_for
from cvbench.errors import DataError
from cvbench.spec.catalogue.label_spaces import imagenet_classes, labels_by_ilsvrc

_DEVKIT: Final = "ILSVRC2012_devkit_t12"
_GROUND_TRUTH: Final = "ILSVRC2012_validation_ground_truth.txt"
_META: Final = "meta.mat"
_LISTS: Final = ("val.txt", "caffe_ilsvrc12/val.txt")
_LARGEST: Final = 1 << 24


def read_truth(root: Path, numbers: Sequence[int]) -> list[int]:
    """The labels of the validation images with these numbers, which count from 1.

    Raises DataError where no list is there, or one is unsound or too short.
    """
    devkit = root / _DEVKIT / "data" / _GROUND_TRUTH
    packed = root / f"{_DEVKIT}.tar.gz"
    if devkit.is_file():
        meta = devkit.with_name(_META)
        return _of_devkit(devkit, read_text(devkit), meta.read_bytes() if meta.is_file() else None, numbers)
    if packed.is_file():
        content = _unpacked(packed)
        if _GROUND_TRUTH not in content:
            raise DataError(f"{packed}: holds no {_GROUND_TRUTH}")
        text = content[_GROUND_TRUTH].decode("ascii", "replace")
        return _of_devkit(packed, text, content.get(_META), numbers)
    for name in _LISTS:
        if (root / name).is_file():
            return _of_list(root / name, numbers)
    places = [f"{_DEVKIT}/data/{_GROUND_TRUTH}", f"{_DEVKIT}.tar.gz", *_LISTS]
    raise DataError(
        f"{root}: the images of val are in no folders, and nothing tells their classes; "
        f"looked for {looked_for(places)}"
    )


def _of_devkit(path: Path, text: str, meta: bytes | None, numbers: Sequence[int]) -> list[int]:
    lines = text.split()
    by_ilsvrc = labels_by_ilsvrc()
    _check_reach(path, len(lines), numbers)
    for at, line in enumerate(lines, 1):
        if not line.isdecimal() or not 1 <= int(line) <= len(by_ilsvrc):
            raise DataError(f"{path}: line {at}: {line[:40]!r} is no ILSVRC id, which are 1 to 1000")
    if meta is not None:
        _check_meta(path, meta)
    return [by_ilsvrc[int(lines[number - 1]) - 1] for number in numbers]


def _of_list(path: Path, numbers: Sequence[int]) -> list[int]:
    labels: dict[str, int] = {}
    for at, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        name, _, label = line.strip().partition(" ")
        if not label.strip().isdecimal() or int(label) >= len(imagenet_classes()):
            raise DataError(
                f"{path}: line {at}: {line[:60]!r} is not an image and its label, which are 0 to 999.\n"
                "  A list that counts from 1 follows the devkit; put the devkit's own list there."
            )
        labels[PurePosixPath(name).stem] = int(label)
    absent = [number for number in numbers if f"ILSVRC2012_val_{number:08d}" not in labels]
    if absent:
        raise DataError(
            f"{path}: says nothing of {len(absent):,} images, first ILSVRC2012_val_{absent[0]:08d}"
        )
    return [labels[f"ILSVRC2012_val_{number:08d}"] for number in numbers]


def _check_reach(path: Path, lines: int, numbers: Sequence[int]) -> None:
    beyond = [number for number in numbers if not 1 <= number <= lines]
    if beyond:
        raise DataError(f"{path}: tells of {lines:,} images, and there is one numbered {beyond[0]:,}")


def _check_meta(path: Path, content: bytes) -> None:
    """Raise DataError where the devkit counts the classes otherwise than the table that comes along."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        synsets = loadmat(io.BytesIO(content), squeeze_me=True)["synsets"]
        told = {int(one["ILSVRC2012_ID"]): str(one["WNID"]) for one in synsets}
    except (MatReadError, ValueError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        raise DataError(f"{path}: its {_META} cannot be read ({error})") from error
    for one in imagenet_classes():
        if told.get(one.ilsvrc) != one.wnid:
            other = told.get(one.ilsvrc)
            raise DataError(
                f"{path}: its {_META} gives the id {one.ilsvrc} to {other}, not to {one.wnid}.\n"
                "  Usually the devkit of another year; the one of 2012 is needed (task 1 and 2)."
            )


def _unpacked(archive: Path) -> dict[str, bytes]:
    """The two files of the packed devkit, in memory; nothing is written anywhere."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                if name in (_GROUND_TRUTH, _META) and member.isfile() and member.size <= _LARGEST:
                    file = tar.extractfile(member)
                    assert file is not None
                    found[name] = file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{archive}: cannot be unpacked ({error}); fetch it again") from error
    return found
