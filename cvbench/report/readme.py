"""The generated tables of the docs: `python -m cvbench.report.readme` updates them from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cvbench.compare.markdown import Markup, table
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, ModelCard


def renewed(text: str) -> str:
    """`text` with every table between `<!-- table: NAME -->` and `<!-- end -->` updated."""
    for name, rows in _tables().items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = block.sub(lambda found, rows=rows: f"{found[1]}{rows}{found[2]}", text)  # type: ignore[misc]
    return text


def _tables() -> Mapping[str, str]:
    return {
        "models": table(
            ("model", "task", "parameters", "paper"),
            [(_code(c.name), c.task, _counts(c), _paper(c)) for c in MODELS.values()],
        ),
        "datasets": table(
            ("data set", "tasks", "images", "classes", "license", "what it is"),
            [
                (
                    _code(c.name),
                    ", ".join(c.tasks),
                    " + ".join(map(c.told_split, c.splits)),
                    c.told_classes,
                    c.licence,
                    c.summary,
                )
                for c in DATASETS.values()
            ],
        ),
        "metrics": table(
            ("metric", "task", "values", "protocol"),
            [(_code(c.name), c.task, ", ".join(c.figures), _code(c.protocol)) for c in METRICS.values()],
        ),
    }


def _code(text: str) -> Markup:
    return Markup(f"`{text}`")


def _paper(card: ModelCard) -> Markup:
    return Markup(f"[{card.authors.split(',')[0]} et al. {card.year}]({card.link})")


def _counts(card: ModelCard) -> str:
    return f"{card.parameters[card.usual_classes]:,} at {card.usual_classes} classes"


if __name__ == "__main__":
    for page in sorted(Path("docs/reference").glob("*.md")):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
