"""Every number of a suite may be written in scientific notation: `8e-1` is 0.8, as YAML 1.2 says.

YAML 1.1 reads text there, and so do `yaml.safe_load` and most editors' checkers.
"""

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from cvbench.errors import SuiteError
from cvbench.spec.suite import SuiteFile, parse_suite

SUITE = """
schema: 1
data: fashion
train: {epochs: 1}
time: {end_to_end: {}, train_step: {}, energy: {}}
models: [{name: resnet18, weights: a.pth}, resnet34]
"""
KEYS = {"expect": "resnet18", "resnet18": "top1", "published": "top1", "options": "width"}
"""What stands below a mapping whose keys are free."""
AT_LEAST_1 = {"aspect", "saturation", "exposure", "window"}
PAIRS = {"scale", "area"}
TRIPLES = {"mean", "std"}


def paths(kind, path=(), seen=None):
    """The dotted path of each float field; of a form that is used twice, its first place."""
    seen = set() if seen is None else seen
    if get_origin(kind) is Annotated:
        yield from paths(get_args(kind)[0], path, seen)
    elif kind is float:
        yield path
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind not in seen:
            seen.add(kind)
            for name, field in kind.model_fields.items():
                yield from paths(field.annotation, (*path, field.alias or name), seen)
    elif get_origin(kind) is Mapping:
        if path[-2:] not in {("data", "options"), ("also", "options")}:  # these are checked by a Card
            yield from paths(get_args(kind)[1], (*path, KEYS[path[-1]]), seen)
    elif get_origin(kind) is tuple:
        yield from paths(get_args(kind)[0], (*path, "0") if path == ("models",) else path, seen)
    elif get_origin(kind) in (Union, UnionType):
        yield from dict.fromkeys(found for one in get_args(kind) for found in paths(one, path, seen))


FLOATS = [".".join(path) for path in paths(SuiteFile)]


def written(path, number):
    last = path.rpartition(".")[2]
    if last in PAIRS:
        return f"{path}=[{number}, {number}]"
    if last in TRIPLES:
        return f"{path}=[{number}, {number}, {number}]"
    return f"{path}=[{number}]" if last == "milestones" else f"{path}={number}"


def parsed(*overrides):
    suite = parse_suite(SUITE, path="a.yaml", overrides=overrides)
    return suite.cells, suite.expectations, suite.timeout_s


def test_all_kinds_of_numbers_are_among_them():
    some = {"timeout", "train.lr", "train.augment.scale", "time.latency.warmup", "expect.resnet18.top1"}
    assert some | {"models.0.published.top1.value", "models.0.options.width"} <= set(FLOATS)
    assert len(FLOATS) > 25


@pytest.mark.parametrize("path", FLOATS)
def test_scientific_notation_is_the_number_that_it_says(path):
    if path.startswith("models.0.published"):
        others = [f"models.0.published.top1.{part}=0.25" for part in ("value", "within")]
    elif path.startswith("models.0.preprocessing"):
        others = ["models.0.name=my_models:MyNet", "models.0.task=classification"]
    else:
        others = []
    scientific, plain = ("15e-1", "1.5") if path.rpartition(".")[2] in AT_LEAST_1 else ("5e-1", "0.5")
    assert parsed(*others, written(path, scientific)) == parsed(*others, written(path, plain))
    assert parsed(*others, written(path, plain)) != parsed(*others)


def test_the_file_and_an_override_are_read_alike():
    text = f"{SUITE}expect: {{resnet18: {{top1: 8e-1}}}}\n"
    in_file = parse_suite(text, path="a.yaml")
    assert in_file.expectations.expect == {"resnet18": {"top1": 0.8}}
    assert parsed("expect.resnet18.top1=8E-1") == parsed("expect.resnet18.top1=.8")


def test_text_in_quotes_stays_text():
    with pytest.raises(SuiteError, match="is not a number"):
        parse_suite(f'{SUITE}expect: {{resnet18: {{top1: "8e-1"}}}}\n', path="a.yaml")
