"""Records: whole, explained, and readable for ever."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cvbench.record import SCHEMA, Measurement, Record
from cvbench.spec.canonical import canonical
from cvbench.store import read_record

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("records-*/*.json"))
FILES_OF_TODAY = [file for file in FILES if file.parent.name == f"records-{SCHEMA}"]
OK = json.loads((GOLDEN / "records-1/ok.json").read_text(encoding="utf-8"))


def figure(**parts):
    whole = {"name": "AP", "value": 0.5, "unit": "fraction", "direction": "higher", "protocol": "coco"}
    return Measurement(**{**whole, **parts})


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_record_of_every_past_form_is_read(file):
    record = read_record(file)
    assert record.key == record.cell.key


@pytest.mark.parametrize("file", FILES_OF_TODAY, ids=lambda file: file.stem)
def test_a_record_of_the_present_form_is_written_with_all_that_was_read_and_nothing_else_set(file):
    # A field that came later may stand there unset; whatever the file says, it says again.
    written = json.loads(read_record(file).model_dump_json())
    read = json.loads(file.read_text(encoding="utf-8"))
    assert canonical(written) == canonical(read)


def test_what_a_later_field_sets_is_seen_beside_an_old_record():
    written = json.loads(read_record(GOLDEN / "records-1/ok.json").model_dump_json())
    written["cell"]["train"]["sizes"] = [96, 160]
    assert canonical(written) != canonical(OK)


def test_every_past_form_has_golden_records():
    assert {file.parent.name for file in FILES} == {f"records-{form}" for form in range(1, SCHEMA + 1)}


def test_the_golden_record_says_what_was_measured():
    record = Record.model_validate(OK)
    top1 = record.measurement("top1")
    assert top1 is not None
    assert (top1.value, top1.interval, top1.n) == (0.8425, (0.8258, 0.858), 2000)
    assert [(part.name, part.value) for part in top1.parts] == [("bag", 0.95), ("shirt", None)]


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("throughput", None, 412.5),
        ("throughput", "batch=32", 412.5),
        ("throughput", "batch=1", None),
        ("AP", None, None),
    ],
)
def test_a_measurement_is_found_by_its_name_and_condition(name, at, value):
    found = Record.model_validate(OK).measurement(name, at)
    assert (found.value if found else None) == value


@given(st.floats(-1e100, 1e100), st.text(min_size=1))
def test_a_measurement_is_read_as_it_was_written(value, text):
    one = figure(value=value, interval=(value, value), protocol=text)
    assert Measurement.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"value": None}, "give a value, or the reason why it is missing"),
        ({"missing": "lost"}, "give a value, or the reason why it is missing"),
        ({"interval": (0.6, 0.4)}, "runs backwards"),
        ({"value": float("nan")}, "finite"),
        ({"value": float("inf")}, "finite"),
        ({"interval": (0.1, float("inf"))}, "finite"),
        ({"direction": "up"}, "direction"),
        ({"units": "s"}, "units"),
    ],
)
def test_a_measurement_that_cannot_stand_alone_is_refused(parts, message):
    with pytest.raises(ValidationError, match=message):
        figure(**parts)


def test_a_missing_figure_says_why():
    assert figure(value=None, missing="no objects").missing == "no objects"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outcome": "failed"}, "outcome 'failed' with reason None"),
        ({"reason": "it broke"}, "outcome 'ok' with reason 'it broke'"),
        ({"key": "0" * 16}, "the key 0000000000000000 does not belong to the cell"),
        ({"seed": 3}, "seed"),
        ({"wall_s": float("nan")}, "finite"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Record.model_validate({**OK, **changes})


def test_a_record_writes_its_schema_under_that_name():
    assert Record.model_validate(OK).model_dump(mode="json")["schema"] == SCHEMA
