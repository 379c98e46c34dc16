"""The first sentences of a page: what was compared, and which model is best at what price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cvbench.compare.seeds import is_untrained, titles
from cvbench.record import Measurement
from cvbench.report.page.tradeoffs import rank_of
from cvbench.report.page.views import PageRecord, Winner, shown, words
from cvbench.report.seeds import SeedRow, table_rows
from cvbench.units import show_count


class _Entry(NamedTuple):
    title: str
    href: str
    row: SeedRow
    quality: Measurement
    latency: Measurement | None


def winners(cells: Sequence[PageRecord], primary: str, *, separate: bool) -> list[Winner]:
    """One sentence per dataset; none for a dataset on which no trained model has the primary metric.

    Cells that differ only in their seed are one entry, unless `separate`.
    """
    found = table_rows([one.record for one in cells], separate=separate)
    named = titles([row.record for row, _ in found], shown=("data",))
    several = len({one.source.name for one in cells}) > 1
    by_data: dict[str, list[_Entry]] = {}
    without: dict[str, int] = {}
    for (row, place), title in zip(found, named, strict=True):
        data, quality = row.record.cell.data.name, row.record.measurement(primary)
        if quality is None or quality.value is None or is_untrained(row.record):
            without[data] = without.get(data, 0) + 1
            continue
        latency = row.record.measurement("latency_p50")
        known = latency if latency is not None and latency.value is not None else None
        shown_title = f"{title} ({cells[place].source.name})" if several else title
        entry = _Entry(shown_title, f"#cell-{cells[place].anchor}", row, quality, known)
        by_data.setdefault(data, []).append(entry)
    return [_winner(data, entries, without.get(data, 0)) for data, entries in by_data.items()]


def _winner(data: str, entries: Sequence[_Entry], without: int) -> Winner:
    sign = -1 if entries[0].quality.direction == "lower" else 1
    best = max(entries, key=lambda entry: sign * (entry.quality.value or 0.0))
    name, value = best.quality.name, _with_uncertainty(best.row, best.quality)
    if len(entries) == 1 and not without:
        return Winner("", best.title, best.href, f" on {data}: {name} {value}{_price(best)}.")
    noun = "model" if len({entry.row.record.cell.model.name for entry in entries}) == len(entries) else "cell"
    counted = f"{len(entries)} {noun}{'s' if len(entries) > 1 else ''} on {data}"
    counted += f" ({without} more without a value)" if without else ""
    if len(entries) == 1:
        return Winner(f"{counted}: ", best.title, best.href, f" has {name} {value}{_price(best)}.")
    text = f" has the best {name}, {value}{_price(best)}{_rivals(best, entries)}."
    return Winner(f"{counted}: ", best.title, best.href, text)


def _with_uncertainty(row: SeedRow, measured: Measurement) -> str:
    text = shown(measured)
    deviation = row.deviation(measured)
    if deviation is not None:
        return f"{text.text} (± {words(deviation, measured.unit)} over {len(row.seeds)} seeds)"
    if not text.note:
        return text.text
    return f"{text.text} ({'95 % interval ' if measured.unit == 'fraction' else ''}{text.note})"


def _price(entry: _Entry) -> str:
    """Its latency, or its multiply-accumulates where no latency was measured."""
    if entry.latency is not None:
        return f", at a median latency of {_with_uncertainty(entry.row, entry.latency)}"
    artifact = entry.row.record.artifact
    return f", at {show_count(artifact.macs)} MACs" if artifact is not None and artifact.macs else ""


def _rivals(best: _Entry, entries: Sequence[_Entry]) -> str:
    """The cells whose intervals overlap with the best one's, and the fastest of them."""
    ranks = rank_of([entry.quality for entry in entries])
    tied = [e for e, rank in zip(entries, ranks, strict=True) if rank == 1 and e is not best]
    if not tied:
        return "; significantly better than the others" if len(entries) > 2 else "; significantly better"
    if len(tied) == 1:
        return f"; {tied[0].title}{_at(tied[0])} is not significantly worse"
    several = f"; {len(tied)} others are not significantly worse"
    timed = [e for e in (*tied, best) if e.latency is not None]
    fastest = min(timed, key=lambda e: (e.latency and e.latency.value) or 0.0, default=best)
    return several if fastest is best else f"{several}, the fastest of them {fastest.title}{_at(fastest)}"


def _at(entry: _Entry) -> str:
    return f" at {shown(entry.latency).text}" if entry.latency is not None else ""
