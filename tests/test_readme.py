from pathlib import Path

import pytest

from cvbench.report.readme import renewed

README = Path(__file__).parents[1] / "README.md"
TABLES = README.parent / "docs/reference"


@pytest.mark.parametrize("name", ["models", "datasets", "metrics"])
def test_the_tables_are_those_of_the_catalogues(name):
    text = (TABLES / f"{name}.md").read_text(encoding="utf-8")
    assert f"<!-- table: {name} -->" in text
    assert text == renewed(text), "run: uv run python -m cvbench.report.readme"


def test_a_table_that_drifted_would_be_noticed():
    text = (TABLES / "models.md").read_text(encoding="utf-8").replace("11,689,512", "11,689,513")
    assert text != renewed(text)


def test_the_commands_of_the_first_page_are_those_of_the_gate():
    gate = (README.parent / ".ci" / "run").read_text(encoding="utf-8")
    command = "pip install uv && uv run nox -s tests"
    assert command in README.read_text(encoding="utf-8")
    assert command in gate
