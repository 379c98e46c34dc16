"""The comparison as a file for people and programs: Markdown, LaTeX, CSV, JSON, Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pandas as pd

from cvbench.report.frame import to_frame
from cvbench.report.sources import Source, all_records
from cvbench.report.table import tables
from cvbench.report.timm_columns import COLUMNS, timm_row

WORDS: Final = ("model", "data", "status")
"""Columns of text: aligned left."""


def markdown(sources: Sequence[Source]) -> bytes:
    """A table a task, as GitHub shows them, and the runs below."""
    parts = []
    for task, table in tables(all_records(sources)).items():
        rules = [":---" if name in WORDS else "---:" for name in table.columns]
        rows = [list(table.columns), rules, *table.to_numpy().tolist()]
        parts += [f"### {task}\n\n", *(f"| {' | '.join(map(_in_markdown, row))} |\n" for row in rows), "\n"]
    parts += [f"- {_in_markdown(line)}\n" for line in origins(sources)]
    return "".join(parts).encode()


def latex(sources: Sequence[Source]) -> bytes:
    """A `tabular` a task, for the package booktabs; where it comes from stands in comments."""
    parts = [f"% {line}\n" for line in origins(sources)]
    for task, table in tables(all_records(sources)).items():
        form = "".join("l" if name in WORDS else "r" for name in table.columns)
        header, *rows = [list(table.columns), *table.to_numpy().tolist()]
        lines = [f"{' & '.join(map(_in_latex, row))} \\\\\n" for row in (header, *rows)]
        parts += [
            f"\n% {task}; needs \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{form}}}\n\\toprule\n",
            lines[0],
            "\\midrule\n",
            *lines[1:],
            "\\bottomrule\n\\end{tabular}\n",
        ]
    return "".join(parts).encode()


def csv(sources: Sequence[Source]) -> bytes:
    """A row a cell: first timm's columns in timm's units, then ours in seconds, bytes and fractions.

    Of ours, `model` is called `title`, and `top1` and `top5` are called `top1_fraction` and so on, since
    timm's have percents.
    """
    own = wide_frame(sources).rename(columns=_renamed)
    timm = pd.DataFrame([timm_row(r) for r in all_records(sources)], columns=list(COLUMNS))
    return pd.concat([timm, own], axis=1).to_csv(index=False).encode()


def as_json(sources: Sequence[Source]) -> bytes:
    """One document: each run as it was described, and all its records as they are kept."""
    runs = [
        {"run": source.about, "records": [record.model_dump(mode="json") for record in source.records]}
        for source in sources
    ]
    return json.dumps({"runs": runs}, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def parquet(sources: Sequence[Source]) -> bytes:
    """`to_frame` with a column `run`."""
    file = io.BytesIO()
    wide_frame(sources).to_parquet(file, index=False)
    return file.getvalue()


FORMATS: Final[Mapping[str, Callable[[Sequence[Source]], bytes]]] = {
    ".md": markdown,
    ".csv": csv,
    ".tex": latex,
    ".json": as_json,
    ".parquet": parquet,
}
"""The end of a file's name → what it will hold."""


def wide_frame(sources: Sequence[Source]) -> pd.DataFrame:
    """A row a cell of any run, with the run's name in front."""
    frame = to_frame(all_records(sources))
    frame.insert(0, "run", [source.name for source in sources for _ in source.records])
    return frame


def origins(sources: Sequence[Source]) -> list[str]:
    """A line a run: which, when, on what."""
    lines = []
    for source in sources:
        hard = source.about.get("environment", {}).get("hard", {})
        machine = hard.get("gpu") or hard.get("cpu") or "an unknown machine"
        software = f"torch {hard.get('torch')}, cvbench {hard.get('cvbench')}"
        lines.append(
            f"{source.name}, begun {source.about.get('created')}, on {machine}, {software}".replace("\n", " ")
        )
    return lines


def _renamed(name: str) -> str:
    if name == "model":
        return "title"
    figure, slash, rest = name.partition("/")
    return f"{figure}_fraction{slash}{rest}" if figure in ("top1", "top5") else name


_MARKDOWN: Final = str.maketrans(
    {"|": r"\|", "<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " ", "\r": " "}
    | {c: f"\\{c}" for c in "\\`*_[]"}
)
_LATEX: Final = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "µ": r"$\mu$"}
    | {"\n": " ", "\r": " "}
)


def _in_markdown(text: str) -> str:
    return text.translate(_MARKDOWN)


def _in_latex(text: str) -> str:
    return text.translate(_LATEX)
