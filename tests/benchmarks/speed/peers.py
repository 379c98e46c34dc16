"""Peer programs that score COCO files, called as their documentation describes."""

import contextlib
import importlib
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.speed.masks import MaskScene
from tests.benchmarks.speed.scenes import HEIGHT, WIDTH, Scene


class Absent(NamedTuple):
    """A peer that is not installed."""

    reason: str


PROGRAMS = {
    "hotcoco": ("hotcoco", "COCO", "COCOeval"),
    "ultrafast-pycocotools": ("ultrafast_pycocotools", "COCO", "COCOeval"),
    "faster-coco-eval": ("faster_coco_eval", "COCO", "COCOeval_faster"),
    "pycocotools": ("pycocotools.coco:pycocotools.cocoeval", "COCO", "COCOeval"),
}
"""Package → its modules and classes."""


class Files(NamedTuple):
    truth: Path
    results: Path


_FOLDER = tempfile.TemporaryDirectory(prefix="cvbench-speed-")


def files_of(name: str, scene: Scene, masks: MaskScene | None = None) -> Files:
    """The scene as two COCO files, written once per process."""
    files = Files(Path(_FOLDER.name) / f"{name}-truth.json", Path(_FOLDER.name) / f"{name}-results.json")
    if files.results.exists():
        return files
    truth, found = scene.truth, scene.detections
    annotations = [
        {"id": i, "image_id": image, "category_id": label + 1, "bbox": box, "area": area, "iscrowd": crowd}
        for i, image, label, box, area, crowd in zip(
            truth.id.tolist(),
            truth.image.tolist(),
            truth.label.tolist(),
            truth.regions.xywh.tolist(),
            truth.area.tolist(),
            truth.crowd.astype(int).tolist(),
            strict=True,
        )
    ]
    results = [
        {"image_id": image, "category_id": label + 1, "bbox": box, "score": score}
        for image, label, box, score in zip(
            found.image.tolist(),
            found.label.tolist(),
            found.regions.xywh.tolist(),
            found.score.tolist(),
            strict=True,
        )
    ]
    if masks is not None:
        for entries, texts in ((annotations, masks.true), (results, masks.found)):
            for entry, text in zip(entries, texts.parts(), strict=True):
                entry["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": text}
        for entry in results:
            del entry["bbox"]  # pycocotools would use the box's area instead of the mask's
    images = [
        {"id": i, "width": WIDTH, "height": HEIGHT, "file_name": f"{i}.jpg"} for i in scene.numbers.tolist()
    ]
    categories = [{"id": k + 1, "name": f"class {k}"} for k in range(scene.classes)]
    files.truth.write_text(
        json.dumps({"images": images, "categories": categories, "annotations": annotations})
    )
    files.results.write_text(json.dumps(results))
    return files


def loaded(program: str, files: Files) -> Any:
    """A program's dataset objects, read and indexed: (truth, results)."""
    modules, loader, _ = PROGRAMS[program]
    reader = getattr(importlib.import_module(modules.split(":")[0]), loader)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = reader(str(files.truth))
        return truth, truth.loadRes(str(files.results))


def evaluated(program: str, sides: Any, kind: str) -> np.ndarray:
    """The twelve metrics from loaded datasets."""
    modules, _, evaluator = PROGRAMS[program]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = getattr(importlib.import_module(modules.split(":")[-1]), evaluator)(*sides, kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.asarray(evaluation.stats, float)[:12]


def from_memory(program: str, files: Files, kind: str) -> Callable[[], np.ndarray] | Absent:
    """A call that evaluates datasets that are already read and indexed."""
    missing = _missing(program)
    if missing:
        return missing
    sides = loaded(program, files)
    return lambda: evaluated(program, sides, kind)


def from_files(program: str, files: Files, kind: str) -> Callable[[], np.ndarray] | Absent:
    """A call that reads and evaluates."""
    return _missing(program) or (lambda: evaluated(program, loaded(program, files), kind))


def _missing(program: str) -> Absent | None:
    try:
        importlib.import_module(PROGRAMS[program][0].split(":")[0])
    except ImportError as error:
        return Absent(f"not installed here ({error})")
    return None
