"""No two public classes of the package have one name: who reads a name knows which class it is."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import cvbench

PACKAGE = Path(cvbench.__file__).parent


def twice_defined(files: Iterable[Path]) -> dict[str, list[str]]:
    """Public classes at the top of a module that several modules define, with their files."""
    places = defaultdict(list)
    for file in sorted(files):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(file.name)
    return {name: found for name, found in places.items() if len(found) > 1}


def test_no_two_public_classes_have_one_name():
    assert twice_defined(PACKAGE.rglob("*.py")) == {}


def test_a_second_class_of_one_name_would_be_found(tmp_path):
    (tmp_path / "a.py").write_text("class Found: ...\nclass _Own: ...\n")
    (tmp_path / "b.py").write_text("class Found: ...\nclass _Own: ...\nclass Other: ...\n")
    assert twice_defined(tmp_path.glob("*.py")) == {"Found": ["a.py", "b.py"]}
