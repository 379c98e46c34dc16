"""Entries of a JSON file, looked through one by one so that every unsound one is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from jaxtyping import Int64

from cvbench.data.annotations.json import kind_of
from cvbench.data.annotations.problems import Mistakes

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
    path: Path, name: str, entries: Sequence[Any], form: type[msgspec.Struct], mistakes: Mistakes
) -> Entries:
    """Those entries that have the form; every other is a mistake at `name[index]`."""
    sound, places = [], []
    for i, entry in enumerate(entries):
        try:
            sound.append(msgspec.convert(entry, form))
            places.append(i)
        except msgspec.ValidationError as error:
            kind, value = _told(str(error), entry)
            mistakes.add(path, kind, f"{name}[{i}]{value}")
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
