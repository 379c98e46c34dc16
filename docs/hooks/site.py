"""Events of MkDocs: add generated pages, link outside `docs/`, draw the layers, refuse network resources."""

from __future__ import annotations

import html
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import reference

_LINK = re.compile(r"(\]\()((?:\.\./)+[^)\s#]+)(#[^)\s]*)?(\))")
_MERMAID = re.compile(r"```mermaid\n(.*?)```\n", re.DOTALL)
_CARDS = re.compile(r"<!-- cards: (\w+) -->\n")
_ASKING = r'data-md-component="?source\b"?'
_LOADED = re.compile(
    _ASKING + r"|<(?:script|img|iframe|source)\b[^>]*\ssrc=\"?(?:https?:)?//"
    r"|<link\b[^>]*rel=\"?(?:stylesheet|preconnect|icon)\"?[^>]*href=\"?(?:https?:)?//"
    r"|<link\b[^>]*href=\"?(?:https?:)?//[^>]*rel=\"?(?:stylesheet|preconnect|icon)"
)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are generated."""
    for path, text in reference.pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:  # noqa: ARG001 - named by MkDocs
    """Insert cards, draw Mermaid's chains, and lead links out of `docs/` to the repository."""
    folder = posixpath.dirname(page.file.src_uri)

    def led(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, found[2]))
        if target.startswith("docs/"):
            return found[0]
        return f"{found[1]}{config.repo_url}/blob/main/{target}{found[3] or ''}{found[4]}"

    markdown = _CARDS.sub(lambda found: reference.cards(found[1]), markdown)
    markdown = _MERMAID.sub(lambda found: stacked(found[1]), markdown)
    return _LINK.sub(led, markdown)


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001 - named by MkDocs
    """Drop the repository's stars and release, which the theme asks GitHub for when a page opens."""
    return re.sub(r"\s" + _ASKING, "", output)


def on_post_template(output_content: str, template_name: str, config: Any) -> str:
    """The same for pages without Markdown, such as the page of a wrong address."""
    return on_post_page(output_content, template_name, config)


def stacked(chart: str) -> str:
    """A chain of boxes, as Mermaid has it, as a list from the top down: no script has to draw it."""
    boxes = re.findall(r'^\s*\w+\["(.*?)"\]$', chart, re.MULTILINE)
    rows = "".join(f"<li>{html.escape(box)}</li>" for box in boxes)
    return f'<ol class="layers">{rows}</ol>\n'


def on_post_build(config: Any) -> None:
    """Fail if a page would load anything from the network: the site is read offline."""
    site = Path(config.site_dir)
    loading = [
        f"{path.relative_to(site)}: {found[0][:120]}"
        for path in sorted(site.rglob("*.html"))
        for found in _LOADED.finditer(path.read_text(encoding="utf-8"))
    ]
    if loading:
        raise PluginError("These pages load from the network:\n" + "\n".join(loading[:10]))
