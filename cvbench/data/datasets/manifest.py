"""The hash in the fingerprint of a dataset of files: cheap enough for every run, strict enough for copies.

Rule `manifest/1`: the SHA-256 of

    a line of JSON: the rule, the task, the class names in label order, and everything else that decides the
        truth (such as the hash of the whole annotation file)
    then, for each sample in order: its id, NUL, the bytes of its image file, NUL, its truth, newline

It covers the order, the ids, all truth, and the size of every image file, but not the pixels: resized or
re-encoded images have other sizes, but a flipped bit is not found. `cvbench data verify` reads every byte,
and reports the SHA-256 of all image files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from cvbench.data.datasets.image_files import Pictures
from cvbench.record import Passport
from cvbench.spec.cell import TaskName

RULE: Final = "manifest/1"


class Manifest(NamedTuple):
    """The content of a dataset of files."""

    task: TaskName
    classes: tuple[str, ...]
    ids: Iterable[str]
    pictures: Pictures
    truths: Iterable[object]
    """The truth of each image, as text."""
    decided_by: Mapping[str, Any]
    """Other settings that decide the truth."""
    objects: int | None = None

    def passport(self, name: str, split: str) -> Passport:
        """The fingerprint, with the hash of rule `manifest/1`."""
        return Passport(
            name=name,
            split=split,
            images=len(self.pictures),
            classes=len(self.classes),
            objects=self.objects,
            sha256=self.sha256(),
            rule=RULE,
        )

    def sha256(self) -> str:
        """The hash of rule `manifest/1`."""
        head = {"rule": RULE, "task": self.task, "classes": self.classes, **self.decided_by}
        total = hashlib.sha256(json.dumps(head, sort_keys=True).encode() + b"\n")
        rows = zip(self.ids, self.pictures.sizes.tolist(), self.truths, strict=True)
        lines = (f"{one}\0{size}\0{truth}\n" for one, size, truth in rows)
        while some := list(islice(lines, 4096)):
            total.update("".join(some).encode("utf-8", "surrogateescape"))
        return total.hexdigest()
