"""IoU over the whole set, by hand and beside scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, jaccard_score

from cvbench.metrics.segmentation import MeanIoU
from cvbench.values import VOID, LabelMap

ABC = ["background", "cat", "dog"]


def maps(*rows):
    return [LabelMap(torch.tensor(row, dtype=torch.uint8)) for row in rows]


def scored(predictions, truths, classes=ABC):
    metric = MeanIoU(classes)
    metric.update([str(i) for i in range(len(truths))], predictions, truths)
    return {figure.name: figure for figure in metric.compute()}


def test_the_figures_worked_out_by_hand():
    # background: 2 hits, 3 predicted, 2 true: 2/3. cat: 1 hit, 1 predicted, 2 true: 1/2.
    of = scored(maps([[0, 0], [1, 0]]), maps([[0, 0], [1, 1]]))
    assert of["mIoU"].value == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert of["pixel_accuracy"].value == 0.75
    assert of["Dice"].value == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert [part.value for part in of["pixel_accuracy"].parts] == [1.0, 0.5, None]


def test_one_matrix_over_all_images_is_not_the_mean_over_the_images():
    of = scored(maps([[0, 0, 0, 0]], [[1, 0]]), maps([[0, 0, 0, 0]], [[0, 0]]), ABC[:2])
    assert of["mIoU"].parts[0].value == 5 / 6


def test_void_pixels_do_not_count_whatever_is_predicted_there():
    of = scored(maps([[0, 1], [2, 0]]), maps([[0, VOID], [VOID, 0]]))
    assert of["mIoU"].value == 1
    assert of["mIoU"].parts[1].missing == "neither true nor predicted anywhere"
    assert of["pixel_accuracy"].parts[2].missing == "no pixel of this class"


def test_a_class_that_is_only_predicted_has_0_in_the_mean():
    of = scored(maps([[0, 1]]), maps([[0, 0]]))
    assert of["mIoU"].value == pytest.approx((1 / 2 + 0) / 2)


def test_an_image_of_void_alone_leaves_nothing_to_count():
    of = scored(maps([[0, 0]]), maps([[VOID, VOID]]))
    assert {figure.missing for figure in of.values()} == {"every pixel is void"}


def test_all_figures_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    true = draw.integers(0, 5, (20, 13, 17))
    predicted = np.where(draw.random(true.shape) < 0.7, true, draw.integers(0, 5, true.shape))
    of = scored(maps(*predicted.tolist()), maps(*true.tolist()), list("abcde"))
    assert of["mIoU"].value == pytest.approx(jaccard_score(true.ravel(), predicted.ravel(), average="macro"))
    assert of["Dice"].value == pytest.approx(f1_score(true.ravel(), predicted.ravel(), average="macro"))
    assert of["pixel_accuracy"].value == accuracy_score(true.ravel(), predicted.ravel())
    for figure in of.values():
        assert figure.interval[0] < figure.value < figure.interval[1]
        assert figure.n == 20


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        ([[0, 3]], [[0, 0]], "the predicted label 3 is not one of the 3 classes"),
        ([[0, VOID]], [[0, 0]], "the predicted label 255 is not one of the 3 classes"),
        ([[0, 0]], [[0, 9]], "the true label 9 is not one of the 3 classes"),
        ([[0, 0, 0]], [[0, 0]], r"predicted label map has shape \(1, 3\), but the truth has \(1, 2\)"),
    ],
)
def test_maps_that_do_not_fit_are_refused(predicted, true, message):
    with pytest.raises(ValueError, match=message):
        scored(maps(predicted), maps(true))


@pytest.mark.parametrize("pixels", range(1, 10))
def test_any_number_of_pixels_is_counted(pixels):
    of = scored(maps([[1] * pixels]), maps([[1] * pixels]))
    assert of["pixel_accuracy"].parts[1].n == pixels


def test_void_beside_one_class_is_noted_whatever_the_order_of_merging():
    def seen(*labels):
        metric = MeanIoU(("ground", "car"))
        for number, label in enumerate(labels):
            true = LabelMap(torch.tensor([label], dtype=torch.uint8))
            metric.update([f"{label}{number}"], [LabelMap(torch.zeros_like(true.labels))], [true])
        return metric

    (note,) = seen([0, 0, 0, 255], [0, 0, 0, 0]).notes()
    assert note.startswith(
        "12% of the true pixels are void, and only 'ground' of 2 classes occurs: typical of masks of 0"
    )
    assert seen([0, 0], [0, 0]).notes() == []
    assert seen([0, 1], [255, 255]).notes() == []
    one, other = seen([0, 255]), seen([1, 1])
    one.merge(other)
    assert one.notes() == []
