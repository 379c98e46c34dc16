"""JSON files that somebody else wrote: decoded fast where they are sound, and slowly to say what is not.

`msgspec` decodes half a million detections into typed objects in less time than other decoders need
for dictionaries, and checks every field on the way. It stops at the first thing that is wrong. So a
file that it refuses is decoded again by the standard library, which takes NaN for a number too, and
looked through entry by entry.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Sequence
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
    """The content of a file; raises InputError where there is none to be had."""
    try:
        return read_regular(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def decode_typed(decoder: msgspec.json.Decoder[T], content: bytes) -> T | None:
    """The decoder's objects, or None where it refuses the content."""
    with _no_collection():
        try:
            return decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a ValidationError is one too
            return None


def decode_plain(path: Path, content: bytes) -> Any:
    """Dictionaries, lists, strings and numbers; raises InputError where the content is not JSON."""
    with _no_collection():
        try:
            return json.loads(content)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            if not content.strip():
                raise InputError(f"{path}: the file is empty") from error
            if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
                raise InputError(f"{path}: not JSON: the file ends too early ({place})") from error
            raise InputError(f"{path}: not JSON: {error.msg} ({place})") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not JSON: byte {error.start} is no text") from error
        except RecursionError as error:
            raise InputError(f"{path}: it is nested too deeply") from error
        except ValueError as error:  # whole numbers of thousands of digits
            raise InputError(f"{path}: a number in it has too many digits") from error


def kind_of(value: object) -> str:
    """What JSON calls a value."""
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the garbage collector, which would visit millions of new objects again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


Id: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that an array can hold."""


class Entries(NamedTuple):
    """The sound entries of a list, and where in the file each stands."""

    sound: list[Any]
    place: Int64[np.ndarray, " n"]


def every_entry(entries: list[Any]) -> Entries:
    """All of them: what a decoder accepted is sound."""
    return Entries(entries, np.arange(len(entries)))


def sound_entries(
    path: Path, name: str, entries: Sequence[Any], form: type[msgspec.Struct], problems: Problems
) -> Entries:
    """Those entries that have the form; every other is a mistake at `name[index]`."""
    sound, places = [], []
    for i, entry in enumerate(entries):
        try:
            sound.append(msgspec.convert(entry, form))
            places.append(i)
        except msgspec.ValidationError as error:
            kind, value = _told(str(error), entry)
            problems.add(path, kind, f"{name}[{i}]{value}")
    return Entries(sound, np.array(places, np.int64))


def _told(message: str, entry: Any) -> tuple[str, str]:
    """What is wrong with an entry, and the value that is, from the decoder's message."""
    lacking = re.match(r"Object missing required field `(\w+)`(?: - at `\$\.(\w+)`)?", message)
    if lacking is not None:
        return f"no {lacking[1]}" + (f" in a {lacking[2]}" if lacking[2] else ""), ""
    expected, _, path = message.partition(" - at `$")
    steps = re.findall(r"\w+|\.\.\.", path)
    value = entry
    for step in steps:
        if step == "...":  # the decoder does not say which one of a list
            break
        value = value[int(step) if isinstance(value, list) else step]
    said = expected.replace("`", "").replace("Expected ", "expected ")
    return f"{steps[0] if steps else 'entry'}: {said}", f": {_short(value)}"


def _short(value: Any) -> str:
    """A value as a line can show it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{kind_of(value)} that begins {text[:40]}"
