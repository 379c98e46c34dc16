"""Cards, and how a name becomes the object it stands for."""

import pytest

from cvbench.errors import UnknownName
from cvbench.spec.catalogue import (
    DATASETS,
    METRICS,
    MODELS,
    Card,
    Catalogue,
    find_protocol,
    is_address,
    load,
    shown_metric,
    stored_metric,
)

CARDS = [
    pytest.param(card, id=f"{catalogue.kind}-{card.name}")
    for catalogue in (MODELS, DATASETS, METRICS)
    for card in catalogue.values()
]


def catalogue_of(*names):
    return Catalogue("model", *(Card(name=name, address="json:loads", summary="reads") for name in names))


def test_a_catalogue_is_a_mapping_in_the_order_given():
    catalogue = catalogue_of("b", "a")
    assert list(catalogue) == ["b", "a"]
    assert len(catalogue) == 2
    assert catalogue["a"].name == "a"
    assert "c" not in catalogue


def test_two_cards_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two models have the same name"):
        catalogue_of("a", "a")


def test_an_alias_finds_the_card_is_suggested_and_is_not_listed():
    catalogue = Catalogue(
        "metric", Card(name="new", aliases=("former",), address="json:loads", summary="reads")
    )
    assert catalogue.find("former") is catalogue["new"]
    assert (list(catalogue), list(catalogue.spellings), len(catalogue)) == (["new"], ["new", "former"], 1)
    with pytest.raises(UnknownName, match="Did you mean former"):
        catalogue.find("formr")


def test_an_alias_that_another_card_has_is_refused():
    with pytest.raises(ValueError, match="two metrics have the same name"):
        Catalogue("metric", *(Card(name=n, aliases=("c",), address="json:loads", summary="") for n in "ab"))


def test_suites_and_files_find_a_metric_by_each_of_its_names():
    for name in METRICS.spellings:
        assert find_protocol(name) is METRICS[name]
        assert METRICS[stored_metric(name)] is METRICS[name]
        assert shown_metric(stored_metric(name)) == METRICS[name].name


def test_no_stored_name_of_a_metric_changes():
    """They are in keys and records: one that changes breaks every baseline that has it. New ones are fine."""
    assert {card.stored_name for card in METRICS.values()} >= {
        "topk", "calibration", "coco", "coco-segm", "voc2007", "voc2012", "voc2007-python", "voc2012-python",
        "miou",
    }  # fmt: skip


def test_a_name_is_found():
    assert MODELS.find("resnet18").task == "classification"


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UnknownName) as error:
        catalogue_of("yolo_v3", "unet").find("yolo_v33")
    assert str(error.value) == (
        'there is no model "yolo_v33".\n  Did you mean yolo_v3?   See all: cvbench list models'
    )


def test_only_what_is_loaded_is_imported():
    import json

    assert catalogue_of("a").load("a") is json.loads


def test_an_address_of_ones_own_is_loaded():
    import fractions

    assert MODELS.load("fractions:Fraction") is fractions.Fraction


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("my.nets:net", True),
        ("nets:Net", True),
        ("resnet18", False),
        ("timm/resnet18", False),
        ("my nets:net", False),
        (":net", False),
        ("nets:", False),
        ("nets:a.b", False),
        ("../nets:net", False),
    ],
)
def test_an_address_is_a_module_and_an_object(name, is_one):
    assert is_address(name) is is_one


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(UnknownName) as error:
        load("no_such_package.nets:net")
    assert str(error.value) == (
        'no_such_package.nets:net: there is no module "no_such_package".\n'
        "  Install it, or run from the folder that contains it."
    )


def test_an_object_that_is_not_there_gets_the_nearest_one():
    with pytest.raises(UnknownName) as error:
        load("json:laods")
    assert str(error.value) == 'json:laods: json has no "laods".\n  Did you mean loads or load?'


def test_a_module_that_lacks_something_itself_keeps_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "lacking_nets.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        load("lacking_nets:net")


@pytest.mark.parametrize("card", CARDS)
def test_every_card_reads_well(card):
    assert is_address(card.address)
    assert card.name == card.name.strip().lower()
    assert card.summary
    assert not card.summary.endswith(".")
    assert len(card.summary) <= 100
    for option, choice in card.options.items():
        assert option.isidentifier()
        assert choice.help


@pytest.mark.parametrize("task", ["classification", "detection", "segmentation"])
def test_every_task_has_a_model_a_data_set_and_a_default_metric(task):
    assert any(card.task == task for card in MODELS.values())
    assert any(task in card.tasks for card in DATASETS.values())
    assert any(card.task == task and card.default for card in METRICS.values())


def test_models_stand_in_the_order_of_their_publication():
    years = [card.year for card in MODELS.values()]
    assert years == sorted(years)
