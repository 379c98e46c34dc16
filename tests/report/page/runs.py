"""A run on disk with everything in it that a page can show, made without training anything."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cvbench.files import sha256_of_file
from cvbench.record import Attachment, Curve, Measurement, Part, Passport, Record
from cvbench.spec.cell import Cell
from cvbench.store import Run, Store
from tests.records import NOWHERE, bad, cell, good, run_info

CLASSES = tuple(f"class {letter}" for letter in "abcdefghij")


def figure(name, value, *, unit="fraction", at="", spread=0.02, direction="higher", parts=()):
    return Measurement(
        name=name, at=at, value=value, unit=unit, direction=direction, n=100,
        interval=(value * (1 - spread), value * (1 + spread)), protocol="p", parts=parts,
    )  # fmt: skip


def measurements(draw, names):
    parts = tuple(Part(name=c, value=float(v), n=10) for c, v in zip(CLASSES, draw.random(10), strict=True))
    accuracy = draw.uniform(0.3, 0.9)
    return (
        *(
            figure(name, min(accuracy * k, 1.0), parts=parts)
            for name, k in zip(names, (1.0, 1.1), strict=False)
        ),
        figure("latency_p50", float(draw.uniform(0.004, 0.04)), unit="s", at="batch=1", direction="lower"),
        *(
            figure("throughput", float(b * draw.uniform(50, 60)), unit="images/s", at=f"batch={b}")
            for b in (1, 8, 32)
        ),
        figure(
            "peak_memory", float(draw.integers(2**28, 2**31)), unit="bytes", at="batch=32", direction="lower"
        ),
    )


def image(draw, side, mode="RGB"):
    file = io.BytesIO()
    pixels = draw.integers(0, 255 if mode == "RGB" else 5, (side, side, 3) if mode == "RGB" else (side, side))
    picture = Image.fromarray(pixels.astype(np.uint8))
    picture.resize((side * 4, side * 4), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def picture_rows(draw, task, n):
    rows = []
    for k in range(n):
        row = {"id": f"test/{k:05d}", "quality": k / n, "width": 96, "height": 96, "picture": image(draw, 24)}
        if task == "classification":
            row |= {"true_label": [1], "label": [3, 1], "score": [0.8, 0.1]}
        elif task == "detection":
            row |= {
                "true_label": [1, 2], "true_corners": [5, 5, 40, 40, 50, 50, 90, 90],
                "label": [1, 3], "score": [0.9, 0.6], "corners": [6, 6, 41, 41, 20, 60, 60, 90],
            }  # fmt: skip
        else:
            row |= {"true_map": image(draw, 24, "L"), "map": image(draw, 24, "L")}
        rows.append(row)
    return rows


PICTURES = pa.schema(
    {
        "id": pa.string(), "quality": pa.float64(), "width": pa.int32(), "height": pa.int32(),
        "picture": pa.binary(),
        "true_label": pa.list_(pa.int32()), "true_corners": pa.list_(pa.float32()),
        "label": pa.list_(pa.int32()), "score": pa.list_(pa.float32()), "corners": pa.list_(pa.float32()),
        "true_map": pa.binary(), "map": pa.binary(),
    }
)  # fmt: skip


def tables(draw, task, classes):
    """Kind → name, table, metadata."""
    about = {"classes": json.dumps(classes)}
    places = [(i, j) for i in range(10) for j in range(10) if i == j or draw.random() < 0.2]
    confusion = {
        "true": [i for i, _ in places], "predicted": [j for _, j in places],
        "count": [90 if i == j else int(draw.integers(1, 20)) for i, j in places],
    }  # fmt: skip
    yield "samples", "latency@batch=1", {"latency": draw.gamma(40, 0.0003, 200)}, {"unit": "s"}
    yield (
        "confusion",
        "m",
        confusion,
        {**about, "unit": "images", **({"score": "0.4"} if task == "detection" else {})},
    )
    if task == "detection":
        points = [
            (k, iou, r / 100, max(0.0, 1 - r / (60 + 4 * k)))
            for k in range(10)
            for iou in (0.5, 0.75)
            for r in range(90)
        ]
        names = ("label", "iou", "recall", "precision")
        yield "curves", "m", {name: [point[at] for point in points] for at, name in enumerate(names)}, about
        yield (
            "errors",
            "m",
            {"kind": ["localisation", "missed"], "cost": [0.1, 0.2], "count": [7, 9]},
            {"ap50": "0.5"},
        )
    rows = picture_rows(draw, task, 12)
    yield "pictures", "worst", {name: [row.get(name) for row in rows] for name in PICTURES.names}, about


NETS = {
    "classification": ("resnet18", "fashion", ("top1", "top5")),
    "detection": ("yolo_v3_tiny", "fashion-scenes", ("AP", "AP50")),
    "segmentation": ("unet", "fashion-scenes", ("mIoU",)),
}


def made_cell(number) -> tuple[str, Cell]:
    """A task and a cell of it: the three tasks take turns."""
    task = list(NETS)[number % 3]
    return task, cell(*NETS[task][:2], seed=number)


def made_record(number, staged: Path, *, classes=CLASSES) -> Record:
    """A finished cell whose files lie in `staged`."""
    draw = np.random.default_rng(number)
    task, of = made_cell(number)
    _, data, names = NETS[task]
    attachments = []
    for kind, name, columns, about in tables(draw, task, classes):
        file = staged / f"{of.key}-{kind}.parquet"
        table = pa.table(columns, schema=PICTURES if kind == "pictures" else None)
        pq.write_table(table.replace_schema_metadata(about), file)
        attachments.append(
            Attachment(kind=kind, name=name, file=f"{kind}/{file.name}", sha256=sha256_of_file(file))
        )
    steps = tuple(range(10, 200, 10))
    curve = Curve(
        step=steps, epoch=tuple(s / 40 for s in steps), lr=(0.1,) * len(steps),
        terms={"loss": tuple(float(2 / (1 + s / 50)) for s in steps)},
    )  # fmt: skip
    passport = Passport(name=data, split="test", images=100, classes=10, sha256="ab" * 32)
    return good(
        of,
        *measurements(draw, names),
        curve=curve,
        attachments=tuple(attachments),
        passports={"test": passport},
    )


def made_run(root: Path, cells: int, *, classes=CLASSES, about=None, planned=()) -> Run:
    """A run with `cells` finished cells, a failed and a skipped one; `planned` have no record."""
    store = Store(root)
    about = {
        "source": "suites/demo.yaml",
        "suite_text": "schema: 1",
        "environment": NOWHERE,
        **(about or {}),
    }
    unfinished = cell("alexnet", seed=999), cell("vgg11", seed=999)
    info = run_info("demo", *(made_cell(n)[1] for n in range(cells)), *unfinished, *planned, **about)
    with store.writing(info, fresh=True) as run:
        for number in range(cells):
            staged = store.staging(run)
            run.commit(made_record(number, staged, classes=classes), staged)
        failed = bad(unfinished[0])
        skipped = bad(unfinished[1]).model_copy(
            update={"outcome": "skipped", "reason": "there is no GPU here"}
        )
        for record in (failed, skipped):
            run.commit(record, store.staging(run))
    return run
