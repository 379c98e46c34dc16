"""The comparison as a file: Markdown, LaTeX, CSV, JSON, Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pandas as pd

from cvbench.compare.markdown import escaped, table
from cvbench.errors import inert, printable
from cvbench.record import Artifact, Measurement, Record
from cvbench.report.frame import Source, all_records, to_frame
from cvbench.report.seeds import NOTE
from cvbench.report.table import SEEDS, tables

COLUMNS: Final = (
    "model",
    "top1",
    "top1_err",
    "top5",
    "top5_err",
    "param_count",
    "img_size",
    "crop_pct",
    "interpolation",
    "infer_samples_per_sec",
    "infer_step_time",
    "infer_batch_size",
    "infer_gmacs",
)

Cell = str | int | float | None


def timm_row(record: Record) -> dict[str, Cell]:
    """One row of timm's results tables; None where the record has no value."""
    row: dict[str, Cell] = dict.fromkeys(COLUMNS)
    row["model"] = record.cell.model.name.removeprefix("timm/")
    for name in ("top1", "top5"):
        figure = record.measurement(name)
        if figure is not None and figure.value is not None:
            row[name] = round(100 * figure.value, 3)
            row[f"{name}_err"] = round(100 - 100 * figure.value, 3)
    if record.artifact is not None:
        row |= _artifact(record.artifact)
    fastest = max(_throughputs(record), key=lambda figure: figure.value or 0.0, default=None)
    if fastest is not None and fastest.value:
        batch = int(fastest.at.removeprefix("batch="))
        row["infer_samples_per_sec"] = round(fastest.value, 2)
        row["infer_batch_size"] = batch
        row["infer_step_time"] = round(1000 * batch / fastest.value, 3)
    return row


def _artifact(artifact: Artifact) -> dict[str, Cell]:
    shorter = artifact.preprocessing.get("shorter")
    interpolation = artifact.preprocessing.get("interpolation")
    return {
        "param_count": round(artifact.parameters / 1e6, 2),
        "img_size": artifact.input[1],
        "crop_pct": round(artifact.input[1] / shorter, 3)
        if isinstance(shorter, int | float) and shorter
        else 1.0,
        "interpolation": interpolation if isinstance(interpolation, str) else None,
        "infer_gmacs": round(artifact.macs / 1e9, 4) if artifact.macs is not None else None,
    }


def _throughputs(record: Record) -> list[Measurement]:
    return [
        m for m in record.measurements
        if m.name == "throughput" and m.value is not None and m.at.removeprefix("batch=").isdecimal()
    ]  # fmt: skip


WORDS: Final = ("model", "data", "status")
"""Text columns, aligned left."""


def markdown(sources: Sequence[Source], *, separate: bool = False) -> bytes:
    """One GitHub table per task, and the runs below; seeds are folded unless `separate`."""
    parts = []
    folded = False
    for task, frame in tables(all_records(sources), separate=separate).items():
        folded = folded or SEEDS in frame.columns
        right = set(frame.columns) - set(WORDS)
        parts += [f"### {task}\n\n", table(list(frame.columns), frame.to_numpy().tolist(), right=right), "\n"]
    parts += [f"- {escaped(line)}\n" for line in (*([NOTE] if folded else []), *origins(sources))]
    return "".join(parts).encode()


def latex(sources: Sequence[Source], *, separate: bool = False) -> bytes:
    """One `tabular` per task, for the package booktabs; comments name the runs."""
    parts = [f"% {printable(line)}\n" for line in origins(sources)]
    for task, frame in tables(all_records(sources), separate=separate).items():
        if SEEDS in frame.columns:
            parts.append(f"% {NOTE}\n")
        form = "".join("l" if name in WORDS else "r" for name in frame.columns)
        header, *rows = [list(frame.columns), *frame.to_numpy().tolist()]
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
    """One row per cell: timm's columns in timm's units, then the columns of `to_frame`.

    The latter are in seconds, bytes and fractions. Where names collide, they are renamed: `model` to `title`,
    `top1` to `top1_fraction` and `top5` to `top5_fraction`.
    """
    own = wide_frame(sources).rename(columns=_renamed)
    timm = pd.DataFrame([timm_row(r) for r in all_records(sources)], columns=list(COLUMNS))
    whole = pd.concat([timm, own], axis=1)
    words = whole.select_dtypes(exclude="number").columns
    whole[words] = whole[words].map(inert)
    return whole.rename(columns=inert).to_csv(index=False).encode()


def as_json(sources: Sequence[Source]) -> bytes:
    """One document with each run's description and all its records, as stored."""
    runs = [
        {
            "run": source.info.model_dump(mode="json"),
            "records": [record.model_dump(mode="json") for record in source.records],
        }
        for source in sources
    ]
    return json.dumps({"runs": runs}, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def parquet(sources: Sequence[Source]) -> bytes:
    """`to_frame` with a column `run`."""
    file = io.BytesIO()
    wide_frame(sources).to_parquet(file, index=False)
    return file.getvalue()


TABLES: Final = {".md": markdown, ".tex": latex}
"""Formats for readers, in which seeds are folded."""

FORMATS: Final[Mapping[str, Callable[[Sequence[Source]], bytes]]] = {
    **TABLES,
    ".csv": csv,
    ".json": as_json,
    ".parquet": parquet,
}
"""File suffix → function that returns the content."""


def wide_frame(sources: Sequence[Source]) -> pd.DataFrame:
    """`to_frame` over all runs, with the run's name as the first column."""
    frame = to_frame(all_records(sources))
    frame.insert(0, "run", [source.name for source in sources for _ in source.records])
    return frame


def origins(sources: Sequence[Source]) -> list[str]:
    """One line per run: its name, start, machine and software."""
    lines = []
    for source in sources:
        hard = source.info.environment.hard
        machine = hard.get("gpu") or hard.get("cpu") or "an unknown machine"
        software = f"torch {hard.get('torch')}, cvbench {hard.get('cvbench')}"
        lines.append(
            f"{source.name}, started {source.info.created or '?'}, on {machine}, {software}".replace(
                "\n", " "
            )
        )
    return lines


def _renamed(name: str) -> str:
    if name == "model":
        return "title"
    figure, slash, rest = name.partition("/")
    return f"{figure}_fraction{slash}{rest}" if figure in ("top1", "top5") else name


_LATEX: Final = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$", "µ": r"$\mu$"}
    | {"\n": " ", "\r": " "}
)


def _in_latex(text: str) -> str:
    return printable(text.replace("\n", " ")).translate(_LATEX)
