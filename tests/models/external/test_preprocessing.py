"""How images come into timm's, torchvision's and ONNX models, where a suite asks for it otherwise."""

import json

import pytest

from cvbench.errors import InputError, UnknownName
from cvbench.models.building import build_model
from cvbench.spec.cell import ModelSpec
from cvbench.values import Preprocessing
from tests.runner.launching import cvbench

CLASSIFIERS = ["timm/test_resnet", "torchvision/mobilenet_v3_small", "onnx/classifier"]
DETECTOR, SEGMENTER = "torchvision/ssdlite320_mobilenet_v3_large", "torchvision/lraspp_mobilenet_v3_large"
SCALED = "torchvision/fasterrcnn_mobilenet_v3_large_320_fpn"


def prepared(name, classes=3, **options) -> Preprocessing:
    return build_model(ModelSpec(name=name, options=options), classes).preprocessing


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_is_letterboxed_and_keeps_all_else(name):
    own, other = prepared(name, size=96), prepared(name, size=96, resize="letterbox", fill=0)

    assert (other.resize, other.fill, other.shorter) == ("letterbox", 0, None)
    assert (other.size, other.mean, other.std) == ((96, 96), own.mean, own.std)
    assert (other.interpolation, other.antialias) == (own.interpolation, own.antialias)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_crop_and_numbers_of_ones_own_are_taken(name):
    told = {"mean": (0.5, 0.25, 0.125), "std": (0.5, 0.5, 1 / 255)}
    other = prepared(
        name, size=64, resize="crop", shorter=80, interpolation="bicubic", antialias=False, **told
    )

    assert other == Preprocessing(
        (64, 64), "crop", shorter=80, interpolation="bicubic", antialias=False, **told
    )


def test_what_is_not_said_is_as_the_weights_have_it():
    own = prepared("torchvision/mobilenet_v3_small")

    assert prepared("torchvision/mobilenet_v3_small", interpolation="bicubic").shorter == own.shorter == 256
    assert prepared("torchvision/mobilenet_v3_small", shorter=240).resize == "crop"
    assert prepared("torchvision/mobilenet_v3_small", resize="crop") == own


def test_a_detector_is_letterboxed_onto_its_usual_size_or_scaled_to_another():
    assert prepared(SCALED).resize == "scale"
    boxed, scaled = prepared(SCALED, resize="letterbox"), prepared(SCALED, shorter=240, longer=400)

    assert (boxed.size, boxed.resize, boxed.shorter, boxed.longer) == ((320, 426), "letterbox", None, None)
    assert (scaled.resize, scaled.shorter, scaled.longer) == ("scale", 240, 400)
    assert prepared(DETECTOR, resize="letterbox").size == (320, 320)


def test_a_segmenter_is_scaled_to_another_shorter_side():
    assert (prepared(SEGMENTER, shorter=260).shorter, prepared(SEGMENTER).shorter) == (260, 520)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (CLASSIFIERS[0], {"resize": "pad"}, "resize='pad' cannot be used: it must be one of stretch, letter"),
        (CLASSIFIERS[0], {"resize": "scale", "shorter": 96}, "must be one of stretch, letterbox, crop"),
        (CLASSIFIERS[0], {"resize": "letterbox", "shorter": 96}, "left out: it belongs to a crop or a scale"),
        (CLASSIFIERS[0], {"fill": 0}, "left out: only a letterbox has bars to fill"),
        (CLASSIFIERS[0], {"resize": "letterbox", "fill": 256}, "a gray level, 0 to 255"),
        (CLASSIFIERS[0], {"size": 96, "shorter": 95}, "shorter=95 .* a number of pixels, at least 96"),
        (CLASSIFIERS[0], {"shorter": True}, "shorter=True .* a number of pixels"),
        (CLASSIFIERS[0], {"interpolation": "lanczos"}, "one of bilinear, bicubic"),
        (CLASSIFIERS[0], {"antialias": "no"}, "antialias='no' .* true or false"),
        (CLASSIFIERS[0], {"mean": (123.675, 116.28, 103.53)}, "divide a mean of 0 to 255 by 255"),
        (CLASSIFIERS[0], {"mean": (0.5, 0.5)}, "three numbers from 0 to 1"),
        (CLASSIFIERS[0], {"std": (0.5, 0.5, 0.0)}, "three numbers above 0"),
        (
            CLASSIFIERS[2],
            {"resize": "crop"},
            "needs `shorter`.*\n  Add shorter: 224, or more, to the options",
        ),
        (DETECTOR, {"resize": "crop", "shorter": 320}, "must be one of stretch, letterbox, scale"),
        (DETECTOR, {"longer": 400}, "left out: it belongs to a scale"),
        (SCALED, {"shorter": 320, "longer": 319}, "longer=319 .* at least 320"),
        ("onnx/detector", {"resize": "crop"}, "must be one of stretch, letterbox"),
    ],
)
def test_what_makes_no_sense_is_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        prepared(name, **options)


def test_a_detector_normalises_by_itself():
    with pytest.raises(UnknownName, match='has no option "mean"'):
        prepared(DETECTOR, mean=(0.5, 0.5, 0.5))


def test_a_size_that_patches_do_not_divide_is_refused():
    with pytest.raises(InputError, match=r"size=150 .* a multiple of 16, the side of its patches"):
        prepared("timm/test_vit", size=150)


@pytest.mark.full
def test_the_record_has_all_of_it(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        """
schema: 1
name: boxed
data: {name: fashion, limit: 8}
train: {epochs: 1, limit: 8, batch: 8}
models:
  - {name: timm/test_resnet, options: {size: 32, resize: letterbox, fill: 0, interpolation: bilinear}}
time: null
"""
    )
    done = cvbench("run", path, "--out", tmp_path / "r", "--json")
    [record] = json.loads(done.stdout)["records"]
    told = record["artifact"]["preprocessing"]

    assert record["outcome"] == "ok", record["reason"]
    assert (told["resize"], told["fill"], told["interpolation"]) == ("letterbox", 0, "bilinear")
    assert (told["size"], told["shorter"], told["mean"]) == ([32, 32], None, [0.5, 0.5, 0.5])
