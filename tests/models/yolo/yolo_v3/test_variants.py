import pytest
import torch

from cvbench.errors import InputError
from cvbench.models.yolo.yolo_v3 import yolo_v3_tiny

SIX = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6))


def test_the_priors_of_the_paper_are_pixels_of_every_input_as_in_darknet():
    priors = yolo_v3_tiny(2, size=832, width=0.125).priors
    assert priors[1].tolist() == [[10, 14], [23, 27], [37, 58]]
    assert priors[0].tolist() == [[81, 82], [135, 169], [344, 319]]


def test_small_priors_go_to_the_fine_layer():
    priors = yolo_v3_tiny(2, size=64, width=0.125, anchors=SIX).priors
    assert priors.tolist() == [[[4, 4], [5, 5], [6, 6]], [[1, 1], [2, 2], [3, 3]]]


def test_priors_are_no_part_of_a_checkpoint():
    assert not [key for key in yolo_v3_tiny(2, size=64, width=0.125).state_dict() if "priors" in key]


@pytest.mark.parametrize(
    "anchors",
    [
        SIX[:5],
        (*SIX, (7, 7)),
        (*SIX[:5], (6, 0)),
        (*SIX[:5], (6, float("inf"))),
        (*SIX[:5], (6,)),
        (*SIX[:5], 6),
        (*SIX[:4], (5, 5, 5), (6,)),
        (*SIX[:5], ("6", "6")),
    ],
)
def test_anchors_of_another_form_are_refused(anchors):
    with pytest.raises(InputError, match=r"anchors=.* must be 6 pairs \[width, height\] above 0"):
        yolo_v3_tiny(2, size=64, anchors=anchors)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"size": 100}, "a multiple of 32, at least 32"),
        ({"ignore": "nobody"}, "prior or prediction"),
        ({"owners": "all"}, "one or each layer"),
        ({"score_threshold": 1.5}, "between 0 and 1"),
        ({"nms_threshold": -0.1}, "between 0 and 1"),
        ({"max_detections": 0}, "1 or more"),
    ],
)
def test_other_unusable_options_are_refused(options, wanted):
    name = next(iter(options))
    with pytest.raises(InputError, match=f"yolo_v3_tiny: {name}=.* cannot be used: it must be {wanted}"):
        yolo_v3_tiny(2, **options)


def test_images_are_letterboxed_on_grey_and_kept_between_0_and_1():
    preprocessing = yolo_v3_tiny(2, size=64, width=0.125).preprocessing
    assert (preprocessing.resize, preprocessing.fill) == ("letterbox", 128)
    assert (preprocessing.mean, preprocessing.std) == ((0, 0, 0), (1, 1, 1))


def test_batch_norm_is_darknets():
    norms = [
        m for m in yolo_v3_tiny(2, size=64, width=0.125).modules() if isinstance(m, torch.nn.BatchNorm2d)
    ]
    assert len(norms) == 11
    assert {m.eps for m in norms} == {1e-5}
