import math

import pytest
import torch
from torch import nn

from cvbench.models.detection import Reporting
from cvbench.models.yolo.yolo_v1 import YoloV1
from cvbench.models.yolo.yolo_v1.detector import Layout, divided
from cvbench.values import Detections

# 64 x 64 pixels in 2 x 2 cells of two boxes each, three classes: 12 + 8 + 32 numbers
LAYOUT = Layout(grid=2, boxes=2, classes=3)


def detector(*, top_class_only=False, least=0.1):
    reporting = Reporting(least, 0.5, 100)
    return YoloV1(nn.Identity(), LAYOUT, size=64, top_class_only=top_class_only, reporting=reporting)


def vector(images=1, dtype=torch.float32):
    return torch.zeros(images, LAYOUT.outputs, dtype=dtype)


def truth(*boxes, labels=None):
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor([1] * len(boxes) if labels is None else labels, dtype=torch.int64),
        torch.ones(len(boxes)),
    )


# In the middle of the first cell, a quarter of the image wide and high: its numbers are 1/2 each.
SQUARE = truth([8, 8, 24, 24])


def costs(outputs, *truths, model=None):
    terms = (model or detector()).loss(outputs, truths)
    return {name: term.item() for name, term in terms.items()}


def test_the_vector_holds_classes_then_confidences_then_boxes_cell_by_cell():
    output = divided(torch.arange(52.0)[None], LAYOUT)
    assert output.classes[0, 1].tolist() == [3, 4, 5]
    assert output.confidence[0, 1].tolist() == [14, 15]
    assert output.boxes[0, 1, 1].tolist() == [32, 33, 34, 35]


def test_each_term_is_worked_out_by_hand():
    # The first box is the object itself but 1/4 of a cell to the left: 8 of 24 pixels, an IoU of 1/3.
    # The second is as wide as the image: an IoU of 1/4, so it is not responsible.
    outputs = vector()
    output = divided(outputs, LAYOUT)
    output.boxes[0, 0] = torch.tensor([[0.25, 0.5, 0.5, 0.5], [0.5, 0.5, 1, 0.5]])
    output.confidence[0, 0] = torch.tensor([0.75, 0.25])
    output.confidence[0, 3, 0] = 0.5
    output.classes[0, 0] = torch.tensor([0.1, 0.8, 0.2])
    output.classes[0, 1] = 9.0  # a cell without an object has no class to learn
    assert costs(outputs, SQUARE) == pytest.approx(
        {
            "box": 5 * 0.25**2,
            "confidence": (0.75 - 1 / 3) ** 2 + 0.5 * (0.25**2 + 0.5**2),
            "class": 0.1**2 + 0.2**2 + 0.2**2,
        }
    )


def test_sides_are_learnt_as_square_roots():
    outputs = vector()
    divided(outputs, LAYOUT).boxes[0, 0, 0] = torch.tensor([0.5, 0.5, 1.0, 0.25])
    # a box of 64 x 4 pixels: squares of 1 and 1/4
    assert costs(outputs, SQUARE)["box"] == pytest.approx(5 * (0.5**2 + 0.25**2))


def test_the_nearest_box_is_responsible_where_none_overlaps():
    # both have no area; the second is at the object's center
    outputs = vector()
    divided(outputs, LAYOUT).boxes[0, 0, 1, :2] = 0.5
    assert costs(outputs, SQUARE) == pytest.approx({"box": 5 * 2 * 0.5**2, "confidence": 0, "class": 1})


def test_a_cell_learns_its_first_object_and_the_others_are_counted():
    model, outputs = detector(), vector()
    divided(outputs, LAYOUT).classes[0, 0, 2] = 1.0
    three = truth([8, 8, 24, 24], [10, 10, 20, 20], [40, 40, 50, 50], labels=[2, 0, 1])
    assert costs(outputs, three, model=model)["class"] == pytest.approx(1)  # the one in the last cell
    assert model.shadowed == 1


@pytest.mark.parametrize("nothing", [truth(), truth([8, 8, 8, 20]), truth([70, 8, 90, 20])])
def test_without_an_object_that_has_an_area_only_confidences_are_learnt(nothing):
    assert costs(vector() + 0.5, nothing) == pytest.approx({"box": 0, "confidence": 8 / 8, "class": 0})


def test_terms_are_means_over_the_images():
    single, double = costs(vector(), SQUARE), costs(vector(2), SQUARE, truth())
    assert double == pytest.approx({name: cost / 2 for name, cost in single.items()})


def test_the_gradients_are_the_slopes():
    # with both boxes of the cell without area, so that no confidence aims at an overlap that moves
    outputs = torch.randn(2, LAYOUT.outputs, dtype=torch.float64)
    divided(outputs, LAYOUT).boxes[..., 2:] = 0
    truths = [truth([8, 8, 24, 24], [40, 33, 64, 60], labels=[0, 2]), truth()]
    model = detector()
    assert torch.autograd.gradcheck(
        lambda v: sum(model.loss(v, truths).values()), [outputs.requires_grad_()], fast_mode=True
    )


def confident(outputs, cell=0, box=0, *, confidence=0.5, classes=(0.0, 0.8, 0.6)):
    output = divided(outputs, LAYOUT)
    output.boxes[0, cell, box] = torch.tensor([0.5, 0.5, 0.5, 0.5])
    output.confidence[0, cell, box] = confidence
    output.classes[0, cell] = torch.tensor(classes)


def test_the_score_is_confidence_times_class_probability():
    outputs = vector()
    confident(outputs, cell=3)
    found = detector().decode(outputs)[0]
    assert found.labels.tolist() == [1, 2]
    torch.testing.assert_close(found.scores, torch.tensor([0.4, 0.3]))
    assert found.boxes.tolist() == [[40, 40, 56, 56]] * 2


def test_only_the_best_class_of_a_box_may_be_kept():
    outputs = vector()
    confident(outputs)
    assert detector(top_class_only=True).decode(outputs)[0].labels.tolist() == [1]


def test_two_boxes_of_a_cell_suppress_one_another_class_by_class():
    outputs = vector()
    confident(outputs, box=0, confidence=0.5)
    confident(outputs, box=1, confidence=0.9)
    found = detector().decode(outputs)[0]
    assert found.labels.tolist() == [1, 2]
    torch.testing.assert_close(found.scores, torch.tensor([0.72, 0.54]))


def test_scores_end_at_1_and_two_negative_numbers_make_none():
    outputs = vector()
    confident(outputs, cell=0, confidence=2.0, classes=(0.9, 0, 0))
    confident(outputs, cell=1, confidence=-1.0, classes=(-1.0, 0, 0))
    found = detector().decode(outputs)[0]
    assert found.scores.tolist() == [1]


def test_what_the_targets_ask_for_decodes_to_the_truth():
    # the square and a wide object in the last cell, written into the vector by hand
    outputs = vector()
    output = divided(outputs, LAYOUT)
    output.boxes[0, 0, 0] = torch.tensor([0.5, 0.5, 0.5, 0.5])
    output.boxes[0, 3, 1] = torch.tensor([0.5, 0.25, math.sqrt(0.5), math.sqrt(0.25)])
    output.confidence[0, 0, 0] = output.confidence[0, 3, 1] = 1
    output.classes[0, 0, 1] = output.classes[0, 3, 2] = 1
    objects = truth([8, 8, 24, 24], [32, 32, 64, 48], labels=[1, 2])
    assert costs(outputs, objects) == pytest.approx({"box": 0, "confidence": 0, "class": 0}, abs=1e-9)
    found = detector().decode(outputs)[0]
    torch.testing.assert_close(found.boxes, objects.boxes)
    assert found.labels.tolist() == [1, 2]
