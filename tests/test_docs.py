"""The docs site: every page is in its navigation, and the generated reference leaves nothing out."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cvbench.cli.main import COMMANDS, app
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS
from cvbench.spec.suite import suite_schema

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("docs_reference", ROOT / "docs/hooks/reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named(entry):
    """The pages below an entry of the navigation."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in named(part)]


def test_the_navigation_names_every_page_once(reference):
    written = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted([*written, *reference.PAGES]) == sorted(named(nav))


def test_every_command_is_on_its_page_with_its_options(reference):
    page = reference.cli()
    found = [path.split()[1] for path, _, _ in reference.commands()]
    assert set(found) == set(COMMANDS)
    for path, command, _ in reference.commands():
        section = page.partition(f"## {path}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            assert parameter.param_type_name != "option" or f"<code>{parameter.opts[0]}</code>" in section


def test_every_suite_key_card_and_exit_code_is_on_its_page(reference):
    schema, page = suite_schema(), reference.suite()
    for form in (schema, *schema["$defs"].values()):
        for key in form["properties"]:
            assert f"<code>{key}</code>" in page
    for kind, catalogue in (("models", MODELS), ("datasets", DATASETS), ("metrics", METRICS)):
        page = reference.cards(kind)
        assert all(f"### {name}\n" in page for name in catalogue)
    assert list(reference.codes()) == [0, 1, 2, 3, 4, 5, 70, 130], app.info.epilog


def test_reference_pages_link_only_to_their_sections_and_leave_no_pattern_to_markdown(reference):
    page = reference.suite()
    sections = {line[3:].lower().replace(" ", "-") for line in page.splitlines() if line.startswith("## ")}
    assert set(re.findall(r"\]\(#(.*?)\)", page)) <= sections
    assert not re.search(r"<code>[^<]*[\[\]*][^<]*</code>", page)
    assert "cvbench run SUITE [KEY=VALUE]... [OPTIONS]" in reference.cli()


@pytest.mark.full
def test_the_site_builds_strictly_and_loads_nothing_from_the_network(tmp_path):
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package)
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reference/cli.html").exists()
