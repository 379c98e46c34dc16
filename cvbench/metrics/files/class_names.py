"""The classes, as a person names them on the command line."""

from __future__ import annotations

from pathlib import Path

from cvbench.data.annotations.voc import read_text
from cvbench.errors import InputError


def read_class_names(text: str) -> tuple[str, ...]:
    """Names from a number of classes, from names with commas between, or from a file of a name a line.

    >>> read_class_names("3"), read_class_names("cat, dog")
    (('0', '1', '2'), ('cat', 'dog'))
    """
    if text.strip().isdecimal():
        if not 0 < int(text) <= 1 << 20:
            raise InputError(f"--classes {text}: is no number of classes")
        return tuple(map(str, range(int(text))))
    if Path(text).is_file():
        names = [line.strip() for line in read_text(Path(text)).splitlines() if line.strip()]
    else:
        names = [name.strip() for name in text.split(",")]
        if len(names) == 1:
            raise InputError(f"--classes {text}: is no number, no list with commas, and no file")
    repeated = sorted({name for name in names if names.count(name) > 1 or not name})
    if repeated:
        raise InputError(f"--classes {text}: the name {repeated[0]!r} is there twice, or is empty")
    return tuple(names)
