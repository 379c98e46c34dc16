"""The readers of user files: valid inputs, how they are damaged, and the commands that read them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from cvbench.compare.gate.baselines import pack, to_json
from cvbench.errors import CvbenchError
from cvbench.interfaces import Model
from cvbench.models.building import build_model
from cvbench.models.weights.loading import load_weights
from cvbench.spec.cell import ModelSpec
from cvbench.store import Run
from tests.benchmarks.fuzz import mutating
from tests.compare.runs import Made, make_run
from tests.compare.test_resampling import made_of, scored
from tests.metrics.files.voc_trees import DETECTIONS, OBJECTS, write_voc
from tests.report.page.runs import made_run

Mutate = Callable[[bytes, Random], bytes]
SUITE = """\
schema: 1
name: small
data: fashion
train: {epochs: 2, batch: 8, lr: 1e-2, augment: {mirror: false}}
models:
  - resnet18
  - {name: resnet18, options: {width: 0.5, size: 32}, seed: [0, 1], metrics: [topk]}
  - name: yolo_v3_tiny
    data: {name: fashion-scenes, options: {occlusion: 0.2}}
    options: {size: 128, anchors: [[51, 21], [22, 52], [52, 30], [35, 51], [55, 44], [46, 58]]}
time: {latency: {batch: 1, warmup: 200ms, duration: 1500ms}, throughput: {batch: [32]}, rounds: 2}
timeout: 30m
expect: {resnet18: {top1: 0.80}}
"""
MASKS = ([[4, 4, 14, 4, 14, 14, 4, 14]], {"size": [48, 64], "counts": [4, 300, 2768]})
COCO = {
    "images": [{"id": i, "height": 48, "width": 64, "file_name": f"{i}.png"} for i in (1, 2, 9)],
    "categories": [{"id": c, "name": n} for c, n in ((1, "cat"), (7, "dog"))],
    "annotations": [
        {
            "id": k, "image_id": i, "category_id": c, "area": 100.0, "iscrowd": k % 2,
            "bbox": [4.0, 4.0, 10.0, 10.0], "segmentation": MASKS[k % 2],
        }
        for k, (i, c) in enumerate(((1, 1), (1, 7), (2, 7), (9, 1)), 1)
    ],
}  # fmt: skip
RESULTS = [
    {"image_id": i, "category_id": c, "score": s, "bbox": [4.5, 4.0, 10.0, 9.0], "segmentation": MASKS[1]}
    for i, c, s in ((1, 1, 0.9), (1, 7, 0.8), (2, 7, 0.7), (9, 7, 0.2))
]


class Reader(NamedTuple):
    """One kind of input."""

    folder: str
    """Folder of the valid input, relative to the folder of all inputs."""
    damaged: tuple[str, ...]
    """Patterns of the files to damage, one at a time."""
    mutate: Mutate
    commands: tuple[tuple[str, ...], ...]
    """Commands to run in the input's folder; `load PATH` loads weights."""


def write_inputs(root: Path) -> None:
    """Write valid inputs for every reader."""
    torch.manual_seed(0)
    _runs(root / "run")
    for name in ("suite", "coco", "topk", "maps", "weights"):
        (root / name).mkdir(parents=True)
    (root / "suite/suite.yaml").write_text(SUITE, encoding="utf-8")
    (root / "coco/truth.json").write_text(json.dumps(COCO), encoding="utf-8")
    (root / "coco/found.json").write_text(json.dumps(RESULTS), encoding="utf-8")
    write_voc(root / "voc", OBJECTS, DETECTIONS)
    draw = np.random.default_rng(0)
    scores = draw.random((6, 4)).round(3)
    labels = draw.integers(0, 4, 6)
    names = ["a", "b", "c", "d"]
    table = "\n".join(
        [
            ",".join(["image", *names]),
            *(f"{i}.png," + ",".join(map(str, row)) for i, row in enumerate(scores)),
        ]
    )
    (root / "topk/scores.csv").write_text(table, encoding="utf-8")
    truth = "\n".join(["image,label", *(f"{i}.png,{names[k]}" for i, k in enumerate(labels))])
    (root / "topk/labels.csv").write_text(truth, encoding="utf-8")
    np.savez(root / "topk/scores.npz", scores=scores, ids=np.array([f"{i}.png" for i in range(6)]))
    np.savez(root / "topk/labels.npz", labels=labels, ids=np.array([f"{i}.png" for i in range(6)]))
    for part in ("found", "true"):
        (root / "maps" / part).mkdir()
        for n in range(2):
            Image.fromarray(draw.integers(0, 3, (9, 13)).astype(np.uint8)).save(
                root / "maps" / part / f"{n}.png"
            )
    net = weights_model()
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(state, root / "weights/net.safetensors")
    torch.save(state, root / "weights/net.pth")
    numbers = sum(value.numel() for value in state.values() if value.is_floating_point())
    header = struct.pack("<3iq", 0, 2, 5, 0)
    (root / "weights/net.weights").write_bytes(header + np.ones(numbers, np.float32).tobytes())


def _runs(root: Path) -> None:
    rounds = [[0.1, 0.2, 0.15], [0.1, 0.3, 0.2], [0.2, 0.2, 0.1]]
    for name, weights in (("base", "a" * 64), ("now", "b" * 64)):
        right = np.arange(20) % (4 if name == "base" else 3) > 0
        top = (
            Made(weights=weights)
            .topk(right)
            .rounds("latency", rounds)
            .rounds("throughput", rounds, unit="images/s")
        )
        scored_too = [
            made_of(scored(metric, images=8, spoil=0.3 * (name == "now")), metric, weights=weights)
            for metric in ("coco-bbox", "miou", "voc2007")
        ]
        for made, of in zip(scored_too, ("yolo_v3_tiny", "unet", "yolo_v2"), strict=True):
            made.cell = made.cell.model_copy(update={"model": ModelSpec(name=of)})
        make_run(root / "results/ci" / name, top, *scored_too)
    made = made_run(root / "results", 3).folder
    made.rename(made.with_name("page"))
    run = Run(root / "results/ci/base")
    (root / "base.json").write_bytes(to_json(pack(run, None)))


def weights_model() -> Model:
    """A small model to load weights into."""
    return build_model(ModelSpec(name="resnet18", options={"width": 0.0625, "size": 32}), 2)


_RUN = (
    ("report", "ci/now", "ci/base", "-o", "x.html", "--force"),
    ("report", "demo/page", "-o", "y.html", "--force"),
    ("compare", "ci/base", "ci/now"),
    ("compare", "ci/base", "ci/now", "--json"),
    ("check", "ci/now", "--against", "ci/base"),
    ("show", "ci/now"),
    ("show", "ci/now", "--samples"),
    ("list", "runs"),
    ("report", "results", "--site", "site", "--force"),
    ("report", "demo/page", "-o", "x.csv", "--force"),
    ("report", "ci/now", "demo/page", "-o", "x.tex", "--force"),
    ("report", "ci/now", "-o", "x.md", "--force"),
)
_COCO = tuple(
    (command, "found.json", "--truth", "truth.json", "--protocol", protocol, *more)
    for command, protocol, more in (
        ("score", "coco-bbox", ("--resamples", "3")),
        ("score", "coco-segm", ("--resamples", "0")),
        ("explain", "coco-bbox", ()),
    )
)
_VOC = tuple(
    (command, "results", "--truth", "VOC2007", "--protocol", protocol, "--image-set", "test", *more)
    for command, protocol, more in (
        ("score", "voc2007", ("--resamples", "3")),
        ("score", "coco-bbox", ("--resamples", "0")),
        ("explain", "coco-bbox", ()),
    )
)
_SCORE = tuple(
    ("score", "scores.csv", "--truth", f"labels.{end}", "--protocol", "topk") for end in ("csv", "npz")
)
_MAPS = tuple(
    ("score", "found", "--truth", "true", "--protocol", "miou", "--classes", n) for n in ("3", "255")
)
_CHECK = ("check", "ci/now", "--against", "base.json")
_TREE = ("VOC2007/Annotations/*.xml", "VOC2007/ImageSets/Main/*.txt")
READERS: dict[str, Reader] = {
    "suite": Reader(
        "suite",
        ("suite.yaml",),
        mutating.yaml_bytes,
        (("plan", "suite.yaml"), ("plan", "suite.yaml", "--json")),
    ),
    "record": Reader("run", ("results/*/*/cells/*.json",), mutating.json_bytes, _RUN),
    "run.json": Reader("run", ("results/*/*/run.json",), mutating.json_bytes, _RUN),
    "baseline": Reader(
        "run", ("base.json",), mutating.json_bytes, (_CHECK, (*_CHECK, "--update", "--force"))
    ),
    "attachments": Reader("run", ("results/*/*/*/*.parquet",), mutating.parquet_bytes, _RUN[:9]),
    "coco truth": Reader("coco", ("truth.json",), mutating.json_bytes, _COCO),
    "coco results": Reader("coco", ("found.json",), mutating.json_bytes, _COCO),
    "voc tree": Reader("voc", _TREE, mutating.xml_bytes, _VOC),
    "voc detections": Reader("voc", ("results/*.txt",), mutating.in_text, _VOC),
    "maps": Reader("maps", ("found/*.png", "true/*.png"), mutating.png_bytes, _MAPS),
    "npz": Reader(
        "topk",
        ("*.npz",),
        mutating.npz_bytes,
        (("score", "scores.npz", "--truth", "labels.npz", "--protocol", "topk"),),
    ),
    "weights": Reader(
        "weights",
        ("net.*",),
        mutating.safetensors_bytes,
        (("load", "net.safetensors"), ("load", "net.pth"), ("load", "net.weights")),
    ),
    "top-k tables": Reader("topk", ("*.csv",), mutating.in_text, _SCORE),
}


class Input(NamedTuple):
    """One damaged input, and a command that reads it."""

    reader: str
    command: tuple[str, ...]


def write_damaged(sound: Path, folder: Path, names: Sequence[str], seed: str) -> Input:
    """Copy a valid input to `folder` and damage one file of it, reproducibly by `seed`."""
    draw = Random(seed)
    name = draw.choice(list(names))
    reader = READERS[name]
    shutil.copytree(sound / reader.folder, folder, symlinks=True)
    if name == "weights":
        command = draw.choice(reader.commands)
        path = folder / command[1]
    else:
        command = draw.choice(reader.commands)
        path = draw.choice(sorted(p for pattern in reader.damaged for p in folder.glob(pattern)))
    if draw.random() < 0.02:
        mutating.replaced(path, draw)
        return Input(name, command)
    content = path.read_bytes()
    mutate = mutating.in_bytes if path.suffix in (".pth", ".weights") else reader.mutate
    try:
        path.write_bytes(mutate(content, draw))
    except (RecursionError, ValueError, TypeError, yaml.YAMLError, pa.ArrowException):
        path.write_bytes(mutating.in_bytes(content, draw))  # this format cannot represent the mutation
    if name == "attachments" and draw.random() < 0.95:
        _record_hash(path)
    if name == "baseline" and draw.random() < 0.3:
        _damage_packed(path, draw)
    return Input(name, command)


def _record_hash(path: Path) -> None:
    """Write the file's new hash to the record, as if the writing program had caused the damage."""
    run = path.parent.parent
    for file in (run / "cells").glob("*.json"):
        record = json.loads(file.read_bytes())
        for item in record["attachments"]:
            if item["file"] == f"{path.parent.name}/{path.name}":
                item["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        file.write_text(json.dumps(record), encoding="utf-8")


def _damage_packed(path: Path, draw: Random) -> None:
    """Damage a packed file, and its hash in the record, if the baseline is still valid."""
    try:
        content = json.loads(path.read_bytes())
        name = draw.choice(sorted(content["files"]))
        data = mutating.parquet_bytes(base64.b64decode(content["files"][name]), draw)
        content["files"][name] = base64.b64encode(data).decode()
        for record in content["records"]:
            for item in record["attachments"]:
                if item["file"] == name:
                    item["sha256"] = hashlib.sha256(data).hexdigest()
        path.write_text(json.dumps(content), encoding="utf-8")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OSError):
        return


def load(path: Path) -> str:
    """Load weights; return the error message if they are refused."""
    try:
        load_weights(weights_model(), path)
    except CvbenchError as error:
        return str(error)
    return io.StringIO().getvalue()
