import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvbench.boxes import iou
from cvbench.models.yolo.grid import Grid, grid_of
from cvbench.models.yolo.targets import AssignmentRules, assign_targets
from cvbench.values import Detections

# 64 x 64 pixels, three priors a layer: 4 cells of 32 (predictors 0 to 11), 16 cells of 16 (12 to 59)
PRIORS = torch.tensor([[[32.0, 32], [48, 24], [60, 60]], [[8, 8], [8, 16], [16, 8]]])
GRID = grid_of([torch.zeros(1, 24, 2, 2), torch.zeros(1, 24, 4, 4)], strides=(32, 16), priors=PRIORS)


def truth(*boxes, labels=None, **marks) -> Detections:
    labels = list(range(len(boxes))) if labels is None else labels
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels, dtype=torch.int64),
        torch.ones(len(boxes)),
        **{name: torch.tensor(mark) for name, mark in marks.items()},
    )


PAPER, DARKNET = AssignmentRules("prior", 0.5), AssignmentRules("prediction", 0.7)


def assigned(*truths, raw=None, rules=PAPER):
    raw = torch.zeros(len(truths), 60, 8) if raw is None else raw
    return assign_targets(raw, GRID, truths, rules=rules)


def test_an_object_goes_to_the_best_prior_in_the_cell_of_its_centre():
    # center (20, 12): column 1, row 0 of the fine layer; 8 x 8 is its first prior: 12 + 1 x 3 = 15
    targets = assigned(truth([16, 8, 24, 16], labels=[3]))
    assert targets.image.tolist() == [0]
    assert targets.predictor.tolist() == [15]
    assert targets.label.tolist() == [3]
    assert targets.offset.tolist() == [[0.25, 0.75]]  # (20 - 16) / 16, 12 / 16
    assert targets.scale.tolist() == [[0, 0]]
    assert targets.weight.tolist() == [2 - 64 / 64**2]
    assert targets.shadowed == 0


def test_the_layer_is_that_of_the_best_of_all_priors():
    # 40 x 40 at (32, 32): IoU 1024/1600 with 32 x 32, 960/1792 with 48 x 24, 1600/3600 with 60 x 60
    targets = assigned(truth([12, 12, 52, 52]))
    assert targets.predictor.tolist() == [9]  # row 1, column 1 of the coarse layer: (2 + 1) x 3
    assert targets.offset.tolist() == [[0, 0]]
    torch.testing.assert_close(targets.scale, torch.full((1, 2), math.log(40 / 32)))


def test_an_object_may_be_learnt_on_every_layer():
    # 8 x 8 in fine cell (0, 1): the best coarse prior is 32 x 32, predictor 0 of cell (0, 0)
    targets = assigned(truth([16, 8, 24, 16], labels=[3]), rules=AssignmentRules("prior", 0.5, "each layer"))
    assert sorted(targets.predictor.tolist()) == [0, 15]
    assert targets.label.tolist() == [3, 3]
    coarse = targets.predictor.tolist().index(0)
    assert targets.offset[coarse].tolist() == [20 / 32, 12 / 32]
    torch.testing.assert_close(targets.scale[coarse], torch.full((2,), math.log(8 / 32)))


def test_a_prior_that_overlaps_by_more_than_half_is_excused():
    # 8 x 12 in the middle of fine cell (0, 0), center (8, 8). Priors there: 8 x 8 gives 64/96, and
    # 8 x 16 gives 96/128 and is the best; 16 x 8 gives 64/160. No other prior overlaps by half.
    targets = assigned(truth([4, 2, 12, 14]))
    assert targets.predictor.tolist() == [13]
    assert (~targets.counted).nonzero().tolist() == [[0, 12]]


def test_an_overlap_of_just_half_is_no_excuse():
    # 8 x 16 in the middle of its cell: 8 x 8 overlaps it by 64/128
    targets = assigned(truth([4, 0, 12, 16]))
    assert targets.predictor.tolist() == [13]
    assert targets.counted.all()


def test_only_objects_of_the_same_image_excuse():
    targets = assigned(truth([4, 2, 12, 14]), truth())
    assert (~targets.counted).nonzero().tolist() == [[0, 12]]
    assert targets.image.tolist() == [0]


def test_by_darknets_rule_the_predicted_box_decides():
    # predictor 14 (16 x 8 prior in the first fine cell) predicts 8 x 12 just now: the object itself
    raw = torch.zeros(1, 60, 8)
    raw[0, 14, 2:4] = torch.tensor([8 / 16, 12 / 8]).log()
    targets = assigned(truth([4, 2, 12, 14]), raw=raw, rules=DARKNET)
    # predictor 12 overlaps by 64/96 and 13, the owner, by 96/128; neither predictor 12 nor others reach 0.7
    assert (~targets.counted).nonzero().tolist() == [[0, 14]]


def test_by_darknets_rule_too_an_image_has_its_own_predictions():
    raw = torch.zeros(2, 60, 8)
    raw[0, 14, 2:4] = torch.tensor([8 / 16, 12 / 8]).log()
    targets = assigned(truth(), truth([4, 2, 12, 14]), raw=raw, rules=DARKNET)
    assert targets.counted.all()


def test_of_two_objects_at_one_predictor_the_later_is_learnt():
    targets = assigned(truth([16, 8, 24, 16], [18, 8, 26, 16], [40, 40, 48, 48]))
    assert targets.predictor.tolist() == [15, 12 + (2 * 4 + 2) * 3]
    assert targets.label.tolist() == [1, 2]
    assert targets.shadowed == 1


def test_the_predictor_of_an_object_is_counted_though_another_object_would_excuse_it():
    # both objects lie in the middle of one cell; each one's predictor overlaps the other by 64/96 > 0.5
    targets = assigned(truth([4, 4, 12, 12], [4, 2, 12, 14]))
    assert targets.predictor.tolist() == [12, 13]
    assert targets.counted.all()


def test_an_object_is_what_lies_in_the_input():
    # what is left of it is 8 x 16 at (60, 16): the last column
    targets = assigned(truth([56, 8, 200, 24]))
    assert targets.predictor.tolist() == [12 + (1 * 4 + 3) * 3 + 1]
    torch.testing.assert_close(targets.scale, torch.zeros(1, 2))


@pytest.mark.parametrize(
    "unlearnable",
    [
        truth([8, 8, 8, 20]),
        truth([70, 8, 90, 20]),
        truth([8, 20, 20, 8]),
        truth([8, 8, 20, 20], crowd=[True]),
        truth([8, 8, 20, 20], difficult=[True]),
        truth(),
    ],
    ids=["no area", "outside", "inside out", "crowd", "difficult", "none"],
)
def test_what_cannot_be_learnt_leaves_no_trace(unlearnable):
    targets = assigned(unlearnable)
    assert len(targets.image) == 0
    assert targets.counted.all()
    assert targets.shadowed == 0


@st.composite
def batches(draw):
    side = st.floats(2, 60, width=32)
    place = st.floats(0, 62, width=32)
    boxes = st.tuples(place, place, side, side).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])
    images = draw(st.lists(st.lists(boxes, max_size=4), min_size=1, max_size=3))
    return [truth(*image) for image in images]


def naive(truths: list[Detections], grid: Grid) -> dict[tuple[int, int], int]:
    """(image, predictor) -> label, one object after the other."""
    owners: dict[tuple[int, int], int] = {}
    for image, objects in enumerate(truths):
        for box, label in zip(objects.boxes.clamp(0, 64).tolist(), objects.labels.tolist(), strict=True):
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            shape = torch.tensor([[0, 0, box[2] - box[0], box[3] - box[1]]])
            shapes = torch.cat([torch.zeros(6, 2), PRIORS.flatten(0, 1)], 1)
            layer, slot = divmod(int(iou(shape, shapes)[0].argmax()), 3)
            stride, across, first = ((32, 2, 0), (16, 4, 12))[layer]
            cell = min(int(y / stride), across - 1) * across + min(int(x / stride), across - 1)
            owners[image, first + cell * 3 + slot] = label
    assert len(grid.prior) == 60
    return owners


@settings(max_examples=50, deadline=None)
@given(batches())
def test_all_at_once_is_as_one_by_one(truths):
    targets = assigned(*truths)
    places = zip(targets.image.tolist(), targets.predictor.tolist(), strict=True)
    assert dict(zip(places, targets.label.tolist(), strict=True)) == naive(truths, GRID)
    assert targets.shadowed == sum(map(len, truths)) - len(targets.image)
    assert ((targets.offset >= 0) & (targets.offset <= 1)).all()
    assert ((targets.weight >= 1) & (targets.weight <= 2)).all()
    assert targets.counted[targets.image, targets.predictor].all()
