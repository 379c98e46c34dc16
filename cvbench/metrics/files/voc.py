"""Reader of VOC result files and annotations; returns arrays for the metrics or raises with all problems.

comp4_det_<set>_<class>.txt      image, score, xmin, ymin, xmax, ymax; one detection per line
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from cvbench.data.annotations.problems import Problems
from cvbench.data.annotations.voc import (
    find_root,
    is_reversed,
    read_image_set,
    read_text,
    read_voc_objects,
    to_number,
)
from cvbench.errors import InputError
from cvbench.metrics.voc.evaluation import VocDetections, VocTruth


@dataclass(frozen=True, eq=False)
class VocFiles:
    """Detections and objects of one image set; images are numbered from 0 in the order of the set."""

    truth: VocTruth
    detections: VocDetections
    classes: tuple[str, ...]
    images: int
    unread: tuple[str, ...] = ()
    """Classes with objects but without a detection file: their AP is 0."""
    absent: tuple[str, ...] = ()
    """Classes without objects: they have no AP."""


def read_voc(
    predictions: Path, truth: Path, *, image_set: str | None = None, classes: Sequence[str] | None = None
) -> VocFiles:
    """Read all files; raises InputError with all problems.

    `predictions` is a folder or a pattern such as `results/comp4_det_test_*.txt`. By default `image_set`
    follows from the file names, and `classes` are all classes with objects; a class without objects has
    no AP.
    """
    problems = Problems()
    root = find_root(truth)
    sets = {path.stem for path in (root / "ImageSets" / "Main").glob("*.txt")}
    files = _files(predictions)
    image_set = image_set or _only_set(predictions, files, sets)
    images = read_image_set(root, image_set, problems)
    whole_set = not problems
    objects = read_voc_objects(root, images, problems)
    named = {path: name for path in files if (name := _class_of(path, image_set)) is not None}
    if not named:
        raise InputError(f"{predictions}: no file comp4_det_{image_set}_<class>.txt")
    with_objects = set(objects.name)
    names = tuple(classes) if classes is not None else tuple(sorted(with_objects))
    if classes is None and with_objects <= set(named.values()):
        names = tuple(sorted(with_objects | set(named.values())))
    label = {name: k for k, name in enumerate(names)}
    for i in [i for i, name in enumerate(objects.name) if name not in label]:
        what = f"{images[objects.image[i]]}.xml: {objects.name[i]}"
        problems.add(root / "Annotations", "object's class is not in --classes", what)
    rows: list[tuple[int, int, float, list[float]]] = []
    number = {name: i for i, name in enumerate(images)} if whole_set else None
    whole_truth = not problems
    seen: dict[str, Path] = {}
    for path, name in named.items():
        if name in seen:
            problems.add(
                path,
                f"second file of class {name}",
                f"the first is {seen[name]}",
                remedy="Select the files of one run with a pattern, such as 'results/comp4_det_test_*.txt'.",
            )
        elif name in label:
            rows += _detections(path, label[name], number, problems)
        elif whole_truth or classes is not None:  # else its objects may be in an unreadable annotation
            problems.add(
                predictions,
                "class is not in the truth",
                f"{path.name}: {name}",
                remedy=_name_classes(with_objects - set(named.values())) if classes is None else "",
            )
        seen[name] = path
    problems.stop()
    return VocFiles(
        VocTruth(
            image=objects.image,
            label=np.array([label[name] for name in objects.name], np.int64),
            boxes=objects.corners,
            difficult=objects.difficult,
        ),
        VocDetections(
            image=np.array([row[0] for row in rows], np.int64),
            label=np.array([row[1] for row in rows], np.int64),
            score=np.array([row[2] for row in rows], np.float64),
            boxes=np.array([row[3] for row in rows], np.float64).reshape(-1, 4),
        ),
        names,
        len(images),
        tuple(name for name in names if name not in seen and name in with_objects),
        tuple(name for name in names if name not in with_objects),
    )


def _name_classes(without_file: set[str]) -> str:
    lacking = ", ".join(sorted(without_file)[:10])
    return f"{lacking} has objects but no file. If no name is misspelled, list all classes with --classes."


def _class_of(path: Path, image_set: str) -> str | None:
    """The class in a file's name; the name can contain a salt: comp4-5f2a_det_test_car.txt."""
    found = re.fullmatch(rf"[\w-]+?_det_{re.escape(image_set)}_(.+)", path.stem)
    return None if found is None else found[1]


def _files(predictions: Path) -> list[Path]:
    """The result files in a folder, or the files that match a pattern."""
    if predictions.is_dir():
        return sorted(predictions.glob("*_det_*.txt"))
    if predictions.suffix.lower() == ".json":
        raise InputError(
            f"{predictions}: a JSON file, but the truth is a folder, which needs VOC result files "
            "(comp4_det_SET_CLASS.txt). Give a COCO instances file as --truth, or VOC result files."
        )
    if predictions.is_file():
        return [predictions]
    folder = predictions.parent
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [path for path in found if path.is_file() and fnmatchcase(path.name, predictions.name)]
    if not found:
        raise InputError(f"{predictions}: no such folder, and no file matches the pattern")
    return found


def _only_set(predictions: Path, files: Sequence[Path], sets: set[str]) -> str:
    found = {name for name in sets if any(_class_of(path, name) for path in files)}
    if len(found) == 1:
        return found.pop()
    if not files:
        raise InputError(f"{predictions}: no file comp4_det_SET_CLASS.txt in this folder")
    which = f"belong to the image sets {', '.join(sorted(found))}" if found else "match no image set"
    raise InputError(f"{predictions}: the files {which} of the truth; choose one with --image-set")


def _detections(
    path: Path, label: int, number: dict[str, int] | None, problems: Problems
) -> list[tuple[int, int, float, list[float]]]:
    """The detections of a file; images are not looked up if the image set could not be read."""
    rows = []
    for at, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        image, *texts = line.split()
        numbers = [to_number(text) for text in texts]
        if number is None and len(texts) > 5:
            continue
        if len(texts) != 5:
            problems.add(path, "line is not: image score xmin ymin xmax ymax", f"line {at}: {line[:60]}")
        elif number is None:
            continue
        elif image not in number:
            problems.add(path, "image is not in the image set", f"line {at}: {image}")
        elif None in numbers:
            problems.add(path, "not a finite number", f"line {at}: {line[:60]}")
        else:
            score, *corners = (n for n in numbers if n is not None)
            if is_reversed(corners):
                problems.add(path, "box has negative width or height", f"line {at}: {corners}")
            rows.append((number[image], label, score, corners))
    return rows
