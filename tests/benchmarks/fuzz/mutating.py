"""Small damage to valid inputs: wrong types, missing parts, extreme numbers, cut and flipped bytes."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image

HOSTILE = "\x1b[31m::error::x\n[bold]=1+1|\\end{x}<script>"
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 255, 256, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5,
    -0.0, 1e-320, 1e19, 1e30, 1e100, 1e308, -1e308, float("nan"), float("inf"), -float("inf"),
    "", "x", "0", "1e999", "nan", "x" * 300, "x" * 70_000, "\0", "../../x", "/etc/passwd", "~", HOSTILE, "é",
    "\U0001f600", "\u202e", [], {}, [0], ["x"], [[]], {"a": 1}, [None], [[0, 0], [1, 1]],
    [1e308] * 4, [0] * 1000,
)  # fmt: skip
"""Replacement values of unexpected types and sizes."""


def nasty(draw: Random) -> Any:
    """A replacement value, or a deep nesting."""
    if draw.random() < 0.03:
        deep: Any = 0
        for _ in range(draw.choice((20, 500))):
            deep = [deep] if draw.random() < 0.5 else {"a": deep}
        return deep
    return copy.deepcopy(draw.choice(NASTY))


def in_bytes(content: bytes, draw: Random) -> bytes:
    """Cut, flip, insert, remove, repeat or re-encode bytes."""
    data = bytearray(content)
    at = draw.randrange(len(data) + 1)
    size = draw.choice((1, 1, 2, 4, 16, 200))
    match draw.randrange(9):
        case 0:
            return bytes(data[:at])
        case 1 | 2 | 3:
            for _ in range(draw.choice((1, 1, 2, 8))):
                if data:
                    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        case 4:
            data[at:at] = draw.randbytes(size)
        case 5:
            del data[at : at + size]
        case 6:
            data[at:at] = data[at : at + size] * draw.choice((1, 2, 50))
        case 7:
            return draw.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\n", b"[" * 100_000, b"")) + bytes(
                data
            )
        case _:
            return bytes(data).decode("latin-1").encode(draw.choice(("utf-16", "utf-32", "utf-8", "utf-7")))
    return bytes(data)


def in_tree(tree: Any, draw: Random) -> Any:
    """Change one part of a tree of dicts and lists."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        for key, value in items:
            places.append((node, key))
            if isinstance(value, dict | list):
                walk(value)

    if not isinstance(tree, dict | list) or draw.random() < 0.01:
        return nasty(draw)
    walk(tree)
    if not places:
        return nasty(draw)
    node, key = draw.choice(places)
    match draw.randrange(8):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[draw.choice(("", "x", HOSTILE, "__class__", f"{key} "))] = node.pop(key)
        case 1 | 2 if isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        case 3:
            other, there = draw.choice(places)
            node[key] = copy.deepcopy(other.get(there) if isinstance(other, dict) else node[key])
        case _:
            node[key] = nasty(draw)
    return tree


def json_bytes(content: bytes, draw: Random) -> bytes:
    """Make one to three changes in a JSON document, whose text can then be damaged too."""
    if draw.random() < 0.2:
        return in_bytes(content, draw)
    tree = json.loads(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        tree = in_tree(tree, draw)
    return json.dumps(tree).encode("utf-8", "surrogatepass")


def yaml_bytes(content: bytes, draw: Random) -> bytes:
    """Make one to three changes in a suite."""
    if draw.random() < 0.3:
        return in_text(content, draw)
    tree = yaml.safe_load(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        tree = in_tree(tree, draw)
    return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")


_WORD = re.compile(r"[\w.+-]+")


def in_text(content: bytes, draw: Random) -> bytes:
    """Change words, lines and numbers of a text."""
    if draw.random() < 0.25:
        return in_bytes(content, draw)
    text = content.decode("utf-8", "replace")
    for _ in range(draw.choice((1, 1, 2))):
        lines = text.splitlines()
        match draw.randrange(6):
            case 0 if lines:
                del lines[draw.randrange(len(lines))]
                text = "\n".join(lines)
            case 1 if lines:
                lines.insert(draw.randrange(len(lines)), draw.choice(lines))
                text = "\n".join(lines)
            case 2:
                text = text.replace(
                    *draw.choice(((",", ";"), (" ", "\t"), (" ", "  "), ("\n", "\r"), (".", ",")))
                )
            case _:
                words = list(_WORD.finditer(text))
                if words:
                    word = draw.choice(words)
                    text = f"{text[: word.start()]}{nasty(draw)}{text[word.end() :]}"
    return text.encode("utf-8", "surrogatepass")


def xml_bytes(content: bytes, draw: Random) -> bytes:
    """Declare another encoding, an entity or a deep nesting; else damage the text."""
    match draw.randrange(10):
        case 0:
            name = draw.choice(
                ("x", "idna", "utf-16", "utf-7", "ascii", "gb2312", "big5", "rot13", "hex", "punycode")
            )
            return f'<?xml version="1.0" encoding="{name}"?>'.encode() + content.replace(b"dog", b"d\xb0g")
        case 1:
            return b'<!DOCTYPE a [<!ENTITY x "xxxx">]>' + content.replace(b"dog", b"&x;")
        case 2:
            return b"<a>" * 50_000 + content
    return in_text(content, draw)


def parquet_bytes(content: bytes, draw: Random) -> bytes:
    """Change a column, the rows or the metadata of a table."""
    if draw.random() < 0.15:
        return in_bytes(content, draw)
    table = pq.read_table(io.BytesIO(content))
    for _ in range(draw.choice((1, 1, 2))):
        table = _changed_table(table, draw)
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


ABOUT = (b"", b"\xff", b"{}", b"[]", b"[1]", b"nan", b"1e999", b"null", b"[" * 9000, b"-1", b"x" * 999)
"""Replacement values of a table's metadata."""


def _changed_table(table: pa.Table, draw: Random) -> pa.Table:
    names = table.column_names
    at = draw.randrange(len(names)) if names else 0
    match draw.randrange(8) if names else 0:
        case 0:
            about = dict(table.schema.metadata or {})
            key = draw.choice([*about, b"x"])
            about[key] = draw.choice(ABOUT)
            if draw.random() < 0.2:
                del about[key]
            table = table.replace_schema_metadata(about)
        case 1:
            table = table.drop_columns([names[at]])
        case 2:
            names = [*names[:at], draw.choice(("x", "", "id", *names)), *names[at + 1 :]]
            table = table.rename_columns(names)
        case 3:
            table = table.slice(0, draw.choice((0, 1, len(table) // 2)))
        case 4:
            table = pa.concat_tables([table, table.slice(0, 1)])
        case _:
            table = _changed_column(table, at, draw)
    return table


def _changed_column(table: pa.Table, at: int, draw: Random) -> pa.Table:
    values = table.column(at).to_pylist()
    if not values:
        return table
    row = draw.randrange(len(values))
    values[row] = _changed_value(values[row], draw)
    if draw.random() < 0.1:
        values = [nasty(draw)] * len(values)
    for kind in (table.schema.field(at).type, None):
        try:
            return table.set_column(at, table.column_names[at], pa.array(values, kind))
        except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
            continue
    return table


def _changed_value(value: Any, draw: Random) -> Any:
    if isinstance(value, list) and draw.random() < 0.8:
        match draw.randrange(3):
            case 0 if value:
                value[draw.randrange(len(value))] = nasty(draw)
            case 1:
                value.append(value[0] if value else 0)
            case _:
                value = value[:-1]
        return value
    if isinstance(value, bytes):
        return in_bytes(value, draw)
    if isinstance(value, float | int):
        return draw.choice((None, float("nan"), float("inf"), -1, 0, 1e308, 5e-324, 2**31 - 1, 2**62, -value))
    return nasty(draw)


def npz_bytes(content: bytes, draw: Random) -> bytes:
    """Change types, shapes and values of arrays, or bytes of the archive."""
    if draw.random() < 0.3:
        return in_bytes(content, draw)
    with np.load(io.BytesIO(content)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    name = draw.choice(list(arrays))
    arrays[name] = _changed_array(arrays[name], draw)
    if draw.random() < 0.1:
        arrays[draw.choice(("x", "scores", "labels"))] = arrays.pop(name)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy_bytes(content: bytes, draw: Random) -> bytes:
    """Change the type, shape or values of an array, or bytes of the file."""
    if draw.random() < 0.4:
        return in_bytes(content, draw)
    file = io.BytesIO()
    np.save(file, _changed_array(np.load(io.BytesIO(content)), draw))
    return file.getvalue()


def _changed_array(array: np.ndarray, draw: Random) -> np.ndarray:
    if array.dtype.kind not in "biuf":
        return np.array([*array.ravel()[:-1].tolist(), str(nasty(draw))[:500]])
    match draw.randrange(6):
        case 0:
            kind = draw.choice(("u1", "i8", "f2", "f4", "f8", "c16", "U5", "S3", "M8[s]", "?", ">f4"))
            return array.astype("f8").astype(kind) if kind != "M8[s]" else array.astype("i8").astype(kind)
        case 1:
            return array.reshape(draw.choice(((-1,), (1, *array.shape), (*array.shape, 1))))
        case 2:
            return array[: draw.choice((0, 1, len(array) - 1))]
        case 3:
            return np.broadcast_to(
                array.ravel()[:1], draw.choice(((3, 0), (0, 5), (2, 70_000), (300_000, 3)))
            ).copy()
    flat = array.ravel().copy()
    value = draw.choice((-1, 2**31 - 1, 255, np.nan, np.inf, 1e30, 0))
    with np.errstate(all="ignore"):
        flat[draw.randrange(len(flat))] = (
            value if flat.dtype.kind == "f" else int(np.nan_to_num(value, posinf=9)) % 2**31
        )
    return flat.reshape(array.shape)


def png_bytes(content: bytes, draw: Random) -> bytes:
    """Change the mode, size or values of an image, or bytes of the file."""
    if draw.random() < 0.5:
        return in_bytes(content, draw)
    picture = Image.open(io.BytesIO(content))
    match draw.randrange(3):
        case 0:
            picture = picture.convert(draw.choice(("RGB", "RGBA", "1", "L", "I;16", "P", "LA")))
        case 1:
            picture = picture.resize(draw.choice(((1, 1), (picture.width + 1, picture.height), (3000, 1))))
        case _:
            picture = picture.point([draw.randrange(256)] * 256) if picture.mode in "LP" else picture
    file = io.BytesIO()
    picture.save(
        file,
        draw.choice(("PNG", "PNG", "BMP", "TIFF", "GIF")) if picture.mode in ("L", "RGB", "P") else "PNG",
    )
    return file.getvalue()


def safetensors_bytes(content: bytes, draw: Random) -> bytes:
    """Change the header of the tensors or its length, or bytes of the file."""
    if draw.random() < 0.4:
        return in_bytes(content[:4000], draw) + content[4000:]
    (size,) = struct.unpack("<Q", content[:8])
    header = in_tree(json.loads(content[8 : 8 + size]), draw)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    length = len(text) if draw.random() < 0.8 else draw.choice((0, 1, 2**40, 2**63, len(text) - 1))
    return struct.pack("<Q", length) + text + content[8 + size :]


def replaced(path: Path, draw: Random) -> None:
    """Replace the file with something else, such as a folder or a pipe."""
    path.unlink()
    match draw.randrange(5):
        case 0:
            os.mkfifo(path)
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to(path.name)
        case 3:
            path.touch()
        case _:
            path.symlink_to("/dev/null")
