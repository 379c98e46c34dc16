"""Read truth in PASCAL VOC format: a list of images, and one XML file of objects per image.

    <root>/ImageSets/Main/<set>.txt      one image per line
    <root>/Annotations/<image>.xml       name, difficult, bndbox (xmin, ymin, xmax, ymax) of each object

Pixels count from 1, and the last one is inside the box.

Source: Everingham, Winn: The PASCAL Visual Object Classes Challenge 2012 Development Kit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.data.annotations.json import read_bytes
from cvbench.data.annotations.problems import Problems
from cvbench.data.annotations.xml import UnreadXml, read_xml
from cvbench.errors import InputError, suggestion


class VocObjects(NamedTuple):
    """The objects of an image set."""

    images: tuple[str, ...]
    """Images in the order of the list."""
    image: Int64[np.ndarray, " n"]
    name: tuple[str, ...]
    corners: Float64[np.ndarray, "n 4"]
    difficult: Bool[np.ndarray, " n"]
    truncated: Bool[np.ndarray, " n"]


_MARKS = ("-1", "0", "1")
"""Optional marks after an image name: whether it has objects of the list's class."""


def find_root(truth: Path) -> Path:
    """The folder with Annotations and ImageSets: the given one, or its only VOC<year> sub-folder."""
    if not truth.is_dir():
        raise InputError(f"{truth}: there is no such folder; the truth of VOC files is a VOCdevkit folder")
    roots = [p for p in (truth, *sorted(truth.glob("VOC*"))) if (p / "Annotations").is_dir()]
    if len(roots) > 1 and roots[0] != truth:
        raise InputError(f"{truth}: contains {', '.join(p.name for p in roots)}; name one of them")
    if not roots or not (roots[0] / "ImageSets" / "Main").is_dir():
        raise InputError(
            f"{truth}: not a VOCdevkit folder: it needs Annotations and ImageSets/Main.\n"
            f"  {_missing(truth, roots)}"
        )
    return roots[0]


def _missing(truth: Path, roots: list[Path]) -> str:
    """The remedy for a folder that is not a VOCdevkit folder."""
    names = "write the images' names, one per line, to ImageSets/Main/test.txt"
    if roots:
        return f"In {roots[0].name}, {names}."
    suffixes = {path.suffix.lower() for path in truth.iterdir()}
    if ".xml" in suffixes:
        return f"It contains XML files: move them into a sub-folder Annotations, and {names}."
    if ".txt" in suffixes:
        return "It contains text files, such as YOLO labels: convert them to COCO format (JSON)."
    return f"Put the XML files into Annotations, and {names}; or give COCO's instances file (JSON)."


def read_image_set(root: Path, image_set: str, problems: Problems, *, kind: str = "Main") -> tuple[str, ...]:
    """The images of an image set; raises InputError if there is no such set."""
    folder = root / "ImageSets" / kind
    path = folder / f"{image_set}.txt"
    if Path(image_set).name != image_set or not path.is_file():
        near = suggestion(image_set, sorted(p.stem for p in folder.glob("*.txt")))
        raise InputError(f'{folder}: there is no image set "{image_set}".' + (f"\n  {near}" if near else ""))
    names = []
    for i, line in enumerate(read_text(path).split("\n")):
        words = line.split()
        spaced = len(words) > 2 or (len(words) == 2 and words[1] not in _MARKS)
        if spaced:
            problems.add(
                path,
                "an image name with a space, which VOC lists do not allow",
                f"line {i + 1}: {line.strip()}",
            )
        elif words and Path(words[0]).name != words[0]:
            problems.add(
                path,
                "an image name that is a path",
                f"line {i + 1}: {line.strip()}",
                remedy="Write the name of the image without folder and extension.",
            )
        names += [line.strip()] if spaced else words[:1]
    problems.add_repeated(path, "a repeated image", names)
    return tuple(names)


def read_voc_objects(root: Path, images: tuple[str, ...], problems: Problems) -> VocObjects:
    """The annotations of the images; adds all problems to `problems`."""
    sound = [Path(image).name == image and image.split() == [image] for image in images]
    files = [
        root / "Annotations" / f"{image}.xml" if good else None  # the others are reported already
        for image, good in zip(images, sound, strict=True)
    ]
    return read_voc_files(images, files, problems)


def read_voc_files(images: tuple[str, ...], files: Sequence[Path | None], problems: Problems) -> VocObjects:
    """The objects in the XML file of each image, none for an image without a file."""
    rows: list[tuple[int, str, list[float], bool, bool]] = []
    for number, file in enumerate(files):
        if file is not None:
            rows += [(number, *thing) for thing in _objects(file, problems)]
    return VocObjects(
        images,
        np.array([row[0] for row in rows], np.int64),
        tuple(row[1] for row in rows),
        np.array([row[2] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[3] for row in rows], np.bool_),
        np.array([row[4] for row in rows], np.bool_),
    )


def _objects(path: Path, problems: Problems) -> list[tuple[str, list[float], bool, bool]]:
    try:
        root = read_xml(path)
    except UnreadXml as error:
        problems.add(path.parent, error.kind, path.name + error.detail, remedy=error.remedy)
        return []
    things = []
    for i, thing in enumerate(root.findall("object")):
        at = f"{path.name}, object {i}"
        name = (thing.findtext("name") or "").strip()
        texts = [thing.findtext(f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")]
        if not name or None in texts:
            problems.add(path.parent, "an object without a name or a complete bndbox", at)
            continue
        corners = [to_number(text or "") for text in texts]
        if None in corners:
            problems.add(path.parent, "a coordinate that is not a finite number", f"{at}: {texts}")
            continue
        box = [corner for corner in corners if corner is not None]
        if is_reversed(box):
            problems.add(path.parent, "a box of negative width or height", f"{at}: {box}")
            continue
        things.append((name, box, _is_set(thing, "difficult"), _is_set(thing, "truncated")))
    return things


def _is_set(thing: ET.Element, mark: str) -> bool:
    return (thing.findtext(mark) or "0").strip() == "1"


def is_reversed(corners: list[float]) -> bool:
    """Whether a box with inclusive corners has a negative side."""
    x1, y1, x2, y2 = corners
    return x2 - x1 + 1 < 0 or y2 - y1 + 1 < 0


def to_number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) and "_" not in text else None


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark, without the mark.

    Raises InputError if the file has another encoding or cannot be read.
    """
    content = read_bytes(path)
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not valid text. Save the file as UTF-8.") from error
