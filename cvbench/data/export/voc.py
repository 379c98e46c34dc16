"""Export a detection dataset in PASCAL VOC 2012 layout.

    Annotations/<id>.xml
    JPEGImages/<id>.jpg                        quality 95 without chroma subsampling: lossy
    SegmentationClass/<id>.png                 class of each pixel, 0 the background
    SegmentationObject/<id>.png                object of each pixel, in the order of the annotation
    ImageSets/Main/<split>.txt                 written last: if missing, the export is incomplete
    ImageSets/Main/<class>_<split>.txt         1: present, 0: only difficult objects, -1: absent
    ImageSets/Segmentation/<split>.txt

Boxes count pixels from 1 and include both ends. Label maps have no void border of 255, unlike VOC's own,
because masks are exact. The two segmentation folders are written if the dataset has masks; where masks
overlap, later objects are on top. VOC has no crowds; they are marked as difficult, because metrics ignore
both.

Source: Everingham, Winn: The PASCAL Visual Object Classes Challenge 2012 Development Kit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cvbench.data.export.folder import Names, filling, plain, write_whole
from cvbench.errors import DataError
from cvbench.interfaces import Dataset
from cvbench.values import VOID, Detections, Sample

JPEG_QUALITY: Final = 95


def export_voc(
    splits: Sequence[Dataset],
    folder: Path,
    *,
    force: bool = False,
    on_image: Callable[[], object] | None = None,
) -> None:
    """Write splits of a detection dataset in VOC layout; see `Exporter`."""
    with filling(folder, force=force):
        names = Names()
        for name in ("Annotations", "JPEGImages", "SegmentationClass", "SegmentationObject"):
            (folder / name).mkdir(exist_ok=True)
        for dataset in splits:
            _export_split(dataset, folder, names, on_image)


def _export_split(
    dataset: Dataset, folder: Path, names: Names, on_image: Callable[[], object] | None
) -> None:
    presence: list[tuple[str, list[int]]] = []
    segmented: list[str] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        if not isinstance(sample.truth, Detections):
            raise TypeError(f"{sample.id}: its truth is {type(sample.truth).__name__}, not Detections")
        name = names.of(sample.id)
        _write_image(sample, folder / "JPEGImages" / f"{name}.jpg")
        annotation = _annotation(sample, sample.truth, name, dataset)
        write_whole(folder / "Annotations" / f"{name}.xml", annotation)
        if sample.truth.masks is not None:
            _write_maps(sample.truth, folder, name)
            segmented.append(name)
        presence.append((name, _presence(sample.truth, len(dataset.classes))))
        if on_image is not None:
            on_image()
    split, main = plain(dataset.passport.split), folder / "ImageSets" / "Main"
    for label, class_name in enumerate(dataset.classes):
        lines = (f"{name} {marks[label]:2d}\n" for name, marks in presence)
        write_whole(main / f"{plain(class_name)}_{split}.txt", "".join(lines))
    write_whole(
        folder / "ImageSets" / "Segmentation" / f"{split}.txt", "".join(f"{name}\n" for name in segmented)
    )
    write_whole(main / f"{split}.txt", "".join(f"{name}\n" for name, _ in presence))


def _write_image(sample: Sample, path: Path) -> None:
    picture = Image.fromarray(sample.image.permute(1, 2, 0).numpy())
    picture.save(path, quality=JPEG_QUALITY, subsampling=0)


def _annotation(sample: Sample, truth: Detections, name: str, dataset: Dataset) -> str:
    channels, height, width = sample.image.shape
    root = ET.Element("annotation")
    _add(root, "folder", dataset.passport.name)
    _add(root, "filename", f"{name}.jpg")
    _add(ET.SubElement(root, "source"), "database", dataset.passport.name)
    size = ET.SubElement(root, "size")
    for tag, number in (("width", width), ("height", height), ("depth", channels)):
        _add(size, tag, number)
    _add(root, "segmented", int(truth.masks is not None))
    difficult = _difficult(truth)
    for at, ((left, top, right, bottom), label) in enumerate(
        zip(truth.boxes.tolist(), truth.labels.tolist(), strict=True)
    ):
        thing = ET.SubElement(root, "object")
        _add(thing, "name", dataset.classes[label])
        _add(thing, "pose", "Unspecified")
        _add(thing, "truncated", 0)
        _add(thing, "difficult", int(difficult[at]))
        box = ET.SubElement(thing, "bndbox")
        for tag, edge in (("xmin", left + 1), ("ymin", top + 1), ("xmax", right), ("ymax", bottom)):
            _add(box, tag, f"{edge:g}")
    ET.indent(root, "\t")
    return ET.tostring(root, encoding="unicode") + "\n"


def _add(parent: ET.Element, tag: str, content: str | int) -> None:
    ET.SubElement(parent, tag).text = str(content)


def _difficult(truth: Detections) -> list[bool]:
    marks = [flags.tolist() for flags in (truth.difficult, truth.crowd) if flags is not None]
    return [any(mark[at] for mark in marks) for at in range(len(truth))]


def _presence(truth: Detections, classes: int) -> list[int]:
    """For each class: 1 if present, 0 if only as difficult objects, -1 if absent."""
    marks = [-1] * classes
    for label, difficult in zip(truth.labels.tolist(), _difficult(truth), strict=True):
        marks[label] = max(marks[label], 0 if difficult else 1)
    return marks


def _write_maps(truth: Detections, folder: Path, name: str) -> None:
    assert truth.masks is not None
    labels = truth.labels.tolist()
    if max([len(labels), *(label + 1 for label in labels)]) >= VOID:
        raise DataError(f"{name}: VOC label maps have at most {VOID - 1} objects and classes")
    of_class = np.zeros(tuple(truth.masks.shape[1:]), np.uint8)
    of_object = np.zeros_like(of_class)
    for number, (mask, label) in enumerate(zip(truth.masks.numpy(), labels, strict=True), 1):
        of_class[mask] = label + 1
        of_object[mask] = number
    for kind, content in (("Class", of_class), ("Object", of_object)):
        picture = Image.fromarray(content)
        picture.putpalette(voc_palette().tobytes())  # keeps the values, and makes them palette indices
        picture.save(folder / f"Segmentation{kind}" / f"{name}.png")


def voc_palette() -> UInt8[np.ndarray, "256 3"]:
    """The color palette of VOC's label maps.

    The bits of a label are distributed over the channels: the lowest bit is the highest bit of red, the next
    one of green, the next of blue, the next is the second highest of red, and so on.
    """
    palette = np.zeros((256, 3), np.uint8)
    labels = np.arange(256)
    for bit in range(8):
        palette[:, bit % 3] |= (((labels >> bit) & 1) << (7 - bit // 3)).astype(np.uint8)
    return palette
