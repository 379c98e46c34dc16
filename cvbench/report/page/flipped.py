"""Changed predictions: images on which one run is better or worse than another, with both predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from cvbench.compare.changed_images import SURE, Flip, Flipped, flipped
from cvbench.compare.comparison import pair_up
from cvbench.compare.seeds import titles
from cvbench.errors import StoreError
from cvbench.record import Record
from cvbench.report.frame import Source
from cvbench.report.page.pictures import COARSE, address_of, boxes_of, map_classes, map_of
from cvbench.report.page.views import FlippedView, Pane, Picture
from cvbench.store import StoredFile

FEW: Final = 8
"""Images shown per cell, the worst first."""
MOST_OF_A_CELL: Final = 60_000

Side: TypeAlias = tuple[Source, Record]


class Thumbnail(NamedTuple):
    """A small version of an image, with the size of the original."""

    width: int
    height: int
    picture: bytes


Opened: TypeAlias = Mapping[str, Mapping[str, Thumbnail]]
"""Key of the first run's cell → id → image, as read from the dataset."""


def flipped_views(sources: Sequence[Source], *, opened: Opened, most_bytes: int) -> list[FlippedView]:
    """One view per cell that the first run and a later one have in common, if its predictions changed.

    Images come from `opened`, or from the worst images that either run stored.
    """
    first, *others = sources
    pairs = [
        ((first, a), (other, b)) for other in others for a, b in pair_up(first.records, other.records).both
    ]
    shown = [pair for pair in pairs if pair[0][1].key in opened or any(map(_has_pictures, pair))]
    share = min(most_bytes // max(len(shown), 1), MOST_OF_A_CELL)
    views = []
    named = titles([a[1] for a, _ in shown])
    for number, ((a, b), name) in enumerate(zip(shown, named, strict=True)):
        try:
            found = flipped(((a[0].run, a[1]), (b[0].run, b[1])))
            if found is None or not found.flips:
                continue
            drawn = _Drawing((a, b), found, opened.get(a[1].key, {}), f"flip-{number}")
            pictures = drawn.pictures(share)
        except StoreError as error:
            a[0].set_aside(a[1], error)
            continue
        title = name + (f", {b[0].name}" if len(others) > 1 else "")
        classes = map_classes(*a) or map_classes(*b)
        views.append(FlippedView(title, str(found), pictures, classes if pictures else ()))
    return views


def _has_pictures(side: Side) -> bool:
    return any(item.kind == "pictures" for item in side[1].attachments)


class _Drawing:
    """Draws the changed predictions of one cell."""

    def __init__(
        self, sides: tuple[Side, Side], found: Flipped, opened: Mapping[str, Thumbnail], name: str
    ) -> None:
        self.found, self.opened, self.name = found, opened, name
        self.kept = tuple(_kept_pictures(*side) for side in sides)

    def pictures(self, most_bytes: int) -> list[Picture]:
        """Images that are available, the worst first, as many as fit into `most_bytes`."""
        drawn, size, few = list[Picture](), 0, max(FEW, len(self.opened))
        for flip in self.found.worst:
            shown = self.opened.get(flip.id) or self._kept(flip.id)
            if shown is None or len(drawn) == few:
                continue
            picture = self._picture(flip, shown)
            size += picture.size
            if size > most_bytes:
                break
            drawn.append(picture)
        return drawn

    def _kept(self, name: str) -> Thumbnail | None:
        kept = self.kept[0].get(name) or self.kept[1].get(name)
        return None if kept is None else Thumbnail(*(kept.row[part] for part in Thumbnail._fields))

    def _picture(self, flip: Flip, shown: Thumbnail) -> Picture:
        address, table = address_of(shown.picture), self.found.kept.a
        if "true_label" in table.column_names:
            panes, caption = self._objects(flip, address), f"before {flip.before}; now {flip.now}"
        elif "label" in table.column_names:
            label, names = table.column("label")[flip.row].as_py(), self.found.classes
            true = names[label] if label < len(names) else str(label)
            panes, caption = [Pane("image", address)], f"{true}: before {flip.before}, now {flip.now}"
        else:
            panes = [Pane("image", address), *self._maps(flip.id)]
            caption = f"correct before: {flip.before}; now {flip.now}"
        return Picture(
            width=shown.width,
            height=shown.height,
            panes=panes,
            id=flip.id,
            caption=caption,
            coarse=max(shown.width, shown.height) <= COARSE,
            anchor=f"{self.name}-{flip.row}" if len(panes) > 1 else "",
        )

    def _objects(self, flip: Flip, address: str) -> list[Pane]:
        tables = self.found.kept.a, self.found.kept.b
        rows = [_objects_in(table.slice(flip.row, 1).to_pylist()[0]) for table in tables]
        before, now = (boxes_of(row, self.found.classes, SURE)[0] for row in rows)
        return [Pane("before", address, before), Pane("now", "", now)]

    def _maps(self, name: str) -> Iterator[Pane]:
        sides = [kept.get(name) for kept in self.kept]
        known = [side for side in sides if side is not None and side.row["map"] is not None]
        if known:
            yield Pane("ground truth", map_of(known[0].row["true_map"], known[0].file))
        for word, side in zip(("before", "now"), sides, strict=True):
            if side is not None and side.row["map"] is not None:
                yield Pane(word, map_of(side.row["map"], side.file))


class _KeptPicture(NamedTuple):
    """An image that a run stored, and the file that holds it."""

    file: StoredFile
    row: dict[str, Any]


def _kept_pictures(source: Source, record: Record) -> dict[str, _KeptPicture]:
    """Id → stored image."""
    files = source.attached(record, "pictures")
    return {row["id"]: _KeptPicture(f.file, row) for f in files for row in f.table.to_pylist()}


def _objects_in(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """One image's per-image result, with boxes as corners."""
    corners = {
        f"{side}corners": outcome[f"{side}corners"]
        if f"{side}corners" in outcome
        else _corners(outcome[f"{side}xywh"])
        for side in ("", "true_")
    }
    return {**outcome, **corners}


def _corners(xywh: Sequence[float]) -> list[float]:
    """(x, y, width, height) as (x1, y1, x2, y2).

    >>> _corners([1.0, 2.0, 3.0, 4.0])
    [1.0, 2.0, 4.0, 6.0]
    """
    boxes = [xywh[n : n + 4] for n in range(0, len(xywh), 4)]
    return [end for x, y, wide, high in boxes for end in (x, y, x + wide, y + high)]
