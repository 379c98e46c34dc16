"""The tables in README.md that come from the catalogues: `python -m cvbench.report.readme` renews them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, ModelCard


def renewed(text: str) -> str:
    """`text` with every table between `<!-- table: NAME -->` and `<!-- end -->` made anew."""
    for name, table in _tables().items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = block.sub(lambda found, table=table: f"{found[1]}{table}{found[2]}", text)  # type: ignore[misc]
    return text


def _tables() -> Mapping[str, str]:
    return {
        "models": _markdown(
            ("model", "task", "parameters", "paper"),
            [
                (f"`{c.name}`", c.task, _counts(c), f"[{c.authors.split(',')[0]} et al. {c.year}]({c.link})")
                for c in MODELS.values()
            ],
        ),
        "datasets": _markdown(
            ("data set", "tasks", "images", "classes", "licence", "what it is"),
            [
                (
                    f"`{c.name}`",
                    ", ".join(c.tasks),
                    " + ".join(map(c.told_split, c.splits)),
                    c.told_classes,
                    c.licence,
                    c.summary,
                )
                for c in DATASETS.values()
            ],
        ),
        "metrics": _markdown(
            ("metric", "task", "figures", "protocol"),
            [(f"`{c.name}`", c.task, ", ".join(c.figures), f"`{c.protocol}`") for c in METRICS.values()],
        ),
    }


def _counts(card: ModelCard) -> str:
    """The exact count at the number of classes that is usual for the task, else the largest known."""
    usual = {"classification": 1000, "detection": 80, "segmentation": 21}[card.task]
    classes = usual if usual in card.parameters else max(card.parameters)
    return f"{card.parameters[classes]:,} at {classes} classes"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    readme = Path("README.md")
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")
