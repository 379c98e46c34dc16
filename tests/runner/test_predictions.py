"""Slips in a model of one's own: what it returned, and what is expected."""

import pytest
import torch
from torch import nn

from cvbench.errors import CellError, InputError
from cvbench.runner.predictions import checked
from cvbench.training.losses import check_terms
from cvbench.values import ClassScores, Detections, LabelMap

IDS = ("a.jpg", "b.jpg")


def scores(*values):
    return ClassScores(torch.tensor(values))


def boxes(*values):
    return Detections(torch.tensor([values]), torch.tensor([0]), torch.tensor([0.5]))


def label_map(labels):
    """A label map of any shape, which a check of shapes would refuse to make."""
    made = object.__new__(LabelMap)
    object.__setattr__(made, "labels", labels)
    return made


@pytest.mark.parametrize(
    ("task", "found", "said"),
    [
        ("classification", torch.zeros(2, 3), r"decode returned a Tensor of \[2, 3\]"),
        ("classification", None, "decode returned None"),
        ("classification", [scores(0.5, 0.5)], "decode returned a list of 1"),
        (
            "classification",
            [scores(0.5, 0.5), None],
            r"decode returned None for image 2 of the batch, b\.jpg",
        ),
        (
            "classification",
            [scores(0.5, 0.5), scores(1.0)],
            r"the shape \[1\], and the data set has 2 classes",
        ),
        ("classification", [boxes(0.0, 0.0, 1.0, 1.0)] * 2, "decode returned a Detections for image 1"),
        (
            "segmentation",
            [label_map(torch.zeros(1, 4, 4, dtype=torch.uint8))] * 2,
            r"labels of the shape \[1, 4, 4\]",
        ),
    ],
)
def test_what_decode_returned_is_told_with_what_is_expected(task, found, said):
    with pytest.raises(CellError, match=said) as caught:
        checked(found, IDS, task=task, classes=("x", "y"))
    kind = {"classification": "ClassScores", "detection": "Detections", "segmentation": "LabelMap"}[task]
    assert f"returns a list of {kind}, one per image of the batch (2)." in str(caught.value)


def test_what_is_right_passes():
    found = [scores(0.25, 0.75), scores(1.0, 0.0)]
    passed = checked(tuple(found), IDS, task="classification", classes=("x", "y"))
    assert [one.scores.tolist() for one in passed] == [[0.25, 0.75], [1, 0]]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (torch.tensor(1.0), r"loss returned a Tensor of \[\]"),
        (None, "loss returned None"),
        ({}, "loss returned an empty dict"),
        ({"class": 1.0}, "loss returned a float under 'class'"),
        ({"class": torch.ones(2)}, r"loss returned a Tensor of \[2\] under 'class'"),
    ],
)
def test_a_loss_that_is_no_mapping_of_scalars_is_refused(terms, said):
    with pytest.raises(InputError, match=said):
        check_terms(terms)
    check_terms({"class": nn.functional.l1_loss(torch.ones(2), torch.zeros(2))})
