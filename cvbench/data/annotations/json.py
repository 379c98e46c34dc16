"""Read JSON input files: fast if they are valid, and slowly to report all problems if not.

`msgspec` decodes half a million detections into typed objects faster than other decoders create dictionaries,
and checks every field. It stops at the first error. A file that it rejects is decoded again by the standard
library, which also accepts NaN, and checked entry by entry.
"""

from __future__ import annotations

import gc
import json
import re
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar

import msgspec
import numpy as np
from jaxtyping import Int64

from cvbench.data.annotations.problems import Problems
from cvbench.errors import InputError
from cvbench.files import read_regular

T = TypeVar("T")


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises InputError if it cannot be read."""
    try:
        return read_regular(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def decode_typed(decoder: msgspec.json.Decoder[T], content: bytes) -> T | None:
    """The decoded objects, or None if the decoder rejects the content."""
    with _no_collection():
        try:
            return decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a ValidationError is one too
            return None


def decode_plain(path: Path, content: bytes) -> Any:
    """Dictionaries, lists, strings and numbers; raises InputError if the content is not JSON."""
    with _no_collection():
        try:
            plain = json.loads(content)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            if not content.strip():
                raise InputError(f"{path}: the file is empty") from error
            if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
                raise InputError(f"{path}: not JSON: the file ends too early ({place})") from error
            raise InputError(f"{path}: not JSON: {error.msg} ({place})") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not JSON: byte {error.start} is not UTF-8") from error
        except RecursionError as error:
            raise InputError(f"{path}: nested too deeply") from error
        except ValueError as error:  # integers with thousands of digits
            raise InputError(f"{path}: it has a number with too many digits") from error
    if _HALF.search(content):
        try:
            json.dumps(plain, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"{path}: not JSON: a string has half a surrogate pair (such as \\ud800)"
            ) from error
    return plain


_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""JSON escapes of surrogates; JSON can have one half alone, which UTF-8 cannot encode."""


def kind_of(value: object) -> str:
    """The JSON type of a value, with its article."""
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Disable the garbage collector, which would scan millions of new objects repeatedly."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


Id: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that fits into an array."""


class Entries(NamedTuple):
    """The valid entries of a list, and their indices in the file."""

    sound: list[Any]
    place: Int64[np.ndarray, " n"]


def every_entry(entries: list[Any]) -> Entries:
    """All entries, because the decoder accepted them."""
    return Entries(entries, np.arange(len(entries)))


def sound_entries(
    path: Path, name: str, entries: Sequence[Any], form: type[msgspec.Struct], problems: Problems
) -> Entries:
    """The valid entries; each invalid field of the others is reported at `name[index]`."""
    fields = msgspec.structs.fields(form)
    sound, places = [], []
    for i, entry in enumerate(entries):
        values, wrong = _read_fields(entry, fields)
        if not wrong:
            sound.append(form(**values))
            places.append(i)
        for kind, value in wrong:
            problems.add(path, kind, f"{name}[{i}]{value}")
    return Entries(sound, np.array(places, np.int64))


def _read_fields(
    entry: Any, fields: Sequence[msgspec.structs.FieldInfo]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The values of an entry's fields, and its problems: kind and value of each."""
    if not isinstance(entry, dict):
        return {}, [(f"entry: expected object, got {_TYPES.get(type(entry), 'float')}", f": {_short(entry)}")]
    values, wrong = {}, []
    for field in fields:
        if field.name not in entry:
            if field.required:
                wrong.append((f"no {field.name}", ""))
            continue
        value = entry[field.name]
        try:
            values[field.name] = msgspec.convert(whole(value), field.type)
        except msgspec.ValidationError as error:
            wrong.append(_told(str(error), field.name, value))
    return values, wrong


_TYPES: dict[type, str] = {list: "array", str: "str", bool: "bool", int: "int", type(None): "null"}


def whole(value: Any) -> Any:
    """A float with an integer value as an integer; other values unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 63 else value


def _told(message: str, name: str, value: Any) -> tuple[str, str]:
    """The problem of a field and its value, from the decoder's message."""
    lacking = re.match(r"Object missing required field `(\w+)`", message)
    if lacking is not None:
        return f"no {lacking[1]} in a {name}", ""
    expected, _, path = message.partition(" - at `$")
    for step in re.findall(r"\w+|\.\.\.", path):
        if step == "...":  # the decoder does not state the list index
            break
        value = value[int(step) if isinstance(value, list) else step]
    said = expected.replace("`", "").replace("Expected ", "expected ").replace(" | null", "")
    return f"{name}: {said}", f": {_short(value)}"


def _short(value: Any) -> str:
    """A value as one short line."""
    text = _REPR.repr(value)
    return text if len(text) <= 60 else f"{kind_of(value)} that begins {text[:40]}"


_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxlist, _REPR.maxdict = 6, 60, 20
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = 200
"""Limits the depth and length of shown values."""


class TextIds:
    """Numbers of text ids: first the known ids in ascending order, then the unknown ids."""

    def __init__(self, known: Iterable[str]) -> None:
        self.texts: list[str] = sorted(set(known))
        self._number: dict[object, int] = {text: i for i, text in enumerate(self.texts)}

    def number(self, value: Any) -> int:
        """The number of an id; an id that is not text is unknown, also if it looks equal."""
        key = value if isinstance(value, str) else ("no text", repr(value)[:60])
        if key not in self._number:
            self._number[key] = len(self.texts)
            self.texts.append(value if isinstance(value, str) else repr(value)[:60])
        return self._number[key]

    def in_entries(self, entries: Sequence[Any], name: str) -> list[Any]:
        """Entries with the texts of one field replaced by numbers."""
        return [
            {**one, name: self.number(one[name])} if isinstance(one, dict) and name in one else one
            for one in entries
        ]


def text_ids(entries: Sequence[Any]) -> TextIds | None:
    """The ids of entries if all are texts, else None."""
    ids = [one["id"] for one in entries if isinstance(one, dict) and "id" in one]
    return TextIds(ids) if ids and all(isinstance(one, str) for one in ids) else None
