"""`cvbench schema`: the published forms accept what we write, and nothing else."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cvbench.spec.catalogue import MODELS
from cvbench.spec.suite import SuiteFile, suite_schema
from cvbench.spec.suite.yaml_loader import read

ROOT = Path(__file__).parents[2]
FORMS = ["suite", "record"]


def validator(form):
    return Draft202012Validator(json.loads((ROOT / f"schemas/{form}.json").read_text(encoding="utf-8")))


def suite(**parts):
    return {"schema": 1, "data": "fashion", "train": {"epochs": 2}, "models": ["resnet18"], **parts}


def record(**parts):
    return {**json.loads((ROOT / "tests/golden/records-1/ok.json").read_text(encoding="utf-8")), **parts}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_published_is_what_is_read(form, cvbench):
    published = (ROOT / f"schemas/{form}.json").read_text(encoding="utf-8")
    assert cvbench("schema", form).stdout == published, f"cvbench schema {form} > schemas/{form}.json"


@pytest.mark.parametrize("form", FORMS)
def test_a_published_schema_is_one(form):
    schema = json.loads((ROOT / f"schemas/{form}.json").read_text(encoding="utf-8"))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("file", sorted((ROOT / "suites").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_suite_that_comes_along_keeps_to_it(file):
    validator("suite").validate(read(file.read_text(encoding="utf-8"), str(file)).tree)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "tests/golden").glob("records-*/*.json")), ids=lambda file: file.stem
)
def test_every_golden_record_keeps_to_it(file):
    validator("record").validate(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"name": "small", "seed": [0, 1], "timeout": "5m", "time": None},
        {"runtime": {"precision": ["fp32", "bf16"], "compile": True, "threads": [None, 2]}},
        {"models": [{"name": "resnet18", "data": {"limit": 5}, "options": {"width": 0.5, "a": [[1, 2]]}}]},
        {"models": ["my.nets:net", {"name": "my.nets:net", "task": "detection"}]},
        {"time": {"latency": {"warmup": "200ms", "duration": 3}, "throughput": None}},
        {"expect": {"resnet18": {"top1": 0.8}}},
    ],
)
def test_a_sound_suite_keeps_to_the_schema(parts):
    validator("suite").validate(suite(**parts))


@pytest.mark.parametrize(
    "parts",
    [
        {"epochs": 3},
        {"train": {"epoch": 3}},
        {"train": {"epochs": "ten"}},
        {"train": {"epochs": 0}},
        {"data": {"split": "test"}},
        {"models": []},
        {"models": ["resnet 18"]},
        {"models": [{"name": "resnet18", "option": {}}]},
        {"runtime": {"precision": ["fp8"]}},
        {"seed": -1},
        {"schema": 2},
        {"expect": {"resnet18": {"top1": 80}}},
    ],
)
def test_a_mistaken_suite_does_not(parts):
    assert not validator("suite").is_valid(suite(**parts))


@pytest.mark.parametrize("parts", [{"note": "x"}, {"outcome": "fine"}, {"wall_s": "long"}, {"cell": {}}])
def test_a_mistaken_record_does_not(parts):
    assert validator("record").is_valid(record())
    assert not validator("record").is_valid(record(**parts))


def test_an_editor_is_offered_every_model():
    names = suite_schema()["properties"]["models"]["items"]["anyOf"][0]
    assert names == {"enum": list(MODELS)}


def test_every_key_of_a_suite_is_described():
    described = validator("suite").schema["properties"]
    assert set(described) == {field.alias or name for name, field in SuiteFile.model_fields.items()}
    for key, about in described.items():
        assert about["description"], key
