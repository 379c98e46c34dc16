"""Your own modules are found where workers find them, with all that they import from their folder."""

import pytest

from cvbench.errors import UnknownName
from cvbench.spec.catalogue.own_code import find_module, search_path, sources_of


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def names(address, folder):
    return [path.relative_to(folder).as_posix() for path in sources_of(address)]


def test_a_module_of_the_working_folder_is_found_whatever_the_commands_own_path_is(here, monkeypatch):
    folder = here(nets="")
    monkeypatch.setattr("sys.path", [one for one in search_path() if one != str(folder)])
    assert names("nets:net", folder) == ["nets.py"]
    assert search_path()[-1] == str(folder)


def test_what_it_imports_from_its_folder_counts_and_nothing_else(here):
    folder = here(
        nets="import torch, blocks\nfrom heads.linear import head\nimportlib.import_module('late')",
        blocks="import deeper",
        deeper="import blocks",
        heads__linear="from . import other",
        heads__other="",
        late="",
        unused="",
    )
    assert names("nets:net", folder) == [
        "blocks.py",
        "deeper.py",
        "heads/linear.py",
        "heads/other.py",
        "late.py",
        "nets.py",
    ]


def test_a_module_below_a_package_brings_the_whole_package(here):
    folder = here(mine__nets="", mine__blocks="")
    (folder / "mine/__init__.py").touch()
    assert names("mine.nets:net", folder) == ["mine/__init__.py", "mine/blocks.py", "mine/nets.py"]


def test_a_module_that_no_worker_would_find_is_refused(here):
    folder = here(nets="")
    for address in ("absent:net", "nets.below:net"):
        with pytest.raises(UnknownName, match=rf"(?s){address}: .* find no module .*folder is {folder}"):
            sources_of(address)


def test_a_file_in_the_working_folder_does_not_stand_in_for_a_library(here):
    folder = here(json="", torch="")
    for library in ("json", "torch"):
        assert not find_module(library).origin.startswith(str(folder))


def test_cvbenchs_own_code_is_counted_elsewhere():
    assert sources_of("cvbench.models.resnet:resnet18") == []
