"""Your own images, each with an XML file in VOC's form, as labelImg, CVAT and others write it.

One of these layouts; the image set lists come first where they are there:

    ImageSets/Main/<split>.txt, JPEGImages/<image>.jpg, Annotations/<image>.xml
    <split>/<image>.jpg, <split>/<image>.xml          also <split>/images with <split>/annotations
    JPEGImages/<image>.jpg, Annotations/<image>.xml   without lists: every split is all images

Classes are the option `classes`, or the names in `classes.txt` below the root, or all names in the XML
files of all splits, sorted: a name has one label in every split. Pixels count from 1, and the last one is
inside the box, as in VOC. An id is the image's path without its ending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cvbench.data.annotations.problems import Problems
from cvbench.data.annotations.voc import VocObjects, read_image_set, read_text, read_voc_files
from cvbench.data.datasets.cache import PackedTexts
from cvbench.data.datasets.image_files import InFolder, list_images
from cvbench.data.datasets.manifest import Manifest
from cvbench.data.datasets.open import looked_for, root_folder, split_names
from cvbench.data.datasets.voc import Voc, boxes_of
from cvbench.errors import DataError
from cvbench.spec.cell import TaskName

_SPLITS = ("train", "val", "test")
_PAIRS = (("JPEGImages", "Annotations"), ("images", "annotations"), ("images", "Annotations"), ("", ""))
"""Folders of images and of XML files, below the root or a split."""


class _Split(NamedTuple):
    folder: Path
    """Of the images."""
    pictures: tuple[str, ...]
    """Below it, with endings."""
    files: tuple[Path, ...]
    """The XML file of each."""


def voc_xml(
    *, task: TaskName, split: str, root: str | None = None, classes: Sequence[str] | None = None
) -> Voc:
    """A split below `root`.

    Raises DataError where the folder has none of the layouts, an image has no XML file or an XML file no
    image, and for an object of a class that is not among those named.
    """
    if task != "detection":
        raise ValueError(f"voc-xml is a detection set; it has no truth for {task}")
    top = _tree(root_folder("voc-xml", root))
    found = _find(top, split)
    if found is None:
        places = [f"ImageSets/Main/{split}.txt", *split_names(split), "Annotations next to JPEGImages"]
        raise DataError(
            f"{top}: there are no images with XML files for {split}; looked for {looked_for(places)}.\n"
            "  See docs/data.md for the layouts."
        )
    problems = Problems()
    objects = _objects(found, problems)
    names = _named(top, classes) or _all_names(top, split, objects)
    for k, name in enumerate(objects.name):
        if name not in names:
            at = f"{found.files[objects.image[k]].name}: {name}"
            problems.add(
                found.files[0].parent, "an object whose class is not among the classes that are named", at
            )
    problems.stop()
    if not names:
        raise DataError(f"{top}: no XML file has an object. Name the classes in the option classes.")
    pictures = InFolder.of(found.folder, found.pictures)
    boxes = boxes_of([objects], names)
    ids = list(objects.images)
    manifest = Manifest("detection", names, ids, pictures, boxes.lines(), {}, len(boxes.label))
    passport = manifest.passport("voc-xml", split)
    return Voc(pictures, None, boxes, PackedTexts.of(ids), names, passport, task=task)


def _tree(folder: Path) -> Path:
    """The folder with the lists, where that is the one `VOC<year>` in the folder given; else that folder."""
    trees = [path for path in sorted(folder.glob("VOC*")) if (path / "Annotations").is_dir()]
    return trees[0] if len(trees) == 1 and not (folder / "Annotations").is_dir() else folder


def _find(top: Path, split: str) -> _Split | None:
    """The images of a split and their XML files; None where there are none."""
    for name in split_names(split):
        if (top / "ImageSets" / "Main" / f"{name}.txt").is_file():
            return _listed(top, name)
    lists = any((top / "ImageSets" / "Main").glob("*.txt"))
    below = [top / name for name in split_names(split)]
    parted = any((top / name).is_dir() for other in _SPLITS for name in split_names(other))
    for folder in [*below, *([] if lists or parted else [top])]:
        for images, files in _PAIRS:
            pair = folder / images, folder / files
            if pair[0].is_dir() and next(pair[1].glob("**/*.xml"), None) is not None:
                return _paired(*pair)
    return None


def _listed(top: Path, name: str) -> _Split:
    problems = Problems()
    wanted = read_image_set(top, name, problems)
    problems.stop()
    folder = top / "JPEGImages"
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; it should hold the images of {name}.txt")
    by_stem = {_stem(image.path): image.path for image in list_images(folder)}
    if lacking := [image for image in wanted if image not in by_stem]:
        raise DataError(f"{folder}: {_count(lacking, 'listed image')} missing, first {lacking[0]}")
    files = tuple(top / "Annotations" / f"{image}.xml" for image in wanted)
    return _Split(folder, tuple(by_stem[image] for image in wanted), files)


def _paired(images: Path, annotations: Path) -> _Split:
    pictures = tuple(image.path for image in list_images(images))
    by_stem = {_stem(str(path.relative_to(annotations))): path for path in annotations.glob("**/*.xml")}
    stems = [_stem(picture) for picture in pictures]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise DataError(f"{images}: there are two images {twice}, and one XML file for both")
    if bare := [stem for stem in stems if stem not in by_stem]:
        raise DataError(
            f"{annotations}: {_count(bare, 'image')} without an XML file, first {bare[0]}.xml.\n"
            "  An image without objects has an XML file without objects: <annotation></annotation>."
        )
    if alone := sorted(set(by_stem) - set(stems)):
        raise DataError(f"{images}: {_count(alone, 'XML file')} without an image, first {alone[0]}.xml")
    return _Split(images, pictures, tuple(by_stem[stem] for stem in stems))


def _objects(split: _Split, problems: Problems) -> VocObjects:
    return read_voc_files(tuple(map(_stem, split.pictures)), split.files, problems)


def _named(top: Path, given: Sequence[str] | None) -> tuple[str, ...]:
    """The classes that somebody named; nothing where nobody did."""
    file = top / "classes.txt"
    if given is None and file.is_file():
        given = [line.strip() for line in read_text(file).split("\n") if line.strip()]
    names = tuple(map(str, given or ()))
    if len(set(names)) < len(names):
        raise DataError(f"{top}: the class {next(n for n in names if names.count(n) > 1)} is named twice")
    return names


def _all_names(top: Path, split: str, own: VocObjects) -> tuple[str, ...]:
    """The names in the files of all splits, sorted."""
    return tuple(sorted({*own.name, *(name for other in _others(top, split) for name in other.name)}))


def _others(top: Path, split: str) -> Iterator[VocObjects]:
    for other in _SPLITS:
        found = _find(top, other) if other != split else None
        if found is not None:
            problems = Problems()
            yield _objects(found, problems)
            problems.stop()


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))


def _count(names: Sequence[str], what: str) -> str:
    return f"{len(names):,} {what}{'s' * (len(names) > 1)}"
