"""The constraints of the test environment: every dependency is in them, with hashes and without addresses."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "tests/constraints.txt").read_text(encoding="utf-8")
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def names(requirements):
    found = (re.match(r"[A-Za-z0-9._-]+", one)[0] for one in requirements if isinstance(one, str))
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found} - {"cvbench"}


def test_every_dependency_of_the_tests_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *groups["test"], *groups["check"]]
    wanted += [*extras["onnx"], *extras["openvino"]]
    pinned = {name for name, _ in PINNED.findall(TEXT)}
    assert names(wanted) <= pinned, "renew: see CONTRIBUTING.md"


def test_every_pin_has_hashes_and_nothing_has_an_address():
    entries = re.split(r"\n(?=\S)", TEXT.strip())
    assert len(entries) > 50
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in TEXT
    assert "--index" not in TEXT
