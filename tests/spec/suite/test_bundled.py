"""Suites by name: a path, then `suites/`, then the bundled ones."""

import pytest

from cvbench.errors import SuiteError
from cvbench.spec.suite import find_suite, load_suite, suites
from cvbench.spec.suite.bundled import bundled_folder

MINE = "schema: 1\ndata: fashion\ntrain: {epochs: 1}\nmodels: [resnet18]\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_bundled_suite_loads_by_its_name_in_an_empty_folder():
    names = [name for name, _, bundled in suites() if bundled]
    assert "quickstart" in names
    for name in names:
        suite = load_suite(name)
        assert (suite.name, suite.source) == (name, name)


def test_a_local_suite_wins_over_a_bundled_one_of_its_name(folder):
    (folder / "suites").mkdir()
    (folder / "suites/quickstart.yaml").write_text(MINE)
    assert load_suite("quickstart").source == "suites/quickstart.yaml"
    assert [bundled for name, _, bundled in suites() if name == "quickstart"] == [False]


def test_a_file_of_that_very_name_wins_over_both(folder):
    (folder / "quickstart").write_text(MINE)
    assert len(load_suite("quickstart").cells) == 1


def test_a_path_is_never_taken_for_a_name():
    assert find_suite("elsewhere/quickstart").parent.name == "elsewhere"
    with pytest.raises(SuiteError, match=r"suites/quickstart\.yaml: there is no such file"):
        load_suite("suites/quickstart.yaml")


def test_a_name_that_is_nearly_one_is_answered_with_it():
    with pytest.raises(SuiteError, match="quickstart"):
        load_suite("quikstart")


def test_an_installed_package_has_its_suites_inside(monkeypatch, tmp_path):
    package = tmp_path / "site/cvbench"
    (package / "suites").mkdir(parents=True)
    monkeypatch.setattr("cvbench.spec.suite.bundled.__file__", str(package / "spec/suite/bundled.py"))
    assert bundled_folder() == package / "suites"
