"""Export a detection dataset in COCO layout.

    annotations/instances_<split>.json    written last: if missing, the export is incomplete
    <split>/<id>.png

Image, annotation and category ids start at 1, with categories in label order; boxes are x, y, width, height.
Masks are compressed run lengths, also for single objects, where COCO itself has polygons: only run lengths
keep every pixel, and pycocotools reads both. COCO has no difficult objects; they become normal objects.

Source: the format page of https://cocodataset.org and pycocotools.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image
from pycocotools import mask as run_lengths

from cvbench.data.export.folder import Names, filling, plain, write_whole
from cvbench.interfaces import Dataset
from cvbench.values import Detections, Sample


def export_coco(
    splits: Sequence[Dataset],
    folder: Path,
    *,
    force: bool = False,
    on_image: Callable[[], object] | None = None,
) -> None:
    """Write splits of a detection dataset in COCO layout; see `Exporter`."""
    with filling(folder, force=force):
        for dataset in splits:
            _export_split(dataset, folder, on_image)


def _export_split(dataset: Dataset, folder: Path, on_image: Callable[[], object] | None) -> None:
    passport, names = dataset.passport, Names()
    split = plain(passport.split)
    (folder / split).mkdir(exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        file_name = f"{names.of(sample.id, within=passport.split)}.png"
        Image.fromarray(sample.image.permute(1, 2, 0).numpy()).save(folder / split / file_name)
        height, width = sample.image.shape[1:]
        images.append({"id": index + 1, "file_name": file_name, "width": width, "height": height})
        for annotation in _annotations(sample):
            annotations.append({"id": len(annotations) + 1, "image_id": index + 1, **annotation})
        if on_image is not None:
            on_image()
    document = {
        "info": {"description": f"{passport.name}, {passport.split}", "version": passport.sha256},
        "licenses": [],
        "categories": [
            {"id": label + 1, "name": name, "supercategory": passport.name}
            for label, name in enumerate(dataset.classes)
        ],
        "images": images,
        "annotations": annotations,
    }
    write_whole(folder / "annotations" / f"instances_{split}.json", json.dumps(document))


def _annotations(sample: Sample) -> Iterator[dict[str, Any]]:
    truth = sample.truth
    if not isinstance(truth, Detections):
        raise TypeError(f"{sample.id}: its truth is {type(truth).__name__}, not Detections")
    for at, (box, label) in enumerate(zip(truth.boxes.tolist(), truth.labels.tolist(), strict=True)):
        left, top, right, bottom = box
        annotation: dict[str, Any] = {
            "category_id": label + 1,
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "iscrowd": int(truth.crowd is not None and bool(truth.crowd[at])),
        }
        if truth.masks is not None:
            mask = truth.masks[at].numpy()
            annotation |= {"segmentation": _encoded(mask), "area": int(mask.sum())}
        if truth.areas is not None:
            annotation["area"] = float(truth.areas[at])
        yield annotation


def _encoded(mask: Bool[np.ndarray, "h w"]) -> dict[str, Any]:
    encoded = run_lengths.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}
