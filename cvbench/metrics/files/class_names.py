"""Parsing of `--classes`: a number of classes, names, or a file of names."""

from __future__ import annotations

import os
from pathlib import Path

from cvbench.data.annotations.voc import read_text
from cvbench.errors import InputError


def read_class_names(text: str) -> tuple[str, ...]:
    """Class names from a number, from comma-separated names, or from a file with one name per line.

    >>> read_class_names("3"), read_class_names("cat, dog"), read_class_names("cat")
    (('0', '1', '2'), ('cat', 'dog'), ('cat',))
    """
    if text.strip().isdecimal():
        if len(text) > 9 or not 0 < int(text) <= 1 << 20:
            raise InputError(f"--classes {text[:40]}: the number of classes must be from 1 to {1 << 20:,}")
        return tuple(map(str, range(int(text))))
    cut = text if len(text) <= 60 else f"{text[:57]}..."
    if os.path.isfile(text):  # noqa: PTH113, a Path raises where many names are too long for a file name
        names = [line.strip() for line in read_text(Path(text)).splitlines() if line.strip()]
    else:
        names = [name.strip() for name in text.split(",")]
        if len(names) == 1 and ("/" in text or text.endswith((".txt", ".names", ".csv"))):
            raise InputError(f"--classes {cut}: no such file. Give a file with one name per line.")
    seen: set[str] = set()
    for name in names:
        if name in seen or not name:
            raise InputError(f"--classes {cut}: the name {name!r} is listed twice, or is empty")
        seen.add(name)
    if not names:
        raise InputError(f"--classes {cut}: the file is empty. Give a file with one name per line.")
    return tuple(names)
