import pytest
import torch
from torch import nn

from cvbench.errors import InputError, UnknownName
from cvbench.models.alexnet import AlexNet
from cvbench.models.building import build_model
from cvbench.models.yolo.yolo_v3 import YoloV3
from cvbench.spec.catalogue.models import task_of
from cvbench.spec.cell import ModelSpec


def test_a_catalogue_name_is_built_with_its_options():
    model = build_model(ModelSpec(name="alexnet", options={"size": 64, "width": 0.125}), 7)
    assert isinstance(model, AlexNet)
    assert model.preprocessing.size == (64, 64)
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


def test_a_whole_number_will_do_for_a_fraction():
    with torch.device("meta"):
        assert isinstance(build_model(ModelSpec(name="alexnet", options={"width": 1}), 7), nn.Module)


def test_anchors_come_as_lists_of_lists():
    anchors = ((4, 4), (8, 8), (12, 12), (16, 16), (24, 24), (32.5, 32))
    options = {"anchors": anchors, "size": 64, "width": 0.125}
    model = build_model(ModelSpec(name="yolo_v3_tiny", options=options), 2)
    assert isinstance(model, YoloV3)
    assert model.priors[0, 2].tolist() == [32.5, 32.0]


def test_an_unknown_model_gets_the_nearest_name():
    with pytest.raises(UnknownName, match=r'there is no model "yolo_v3_tini"\.\n  Did you mean yolo_v3_tiny'):
        build_model(ModelSpec(name="yolo_v3_tini"), 2)


def test_an_unknown_option_gets_the_nearest_name():
    with pytest.raises(UnknownName) as error:
        build_model(ModelSpec(name="unet", options={"widht": 0.5}), 2)
    assert str(error.value) == (
        'unet has no option "widht".\n  Did you mean width?   See all: cvbench show unet'
    )


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("size", 64.0, "a whole number"),
        ("size", True, "a whole number"),
        ("width", "wide", "a number"),
        ("width", True, "a number"),
        ("zero_init_residual", 1, "true or false"),
    ],
)
def test_a_value_of_another_kind_is_refused(option, value, wanted):
    with pytest.raises(InputError, match=rf"resnet18: {option}: .* is not {wanted}\.\n.*; by default"):
        build_model(ModelSpec(name="resnet18", options={option: value}), 2)


def test_the_task_of_a_catalogues_model_is_its_cards():
    assert task_of(ModelSpec(name="unet")) == "segmentation"
    assert task_of(ModelSpec(name="unet", task="segmentation")) == "segmentation"


def test_a_catalogues_model_with_another_task_is_refused():
    with pytest.raises(InputError, match="unet is a segmentation model, not for detection"):
        task_of(ModelSpec(name="unet", task="detection"))


def test_an_address_says_what_it_is_for():
    address = "cvbench.models.resnet:resnet18"
    assert task_of(ModelSpec(name=address, task="classification")) == "classification"
    with pytest.raises(InputError, match="Add `task:` with one of classification, detection, segmentation"):
        task_of(ModelSpec(name=address))


def test_ones_own_builder_is_found_by_its_address():
    spec = ModelSpec(
        name="cvbench.models.resnet:resnet18", task="classification", options={"size": 32, "width": 0.125}
    )
    assert build_model(spec, 3)(torch.zeros(2, 3, 32, 32)).shape == (2, 3)


def test_an_option_that_ones_own_builder_does_not_take_is_refused():
    spec = ModelSpec(name="cvbench.models.resnet:resnet18", task="classification", options={"sise": 32})
    with pytest.raises(UnknownName, match=r'has no option "sise"\.\n  Did you mean size'):
        build_model(spec, 3)


def test_an_object_that_is_no_model_is_refused():
    spec = ModelSpec(name="collections:OrderedDict", task="detection")
    with pytest.raises(InputError, match=r"this is a type, not a torch\.nn\.Module"):
        build_model(spec, 3)
