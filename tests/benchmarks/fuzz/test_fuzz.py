"""A hundred damaged inputs of every reader; thousands are read by `nox -s fuzz`."""

import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from cvbench.cli.main import app
from tests.benchmarks.fuzz import worker
from tests.benchmarks.fuzz.mutating import in_bytes, json_bytes
from tests.benchmarks.fuzz.readers import READERS, Input, load, write_damaged, write_inputs
from tests.benchmarks.fuzz.table import Tally, fuzz

SLOW = ("report", "compare", "check")
"""Commands that take a second each."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    root = tmp_path_factory.mktemp("sound")
    write_inputs(root)
    return root


@pytest.fixture
def caught(monkeypatch):
    """What `worker` catches of commands that are given here."""
    monkeypatch.setattr("cvbench.compare.accuracy.RESAMPLES", 10)
    faults = []
    tell = worker.cli._tell

    def told(error, *, debug):
        code = tell(error, debug=debug)
        if code == worker.cli.BUG:
            faults.append(error)
        return code

    monkeypatch.setattr(worker.cli, "_tell", told)
    return faults


@pytest.mark.filterwarnings("ignore")
def test_damaged_inputs_are_refused_or_read_and_end_no_command_with_a_bug(
    sound, caught, tmp_path, monkeypatch
):
    read = Counter()
    for number in range(300):
        given = write_damaged(sound, tmp_path / str(number), list(READERS), f"default/{number}")
        read[slow := given.command[0] in SLOW] += 1
        if read[slow] > (3 if slow else 100):
            continue
        monkeypatch.chdir(tmp_path / str(number))
        assert worker.fault_of(given, caught) is None, (number, given)


@pytest.mark.full
def test_the_sound_inputs_are_read(sound, tmp_path, monkeypatch):
    done = {}
    for name, reader in READERS.items():
        monkeypatch.chdir(sound / reader.folder)
        for command in reader.commands:
            if command in done or (command[0] in SLOW and name != "record"):
                continue
            if command[0] == "load":
                done[command] = load(Path(command[1])) == ""
            else:
                done[command] = CliRunner().invoke(app, list(command)).exit_code in (0, 4)
    assert [key for key, fine in done.items() if not fine] == []


def test_a_traceback_is_found_with_its_place(sound, caught, tmp_path, monkeypatch):
    """The twin of the tests above: a reader that does not check."""
    monkeypatch.chdir(tmp_path)

    def raises(self, suite=None):
        raise IndexError

    monkeypatch.setattr("cvbench.store.Store.runs", raises)
    fault = worker.fault_of(Input("record", ("list", "runs")), caught)
    assert (fault["kind"], fault["type"]) == ("traceback", "IndexError")
    assert fault["place"].startswith("cvbench/cli/")


def test_a_seed_gives_the_same_input_again(sound, tmp_path):
    for part in "ab":
        write_damaged(sound, tmp_path / part, ["record"], "7/7")
    files = [
        sorted(p.relative_to(tmp_path / part) for p in (tmp_path / part).rglob("*.json")) for part in "ab"
    ]
    assert files[0] == files[1]
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files[0])


def test_damage_differs_from_draw_to_draw():
    whole = b'{"a": [1, 2, {"b": "c"}], "d": null}'
    for mutate in (in_bytes, json_bytes):
        assert len({mutate(whole, Random(n)) for n in range(50)}) > 25


def test_the_table_counts_by_reader_and_names_each_fault_once():
    tally = Tally()
    tally.inputs["suite"] = 3
    tally.faults["suite", "traceback", "KeyError", "cvbench/x.py:1 in f"] = [4, 9]
    lines = tally.table().splitlines()
    assert lines[1].split() == ["suite", "3", "2", "0", "0", "0"]
    assert lines[-1] == "traceback: suite: KeyError at cvbench/x.py:1 in f  x2, first 4"


@pytest.mark.full
def test_a_hang_and_a_death_are_counted_and_the_rest_is_read(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "import sys\n"
        "if 'tests.benchmarks.fuzz.worker' in ' '.join(sys.orig_argv):\n"
        "    import cvbench.models.weights.loading as loading\n"
        "    def load_weights(model, path, *, by_position=False):\n"
        "        number = Path.cwd().name\n"
        "        if number == '1': time.sleep(60)\n"
        "        if number == '2': os._exit(9)\n"
        "    loading.load_weights = load_weights\n"
    )
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    monkeypatch.setattr("tests.benchmarks.fuzz.table.MOST_S", 2.0)
    tally = fuzz(4, "0", ["weights"], None)
    assert tally.inputs["weights"] == 4
    assert sorted(kind for _, kind, *_ in tally.faults) == ["death", "hang"]
