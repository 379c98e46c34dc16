"""Habit words: what plain technical English has a better term for.

`python -m tests.architecture.words [PATH …]` lists each in Markdown, docstrings, comments, string literals,
suites and YAML; `--count` counts them by file. It exits with 1 if there are any. `nox -s lint` runs it.
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
EACH = (
    "second|image|cell|class|model|row|round|file|line|epoch|batch|step|byte|pixel|process|box|call|run|"
    "split|seed"
)
COUNTED = (
    "images|figures|records?|rows?|joules?|bytes?|FLOPs?|files|lines?|columns?|samples|seconds?|ms|rounds?|one|once|"
    "processes|objects|boxes|detections|calls|cells|points|steps|operations|resamples|pages?|values?|masks?|work"
)
HABITS = {
    r"\btold\b": "reported, shown, listed",
    r"\bstands? (?:in|at|on|there|here|twice|where|beside|once|alone|wherever)\b": "is in, is listed, is",
    r"\blies? (?:here|there|ready)\b": "is here, is ready",
    r"\blies? (?:in|under) (?:the |its |a |their )?(?:folder|file|cache|run|home)\b": "is stored in",
    r"\bcomes? to\b(?! (?:an? )?(?:end|mind))": "equals, is",
    r"\bheld against\b": "compared with",
    rf"\b(?:{COUNTED}) an? (?:{EACH})\b": "images per second, one record per cell",
    r"(?<!here )\b(?:is|are|was|were) no (?!longer|more\b|less\b|better|worse|other|one\b)\w": "is not a",
    r"\bno (?:\w+ )?any more\b": "became, is no longer",
    r"\bthose (?:that|which|who|of)\b": "name the noun",
    r"\bso many\b": "N",
    r"\banew\b": "again, from the start",
    r"\bby (?:itself|themselves)\b": "automatically, alone",
    r"\bcom(?:e|es|ing) along\b": "bundled",
    r"\bbesides?\b": "next to, also, with",
    r"\bgo(?:es)? on\b": "resumes, continues",
    r"\bat once\b": "immediately, together",
    r"(?<![</])\bfigures?\b": "metric, measurement, value",
    r"\bheadlines?\b": "primary metric",
    r"\bcautions?\b": "warning",
    r"\bpassports?\b": "dataset fingerprint",
    r"\bbeyond doubt\b": "statistically significant",
    r"\bwould (?:have seen|be seen)\b": "minimum detectable effect",
    r"\bloader process(?:es)?\b": "data-loader worker",
    r"\bundecodable\b": "corrupt image",
    r"\bshadowed objects?\b": "objects that share a grid cell with another",
    r"\bby address\b": "by import path",
    r"\bone's own\b": "your own",
    r"(?<![-\w`/.])nets?\b(?![-\w`=(.:/])": "model, network",
    r"\bdrawn order\b": "shuffled order",
    r"\bmachine at best\b": "hardware limit (measured)",
}
"""Pattern → what to write instead."""
BRITISH = {
    r"\bcolour": "color",
    r"\bgrey": "gray",
    r"\bcentre": "center",
    r"\blicences?\b": "license",
    r"\bbehaviour": "behavior",
    r"\bneighbour": "neighbor",
    r"\bfavour": "favor",
    r"\b(?:\w*(?:normal|optim|quant|initial|serial|vector|general|minim|maxim|token|organ|neutral|summar|visual|parallel))"
    r"is(?:e|es|ed|ing|ation|ations)\b": "-ize",
}


class Habit(NamedTuple):
    """A habit word in a text, where it is, and what to write instead."""

    file: str
    line: int
    words: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.words!r}: write {self.instead}"


_PATTERNS = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in (HABITS | BRITISH).items()]
_PROSE = {".md", ".yaml", ".yml", ".cff", ".toml", ".j2", ".html"}
_STORED = "mfu/"
"""How protocol ids begin that records store: these texts cannot change."""
_EXEMPT = ("results/", "tests/")
"""What was measured stays as it was; the names of tests are sentences that only developers read."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of everything that a person reads in the file."""
    content = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield 1, re.sub(r"(`+)(?:(?!\1).|\n)*?\1", lambda code: re.sub(r"[^\n]", "x", code[0]), content)
        return
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def habits_of(path: Path, shown: str) -> Iterator[Habit]:
    """Every habit word of a file."""
    for first, text in texts(path):
        if text.startswith(_STORED):
            continue
        for pattern, instead in _PATTERNS:
            for found in pattern.finditer(text):
                line = first + text.count("\n", 0, found.start())
                yield Habit(shown, line, " ".join(found[0].split()), instead)


def files(paths: list[str]) -> list[str]:
    """The files that git keeps, of these paths, which hold prose."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "--", *paths],
        capture_output=True,
        text=True,
        check=True,
    )
    kept = (name for name in listed.stdout.splitlines() if Path(name).suffix in {".py", *_PROSE})
    return [name for name in kept if not name.startswith(_EXEMPT) and (ROOT / name).is_file()]


def main() -> int:
    """Print what is found; 1 where there is any."""
    parser = argparse.ArgumentParser(description="Habit words, and what to write instead.")
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--count", action="store_true", help="Only how many there are in each file.")
    asked = parser.parse_args()
    found = [habit for name in files(asked.paths) for habit in habits_of(ROOT / name, name)]
    if asked.count:
        for name, number in Counter(habit.file for habit in found).most_common():
            print(f"{number:5} {name}")
    else:
        print(*found, sep="\n")
    print(f"{len(found)} habit words")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
