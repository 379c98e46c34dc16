"""A damaged attachment is refused by its reader, with the file, the column and a remedy."""

import hashlib
import io
import json
import os
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cvbench.errors import StoreError
from cvbench.record import Attachment, Measurement, Part
from cvbench.store import Run, StoredFile
from tests.records import cell, good

CLASSES = ("coat", "shoe")
NAMES = {"classes": json.dumps(CLASSES)}
KINDS = {
    "samples": (
        {"latency": [0.1, 0.2], "round": pa.array([0, 1], pa.int32()), "valid": [True, False]},
        {"unit": "s", "at": "batch=1", "warmup_calls": "3", "taken": '{"counts": {"slice": 2}}'},
    ),
    "topk": (
        {"id": ["a", "b"], "label": [0, 1], "predicted": [0, 7], "top1": [True, False], "top5": [True, True]},
        {"protocol": "topk/ties-against"},
    ),
    "coco": (
        {
            "id": ["a", "b"],
            "label": [[0], []],
            "score": [[0.5], []],
            "xywh": [[0.0, 0.0, 4.0, 4.0], []],
            "true_label": [[1], [0]],
            "true_area": [[16.0], [1.0]],
            "crowd": [[False], [True]],
            "true_xywh": [[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 1.0, 1.0]],
            "runs": [[1, 2, 3], []],
            "run_starts": [[0, 3], [0]],
        },
        {"protocol": "coco-2017/segm/"},
    ),
    "voc": (
        {
            "id": ["a"],
            "label": [[0]],
            "score": [[0.5]],
            "corners": [[0.0, 0.0, 4.0, 4.0]],
            "true_label": [[1]],
            "true_corners": [[0.0, 0.0, 4.0, 4.0]],
            "difficult": [[False]],
        },
        {"protocol": "voc2007"},
    ),
    "miou": (
        {"id": ["a"], "hits": [[1, 2]], "predicted": [[3, 4]], "true": [[3, 4]]},
        {"protocol": "miou/"},
    ),
    "curves": ({"label": [1], "iou": [0.5], "recall": [0.0], "precision": [1.0], "score": [0.5]}, NAMES),
    "confusion": ({"true": [0], "predicted": [2], "count": [3]}, {**NAMES, "score": "0.5"}),
    "errors": ({"kind": ["missed"], "cost": [0.1], "count": [3]}, {**NAMES, "ap50": "0.5"}),
    "pictures": (
        {
            "id": ["a", "b"],
            "quality": [0.0, 0.5],
            "width": [4, 4],
            "height": [4, 4],
            "picture": [b"x", b"x"],
            "true_label": [[0], [1, 1]],
            "label": [[1, 0], [0]],
            "score": [[0.5, 0.5], [0.5]],
            "true_corners": [None, [0.0] * 8],
            "corners": [None, [0.0] * 4],
            "true_map": pa.array([None, None], pa.binary()),
            "map": pa.array([None, None], pa.binary()),
        },
        NAMES,
    ),
}
"""Name → columns and metadata of a sound table of each kind."""


def stored(folder, name, columns, about, *, rename=None):
    kind = name if name in ("samples", "curves", "confusion", "errors", "pictures") else "outcomes"
    title = "latency@batch=1" if kind == "samples" else rename or name
    table = pa.table({key: pa.array(values) for key, values in columns.items()}).replace_schema_metadata(
        about
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return stored_bytes(folder, kind, title, buffer.getvalue(), about.get("protocol", "p"))


def stored_bytes(folder, kind, title, content, protocol="p"):
    path = folder / kind / "x.parquet"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    item = Attachment(
        kind=kind, name=title, file=f"{kind}/x.parquet", sha256=hashlib.sha256(content).hexdigest()
    )
    parts = tuple(Part(name=one, value=0.5) for one in CLASSES)
    figure = Measurement(
        name="m", value=0.5, unit="fraction", direction="higher", protocol=protocol, parts=parts
    )
    return StoredFile(Run(folder), good(cell(), figure, attachments=(item,)), item)


@pytest.mark.parametrize("name", KINDS)
def test_a_sound_table_of_each_kind_is_read(tmp_path, name):
    columns, about = KINDS[name]
    assert stored(tmp_path, name, columns, about).table().column_names == list(columns)


@pytest.mark.parametrize("name", KINDS)
def test_a_table_without_rows_is_read(tmp_path, name):
    columns, about = KINDS[name]
    assert len(stored(tmp_path, name, {key: [] for key in columns}, about).table()) == 0


@pytest.mark.parametrize(
    ("name", "column"), [(name, column) for name, (columns, _) in KINDS.items() for column in columns]
)
@pytest.mark.parametrize("wrong", [{"a": 1}, [[[1]]], None], ids=["structs", "lists of lists", "nulls"])
def test_a_column_of_another_type_is_named(tmp_path, name, column, wrong):
    columns, about = KINDS[name]
    if name == "pictures" and wrong is None and column not in ("id", "quality", "width", "height", "picture"):
        pytest.skip("these may be null")
    spoiled = {**columns, column: [wrong] * len(columns["id" if "id" in columns else column])}
    if column == "id" and wrong is None:
        spoiled[column] = pa.array([None] * len(columns["id"]), pa.string())
    with pytest.raises(StoreError, match=rf"x\.parquet: .*column.* {column}\b[\s\S]*--fresh"):
        stored(tmp_path, name, spoiled, about).table()


@pytest.mark.parametrize(
    ("name", "column", "values", "why"),
    [
        ("samples", "latency", [0.1, np.nan], "a value is not finite"),
        ("samples", "latency", [0.1, -1.0], "-1.0 is out of range"),
        ("samples", "latency", [0.1, 1e308], "1e\\+308 is out of range"),
        ("samples", "valid", [1, 0], "int64 is not booleans"),
        ("samples", "round", [0, -1], "-1 is out of range"),
        ("topk", "id", ["a", "a"], "an image is listed twice"),
        ("topk", "label", [0, 2], "2 is out of range"),
        ("topk", "predicted", [0, -1], "-1 is out of range"),
        ("topk", "top1", [0.0, 1.0], "double is not booleans"),
        ("coco", "label", [[2], []], "2 is out of range"),
        ("coco", "score", [[0.5, 0.5], []], "row 0 has 2 values, not 1"),
        ("coco", "score", [[np.inf], []], "a value is not finite"),
        ("coco", "true_xywh", [[0.0] * 4, [0.0] * 3], "row 1 has 3 values, not 4"),
        ("coco", "run_starts", [[0, 4], [0]], "the offsets do not fit runs"),
        ("coco", "run_starts", [[1, 3], [0]], "the offsets do not fit runs"),
        ("coco", "runs", [[1, 2, -3], []], "-3 is out of range"),
        ("voc", "corners", [[0.0]], "row 0 has 1 values, not 4"),
        ("miou", "hits", [[1, 2, 3]], "row 0 has 3 values, not 2"),
        ("miou", "true", [[1, -2]], "-2 is out of range"),
        ("curves", "label", [2], "2 is out of range"),
        ("curves", "recall", [1.5], "a value is not between 0 and 1"),
        ("confusion", "true", [3], "3 is out of range"),
        ("confusion", "count", [-1], "-1 is out of range"),
        ("pictures", "label", [[2], [0]], "2 is out of range"),
        ("pictures", "corners", [None, [0.0] * 5], "an image does not have four numbers per label"),
        ("pictures", "corners", [None, None], "a prediction without a truth"),
        ("pictures", "true_label", [[], [1, 1]], "an image has no label"),
        ("pictures", "width", [0, 4], "0 is out of range"),
    ],
)
def test_a_value_that_cannot_be_is_named(tmp_path, name, column, values, why):
    columns, about = KINDS[name]
    with pytest.raises(StoreError, match=why):
        stored(tmp_path, name, {**columns, column: values}, about).table()


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("samples", "taken", "[]"),
        ("samples", "taken", '{"cautions": [1]}'),
        ("samples", "taken", "[" * 5000),
        ("samples", "at", "batch=8"),
        ("samples", "warmup_calls", "x"),
        ("curves", "classes", "{}"),
        ("confusion", "classes", "[1]"),
        ("confusion", "classes", "["),
        ("confusion", "score", "nan"),
        ("errors", "ap50", "high"),
        ("pictures", "classes", b"\xff"),
    ],
)
def test_metadata_that_cannot_be_is_named(tmp_path, name, key, value):
    columns, about = KINDS[name]
    with pytest.raises(StoreError, match="metadata"):
        stored(tmp_path, name, columns, {**about, key: value}).table()


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    columns, about = KINDS["topk"]
    text = pa.StringArray.from_buffers(2, *pa.array([b"\xff", b"b"]).buffers()[1:])
    with pytest.raises(StoreError, match="not valid Parquet"):
        stored(tmp_path, "topk", {**columns, "id": text}, about).table()


def test_bytes_that_are_not_parquet_are_refused_wherever_they_break(tmp_path):
    columns, about = KINDS["topk"]
    sound = stored(tmp_path, "topk", columns, about).content()
    for at in range(0, len(sound), 97):
        broken = sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :]
        for content in (broken, sound[:at]):
            with suppress(StoreError):  # some bytes say nothing, and then the table is sound
                stored_bytes(tmp_path, "outcomes", "topk", content).table()


def test_a_small_file_that_would_fill_the_memory_is_refused_before_it_is_unpacked(tmp_path):
    rows = 20_000_000
    table = pa.table({"valid": pa.array(np.zeros(rows, bool))})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=rows, use_dictionary=False)
    assert len(buffer.getvalue()) < 70_000
    with pytest.raises(StoreError, match="bytes decompress to 20,000,000 values"):
        stored_bytes(tmp_path, "samples", "latency@batch=1", buffer.getvalue()).table()


def test_a_pipe_in_place_of_an_attachment_does_not_block(tmp_path):
    file = stored(tmp_path, "topk", *KINDS["topk"])
    file.path.unlink()
    os.mkfifo(file.path)
    with pytest.raises(StoreError, match="not a regular file"):
        file.table()
