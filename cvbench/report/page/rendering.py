"""Writes a page down: templates that escape by themselves, and a policy that forbids all else.

The browser is told to load nothing, and to run only the one script and the one style that stand in the
page, known by their hashes: what a name or a message from a file holds can neither run nor fetch.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from types import MappingProxyType

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from cvbench.report.page.building import page_of
from cvbench.report.page.flipped import Opened
from cvbench.report.sources import Source

_HERE = "cvbench.report.page"


def html_page(
    sources: Sequence[Source],
    *,
    differences: pd.DataFrame | None = None,
    why_none: str = "this page was not asked to compare; see cvbench compare",
    with_pictures: bool = True,
    opened: Opened = MappingProxyType({}),
) -> bytes:
    """The page of some runs; of several, with the images that changed between the first and the others.

    `differences` is a table of words with a column `verdict`, as `compare` words them; without it the page
    says why there is none.
    """
    page = page_of(
        sources, differences=differences, why_none=why_none, with_pictures=with_pictures, opened=opened
    )
    return rendered("page.html.j2", page=page)


def rendered(template: str, **content: object) -> bytes:
    """A template with its style and script put in, and the policy that names them."""
    style, script = _text("style.css"), _text("script.js")
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
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = _short
    # Ours, and without a closing tag: the only text that is not escaped.
    own = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    return environment.get_template(template).render(policy=policy, **own, **content).encode()


def _short(number: float, digits: int = 6) -> str:
    """A number without the digits that nobody sees: 236.0 is 236.

    >>> _short(236.0), _short(0.10000000000000009)
    ('236', '0.1')
    """
    return f"{number:.{digits}g}"


def _text(name: str) -> str:
    return files(_HERE).joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
