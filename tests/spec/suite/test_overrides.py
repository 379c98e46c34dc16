"""`key=value` on the command line: written into the suite, and blamed for what it brought."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.errors import SuiteError
from cvbench.spec.cell import DataSpec
from cvbench.spec.suite import load_suite, parse_suite
from cvbench.spec.suite.overrides import Overrides

SUITE = """
schema: 1
data: fashion
train: {epochs: 5}
models:
  - resnet18
  - {name: alexnet, options: {size: 64}}
"""


def cells(*overrides):
    return parse_suite(SUITE, path="a.yaml", overrides=overrides).cells


def test_a_dotted_path_reaches_into_mappings():
    assert [cell.train.epochs for cell in cells("train.epochs=1")] == [1, 1]


def test_a_mapping_on_the_way_is_made_where_there_is_none():
    assert cells("train.augment.shift=0.25")[0].train.augment.shift == 0.25


def test_lists_are_reached_by_position():
    assert cells("models.1.options.size=128")[1].model.options == {"size": 128}


def test_an_option_of_a_mere_name_can_be_set():
    assert cells("models.0.options.width=0.5")[0].model.options == {"width": 0.5}


def test_a_setting_of_the_data_can_be_set_where_only_its_name_stands():
    assert [cell.data.limit for cell in cells("data.limit=7")] == [7, 7]


SCENES = """
schema: 1
data: {name: fashion-scenes, options: {size: 96}, limit: 5}
train: {epochs: 5}
models: [yolo_v3_tiny]
"""


def data_of(*overrides):
    [cell] = parse_suite(SCENES, path="a.yaml", overrides=overrides).cells
    return cell.data


@pytest.mark.parametrize(
    "overrides",
    [
        ("data.name=coco", "data.root=/coco", "data.split=val"),
        ("data.root=/coco", "data.split=val", "data.name=coco"),
    ],
)
def test_another_data_set_has_no_settings_of_the_one_before(overrides):
    assert data_of(*overrides) == DataSpec(name="coco", root="/coco", split="val")


def test_the_same_data_set_keeps_its_settings():
    assert data_of("data.name=fashion-scenes").options == {"size": 96}


def test_a_model_can_be_replaced_whole():
    assert cells("models.0=resnet34")[0].model.name == "resnet34"


def test_a_value_is_yaml():
    suite = cells("runtime.precision=[fp32, bf16]", "train.lr=1e-3", "time=null")
    assert [cell.runtime.precision for cell in suite] == ["fp32", "bf16", "fp32", "bf16"]
    assert {cell.train.lr for cell in suite} == {0.001}
    assert {cell.time for cell in suite} == {None}


def test_nothing_behind_the_equals_sign_is_null():
    assert {cell.time for cell in cells("time=")} == {None}


def test_the_last_word_counts():
    assert cells("seed=1", "seed=2")[0].seed == 2


def test_a_value_may_hold_equals_signs_and_dots():
    (first, _) = cells("models.0.weights=a=b.c")
    assert first.model.weights == "a=b.c"


@pytest.mark.parametrize(
    ("override", "what", "remedy"),
    [
        ("train.epoch=3", 'there is no key "epoch" here.',
         "Did you mean epochs?   See all: cvbench schema suite"),
        ("trian.epochs=3", 'there is no key "trian" here.',
         "Did you mean train?   See all: cvbench schema suite"),
        ("models.0.options.widht=0.5", 'resnet18 has no option "widht".',
         "Did you mean width?   See all: cvbench show resnet18"),
        ("train.epochs=ten", '"ten" is not a whole number.', ""),
        ("train={epochs: ten}", '"ten" is not a whole number.', ""),
        ("models.2=unet", "models has items 0 to 1; it has no 2.", ""),
        ("models.-1=unet", "models has items 0 to 1; it has no -1.", ""),
        ("models.first.name=unet", "models has items 0 to 1; it has no first.", ""),
        ("train.epochs.x=3", "train.epochs is a single value and has no x.", ""),
        ("nonsense", "not of the form key=value.", "Write, for instance, train.epochs=1"),
        ("=3", "not of the form key=value.", "Write, for instance, train.epochs=1"),
        ("train..epochs=3", "not of the form key=value.", "Write, for instance, train.epochs=1"),
        ("seed=&x 3", "line 1, column 1: the anchor &x is not allowed.", "Remove it."),
        ("schema=2", "2 is not a supported version.", "Write schema: 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_laid_to_the_override_that_brought_it(override, what, remedy, problems):
    assert problems(SUITE, override) == [(f"override {override}: {what}", remedy)]


def test_an_empty_list_has_no_positions(problems):
    told = problems(SUITE, "models=[]", "models.0=unet")
    assert ("override models.0=unet: models is empty and has no 0.", "") in told


def test_a_mistake_in_yaml_is_told_with_its_column(problems):
    ((what, _),) = problems(SUITE, "seed=[1")
    assert what.startswith("override seed=[1: line 1, column 3: invalid YAML:")


def test_two_mistakes_are_laid_to_their_own_overrides(problems):
    told = problems(SUITE, "train.epoch=3", "models.1.options.sise=3")
    places = [what.partition(":")[0] for what, _ in told]
    assert places == ["override train.epoch=3", "override models.1.options.sise=3"]


_KEYS = st.lists(st.text(alphabet="abc", min_size=1, max_size=2), min_size=1, max_size=4)


@given(_KEYS, st.integers(-99, 99))
def test_what_was_written_is_found_at_its_path(keys, value):
    tree = {}
    written = Overrides()
    written.write(tree, [f"{'.'.join(keys)}={value}"])
    for key in keys:
        tree = tree[key]
    assert tree == value
    assert written.origin(tuple(keys)) == f"{'.'.join(keys)}={value}"
    assert written.origin(("elsewhere",)) is None


@pytest.mark.parametrize(
    ("suite", "data", "split"),
    [
        ("classification", "imagenet", "val"),
        ("detection", "coco", "val"),
        ("detection", "voc", "test"),
        ("segmentation", "voc", "val"),
    ],
)
def test_the_suites_of_all_families_run_on_public_data_sets_as_they_are(suite, data, split):
    overrides = (f"data.name={data}", "data.root=/somewhere", f"data.split={split}")
    path = Path(__file__).parents[3] / "suites" / f"{suite}.yaml"
    cells = load_suite(path, overrides=overrides).cells
    assert all(cell.data == DataSpec(name=data, root="/somewhere", split=split) for cell in cells)


def test_a_folder_whose_name_is_not_utf_8_is_named():
    with pytest.raises(
        SuiteError, match=r"/data/caf\\udce9: the name is not UTF-8.*Rename the file or folder"
    ):
        cells("data.root=/data/caf\udce9")
