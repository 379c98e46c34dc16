"""From runs to the page: its content, and the HTML."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from cvbench.errors import printable
from cvbench.record import Scalar
from cvbench.report.frame import Source
from cvbench.report.page.flipped import Opened, flipped_views
from cvbench.report.page.tasks import task_view
from cvbench.report.page.views import Column, Page, Row, RunView, Table, Value, by_task
from cvbench.report.palette import line_styles

PICTURE_BYTES: Final = 1_150_000
"""Most bytes of all cells' pictures together."""
FLIPPED_BYTES: Final = 400_000
"""Most of these bytes for changed predictions between runs."""
MOST_OF_A_CELL: Final = 90_000
OPEN_UP_TO: Final = 4
"""Most cells whose sections are expanded when the page opens."""

_TEXT: Final = ("verdict", "metric", "run", "basis")
"""Columns of the differences that are aligned to the left."""
_GROUPS = {
    "hard": "must be equal to compare speeds",
    "soft": "may affect results",
    "volatile": "at the start of the run",
}


def page_of(
    sources: Sequence[Source],
    *,
    differences: pd.DataFrame | None,
    why_none: str,
    with_pictures: bool,
    opened: Opened,
    separate_seeds: bool = False,
) -> Page:
    """The content of the page."""
    records = [record for source in sources for record in source.records]
    flipped = (
        flipped_views(sources, opened=opened, most_bytes=FLIPPED_BYTES)
        if with_pictures and len(sources) > 1
        else []
    )
    left = PICTURE_BYTES - sum(picture.size for view in flipped for picture in view.pictures)
    share = min(left // max(len(records), 1), MOST_OF_A_CELL) if with_pictures else 0
    return Page(
        title=", ".join(dict.fromkeys(source.info.suite or source.name for source in sources)),
        facts=_facts(sources),
        tasks=[
            task_view(task, cells, picture_bytes=share, separate=separate_seeds)
            for task, cells in by_task(sources).items()
        ],
        runs=[_run_view(source) for source in sources],
        differences=None if differences is None else _differences(differences),
        flipped=flipped,
        not_compared=why_none if differences is None else "",
        open_cells=len(records) <= OPEN_UP_TO,
    )


def _facts(sources: Sequence[Source]) -> list[tuple[str, str]]:
    outcomes = Counter(str(record.outcome) for source in sources for record in source.records)
    counted = ", ".join(f"{n} {word}" for word, n in outcomes.items())
    machines = dict.fromkeys(_machine(_hard(source)) for source in sources)
    software = dict.fromkeys(
        f"cvbench {_hard(s).get('cvbench')}, torch {_hard(s).get('torch')}" for s in sources
    )
    begun = sorted(source.info.created or "?" for source in sources)
    commits = dict.fromkeys(c for s in sources for c in s.info.commits.values() if c)
    return [
        ("cells", f"{outcomes.total()}: {counted}"),
        ("machine", "; ".join(machines)),
        ("software", "; ".join(software)),
        ("started", begun[0] if begun[0] == begun[-1] else f"{begun[0]} to {begun[-1]}"),
        ("commit", "; ".join(commits) or "unknown (the code is not in a git repository)"),
    ]


def _hard(source: Source) -> Mapping[str, Scalar]:
    return source.info.environment.hard


def _machine(hard: Mapping[str, Scalar]) -> str:
    threads = hard.get("cpu_threads")
    return f"{hard.get('gpu') or hard.get('cpu') or 'unknown'}" + (
        f", {threads} thread{'s' if threads != 1 else ''}" if threads else ""
    )


def _run_view(source: Source) -> RunView:
    info = source.info
    known = (("created", info.created), ("source", info.source), ("code_sha256", info.code_sha256))
    facts = [(name, value) for name, value in known if value]
    facts += [(f"commit of {what}", commit) for what, commit in info.commits.items() if commit]
    if info.overrides:
        facts.append(("overrides", " ".join(info.overrides)))
    for group, values in info.environment:
        facts.append(
            (f"{group} ({_GROUPS[group]})", ", ".join(f"{k} {v}" for k, v in values.items()) or "nothing")
        )
    return RunView(source.name, facts, _datasets(source), info.suite_text)


def _datasets(source: Source) -> Table:
    seen = dict.fromkeys(passport for record in source.records for passport in record.passports.values())
    rows = [
        Row("", p.name, "", [
            Value(p.split), Value(f"{p.images:,}"), Value(f"{p.classes:,}"),
            Value(f"{p.objects:,}" if p.objects is not None else "–"), Value(p.sha256[:16], why=p.sha256),
        ])
        for p in seen
    ]  # fmt: skip
    columns = [
        Column("split", numeric=False),
        Column("images"),
        Column("classes"),
        Column("objects"),
        Column("SHA-256", numeric=False),
    ]
    return Table("datasets", columns, rows)


def _differences(frame: pd.DataFrame) -> Table:
    """A table of text; its first column heads the rows, and `verdict` is colored."""
    _, *others = frame.columns
    rows = [
        Row("", str(row[0]), "", [_word(str(name), str(w)) for name, w in zip(others, row[1:], strict=True)])
        for row in frame.itertuples(index=False)
    ]
    return Table(
        "differences",
        [Column(str(name), numeric=name not in _TEXT) for name in others],
        rows,
    )


def _word(column: str, word: str) -> Value:
    return Value(
        word, kind=f"verdict {word.replace('not comparable', 'incomparable')}" if column == "verdict" else ""
    )


_HERE = "cvbench.report.page"


def html_page(
    sources: Sequence[Source],
    *,
    differences: pd.DataFrame | None = None,
    why_none: str = "",
    with_pictures: bool = True,
    opened: Opened = MappingProxyType({}),
    separate_seeds: bool = False,
) -> bytes:
    """The page of some runs, as UTF-8; of several, with the changed predictions since the first one.

    `differences` is a table of text with a column `verdict`, as `compare` prints it. Without it the page
    shows `why_none`, the reason why the runs could not be compared, if there is one.
    """
    page = page_of(
        sources,
        differences=differences,
        why_none=why_none,
        with_pictures=with_pictures,
        opened=opened,
        separate_seeds=separate_seeds,
    )
    return rendered("page.html.j2", page=page)


def rendered(template: str, **content: object) -> bytes:
    """A template as UTF-8, with its style and script inlined and a policy that allows only these."""
    style, script = line_styles() + _text("style.css"), _text("script.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src 'sha256-{_digest(style)}'",
            f"script-src 'sha256-{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    environment = Environment(
        loader=PackageLoader(_HERE),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": _short, "breakable": breakable}
    # Our own files, without a closing tag: the only text that is not escaped.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    return environment.get_template(template).render(policy=policy, **own, **content).encode()


def _visible(value: object) -> object:
    """Text without invisible control characters."""
    return printable(value, lines=True) if type(value) is str else value


def _short(number: float, digits: int = 6) -> str:
    """A number without superfluous digits.

    >>> _short(236.0), _short(0.10000000000000009)
    ('236', '0.1')
    """
    return f"{number:.{digits}g}"


def breakable(name: str) -> Markup:
    """A name as HTML that wraps after separators and before capitals only, not in the middle of a word.

    >>> breakable("timm/vit_small")
    Markup('timm/<wbr>vit_<wbr>small')
    """
    parts = re.split(
        r"(?<=[_/:=])(?=[^_./:=])|(?<=\.)(?=[A-Za-z])|(?<=[a-z]{3})(?=[A-Z])", printable(name, lines=True)
    )
    return Markup("<wbr>").join(escape(part) for part in parts)


def _text(name: str) -> str:
    return files(_HERE).joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
