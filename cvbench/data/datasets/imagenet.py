"""ImageNet-1k (ILSVRC 2012), in its published layout or unpacked in the usual ways.

Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, 2015,
https://arxiv.org/abs/1409.0575. The images are for research, under the terms of https://image-net.org;
cvbench does not fetch them.

The layout below the root is the first of these that exists:

    val/, train/                          also ILSVRC2012_img_val/, Data/CLS-LOC/val/, ILSVRC/Data/…/val/
        n01440764/*.JPEG                  one folder per class, or, for val,
        ILSVRC2012_val_00000001.JPEG      all in one folder, with a list of labels (see `imagenet_truth`)
    ILSVRC2012_img_val.tar                val, as published, with a list of labels
    ILSVRC2012_img_train.tar              train, as published: one tar per class within a tar

A label is the class's position among the sorted WordNet ids, also if folders are missing. Samples are in the
order of their file names (for val, the published order) in every layout; an id is the file name without
extension. Equal files in different layouts have the same fingerprint.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from posixpath import basename, splitext
from typing import Final, NamedTuple

import numpy as np

from cvbench.data.annotations.voc import read_text
from cvbench.data.datasets.cache import PackedTexts
from cvbench.data.datasets.folder import LabelledImages
from cvbench.data.datasets.image_files import (
    SUFFIXES,
    InFolder,
    Listed,
    Pictures,
    class_folders,
    in_tar,
    list_images,
)
from cvbench.data.datasets.manifest import Manifest
from cvbench.data.datasets.open import check_count, first_there, looked_for, root_folder
from cvbench.data.datasets.tars import Members, columns, list_members, list_nested
from cvbench.errors import DataError
from cvbench.spec.catalogue.label_spaces import imagenet_classes, labels_by_ilsvrc
from cvbench.spec.cell import TaskName

_DEVKIT: Final = "ILSVRC2012_devkit_t12"
_GROUND_TRUTH: Final = "ILSVRC2012_validation_ground_truth.txt"
_META: Final = "meta.mat"
_LISTS: Final = ("val.txt", "caffe_ilsvrc12/val.txt")
_LARGEST: Final = 1 << 24


def read_truth(root: Path, numbers: Sequence[int]) -> list[int]:
    """The labels of the validation images with these numbers, from 1.

    Raises DataError if there is no list, or if it is invalid or too short.
    """
    devkit = root / _DEVKIT / "data" / _GROUND_TRUTH
    packed = root / f"{_DEVKIT}.tar.gz"
    if devkit.is_file():
        meta = devkit.with_name(_META)
        return _of_devkit(devkit, read_text(devkit), meta.read_bytes() if meta.is_file() else None, numbers)
    if packed.is_file():
        content = _unpacked(packed)
        if _GROUND_TRUTH not in content:
            raise DataError(f"{packed}: contains no {_GROUND_TRUTH}")
        text = content[_GROUND_TRUTH].decode("ascii", "replace")
        return _of_devkit(packed, text, content.get(_META), numbers)
    for name in _LISTS:
        if (root / name).is_file():
            return _of_list(root / name, numbers)
    places = [f"{_DEVKIT}/data/{_GROUND_TRUTH}", f"{_DEVKIT}.tar.gz", *_LISTS]
    raise DataError(
        f"{root}: the val images are not in class folders, and there is no list of their classes; "
        f"looked for {looked_for(places)}"
    )


def _of_devkit(path: Path, text: str, meta: bytes | None, numbers: Sequence[int]) -> list[int]:
    lines = text.split()
    by_ilsvrc = labels_by_ilsvrc()
    _check_reach(path, len(lines), numbers)
    for at, line in enumerate(lines, 1):
        if not line.isdecimal() or not 1 <= int(line) <= len(by_ilsvrc):
            raise DataError(f"{path}: line {at}: {line[:40]!r} is not an ILSVRC id from 1 to 1000")
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
                f"{path}: line {at}: {line[:60]!r} is not an image and its label from 0 to 999.\n"
                "  Labels from 1 are ILSVRC ids; use the devkit's own list."
            )
        labels[PurePosixPath(name).stem] = int(label)
    absent = [number for number in numbers if f"ILSVRC2012_val_{number:08d}" not in labels]
    if absent:
        raise DataError(
            f"{path}: {len(absent):,} images are not listed, first ILSVRC2012_val_{absent[0]:08d}"
        )
    return [labels[f"ILSVRC2012_val_{number:08d}"] for number in numbers]


def _check_reach(path: Path, lines: int, numbers: Sequence[int]) -> None:
    beyond = [number for number in numbers if not 1 <= number <= lines]
    if beyond:
        raise DataError(f"{path}: lists {lines:,} images, but there is an image number {beyond[0]:,}")


def _check_meta(path: Path, content: bytes) -> None:
    """Raise DataError if the class ids of the devkit differ from the bundled table."""
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
                "  Usually this is the devkit of another year; use the one of 2012 (task 1 and 2)."
            )


def _unpacked(archive: Path) -> dict[str, bytes]:
    """The two files of the packed devkit, read in memory."""
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


PUBLISHED: Final[Mapping[str, int]] = {"train": 1_281_167, "val": 50_000}
"""Images of each split."""

_FOLDERS: Final = ("{}", "ILSVRC2012_img_{}", "Data/CLS-LOC/{}", "ILSVRC/Data/CLS-LOC/{}")
_ARCHIVE: Final = "ILSVRC2012_img_{}.tar"
_WNID: Final = re.compile(r"n\d{8}")
OF_VAL: Final = re.compile(r"ILSVRC2012_val_(\d{8})")
"""File name of a validation image."""


class _Found(NamedTuple):
    """Images, and their labels, in the order of their ids."""

    pictures: Pictures
    ids: Sequence[str]
    labels: Sequence[int]


def imagenet(*, task: TaskName, split: str, root: str | None = None, subset: bool = False) -> LabelledImages:
    """Open the split `train` or `val` below `root`; `subset` accepts missing images or classes.

    Raises DataError if the folder is not a copy of ImageNet.
    """
    if task != "classification":
        raise ValueError(f"imagenet is a classification dataset; it has no truth for {task}")
    folder = root_folder("imagenet", root)
    found = _find(folder, split, subset=subset)
    check_count(
        f"{folder}", split, found=len(found.ids), published=PUBLISHED[split], what="images", subset=subset
    )
    repeated = [name for name, times in Counter(found.ids).items() if times > 1]
    if repeated:
        raise DataError(
            f"{folder}: {len(repeated):,} images of {split} are duplicated, first {repeated[0]}.\n"
            "  Usually two copies were unpacked into the same folder."
        )
    classes = tuple(one.name for one in imagenet_classes())
    manifest = Manifest(
        task=task,
        classes=classes,
        ids=found.ids,
        pictures=found.pictures,
        truths=found.labels,
        decided_by={},
    )
    passport = manifest.passport("imagenet", split)
    return LabelledImages(
        found.pictures, np.array(found.labels, np.int64), PackedTexts.of(found.ids), classes, passport
    )


def _find(root: Path, split: str, *, subset: bool) -> _Found:
    places = [place.format(split) for place in _FOLDERS]
    folder = first_there(root, places)
    if folder is not None:
        images = list_images(folder)
        if not images:
            raise DataError(f"{folder}: no images in this folder")
        if any("/" in image.path for image in images):
            return _of_folders(folder, images, subset=subset)
        if split != "val":
            raise DataError(f"{folder}: its images are not in class folders, so their classes are unknown")
        images.sort(key=lambda image: _stem(image.path))
        return _flat(root, InFolder.of(folder, *zip(*images, strict=True)), [i.path for i in images])
    archive = root / _ARCHIVE.format(split)
    if archive.is_file() and split == "train":
        return _of_class_tars(archive, subset=subset)
    if archive.is_file():
        members = [m for m in list_members(archive) if m.name.lower().endswith(SUFFIXES)]
        members.sort(key=lambda member: _stem(member.name))
        return _flat(root, in_tar(archive, columns(members)), [m.name for m in members])
    wanted = [*(f"{place}/" for place in places), archive.name]
    raise DataError(f"{root}: no {split} of ImageNet here; looked for {looked_for(wanted)}")


def _of_folders(folder: Path, images: list[Listed], *, subset: bool) -> _Found:
    """One folder per class: the folder's name is the class."""
    _check_wnids(f"{folder}: has a folder", class_folders(folder))
    ordered = sorted(images, key=lambda image: _stem(image.path))
    wnids = [image.path.partition("/")[0] for image in ordered]
    known = {one.wnid for one in imagenet_classes()}
    if loose := next((wnid for wnid in wnids if wnid not in known), None):
        raise DataError(f"{folder}: {loose} is in no class folder, so its class is unknown")
    pictures = InFolder.of(folder, *zip(*ordered, strict=True))
    return _classed(folder, pictures, [image.path for image in ordered], wnids, subset=subset)


def _of_class_tars(archive: Path, *, subset: bool) -> _Found:
    """One tar per class within a tar: the inner tar's name is the class."""
    there = list_nested(archive)
    names = list(there.names)
    chosen = [i for i, name in enumerate(names) if name.lower().endswith(SUFFIXES)]
    chosen.sort(key=lambda i: _stem(names[i]))
    paths = [names[i] for i in chosen]
    wnids = [path.partition(".tar/")[0] for path in paths]
    _check_wnids(f"{archive}: has a tar", set(wnids))
    if not paths:
        raise DataError(f"{archive}: no images in this archive")
    members = Members(PackedTexts.of(paths), there.offsets[chosen], there.sizes[chosen])
    return _classed(archive, in_tar(archive, members), paths, wnids, subset=subset)


def _classed(
    place: Path, pictures: Pictures, paths: Sequence[str], wnids: Sequence[str], *, subset: bool
) -> _Found:
    _check_classes(place, set(wnids), subset=subset)
    label = {one.wnid: k for k, one in enumerate(imagenet_classes())}
    return _Found(pictures, [_stem(path) for path in paths], [label[wnid] for wnid in wnids])


def _check_wnids(holds: str, names: Iterable[str]) -> None:
    known = {one.wnid for one in imagenet_classes()}
    if strange := sorted(name for name in names if name not in known):
        why = (
            "that WordNet id is not one of the 1,000 of ILSVRC 2012"
            if _WNID.fullmatch(strange[0])
            else "that is not a WordNet id such as n01440764. For your own dataset, use `folder`"
        )
        raise DataError(f"{holds} {strange[0]}, and {why}")


def _check_classes(folder: Path, there: set[str], *, subset: bool) -> None:
    absent = [one for one in imagenet_classes() if one.wnid not in there]
    if absent and not subset:
        first = f"{absent[0].wnid} ({absent[0].name})"
        raise DataError(
            f"{folder}: {len(absent):,} of the 1,000 classes have no image, first {first}.\n"
            "  Usually the copy is incomplete; the option subset=true scores the existing images."
        )


def _flat(root: Path, pictures: Pictures, paths: Sequence[str]) -> _Found:
    """All val images in one folder or tar, with a list of labels."""
    ids = [_stem(path) for path in paths]
    numbers = [OF_VAL.fullmatch(one) for one in ids]
    if None in numbers:
        strange = pictures.name(numbers.index(None))
        raise DataError(f"{strange}: images in one folder must be named ILSVRC2012_val_00000001.JPEG …")
    return _Found(pictures, ids, read_truth(root, [int(number[1]) for number in numbers if number]))


def _stem(path: str) -> str:
    """A file name without folders and extension."""
    return splitext(basename(path))[0]
