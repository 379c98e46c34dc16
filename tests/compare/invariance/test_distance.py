import pytest
import torch

from cvbench.compare.invariance.distance import distances
from cvbench.metrics.predictions import Predictions
from cvbench.values import ClassScores, Detections, LabelMap


def table(*predictions):
    metric = Predictions(["a", "b"])
    metric.update([f"image {k}" for k in range(len(predictions))], predictions, predictions)
    return dict(metric.outcomes())


def apart(one, other):
    return [(found.amount, found.flipped) for found in distances(table(*one), table(*other))]


def scores(*values):
    return ClassScores(torch.tensor(values))


def found(*objects):
    boxes, labels, values = zip(*objects, strict=True) if objects else ((), (), ())
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels, dtype=torch.int64),
        torch.tensor(values, dtype=torch.float32),
    )


def test_equal_predictions_are_not_apart():
    things = found(((0, 0, 4, 4), 1, 0.9), ((2, 2, 8, 8), 0, 0.3))
    maps = LabelMap(torch.ones(2, 3, dtype=torch.uint8))
    assert apart([things, found()], [things, found()]) == [(0, False), (0, False)]
    assert apart([scores(0.1, 0.9)], [scores(0.1, 0.9)]) == [(0, False)]
    assert apart([maps], [maps]) == [(0, False)]


def test_scores_are_apart_by_the_largest_difference():
    assert apart([scores(0.5, 0.25)], [scores(0.5, 0.375)]) == [(0.125, False)]
    assert apart([scores(0.5, 0.25)], [scores(0.25, 0.5)]) == [(0.25, True)]


def test_a_score_that_is_no_number_is_as_far_apart_as_can_be():
    assert apart([scores(0.5, 0.25)], [scores(0.5, float("nan"))])[0][0] == float("inf")


def test_maps_are_apart_by_their_share_of_other_pixels():
    other = torch.ones(2, 4, dtype=torch.uint8)
    other[0, 0] = 0
    assert apart([LabelMap(torch.ones(2, 4, dtype=torch.uint8))], [LabelMap(other)]) == [(1 / 8, True)]


def test_boxes_belong_together_by_label_and_overlap():
    ours = found(((0, 0, 4, 4), 0, 0.75), ((10, 10, 20, 20), 1, 0.5), ((30, 30, 40, 40), 0, 0.25))
    theirs = found(((10, 10, 20, 21), 1, 0.625), ((0, 0, 4, 4), 0, 0.5), ((30, 30, 40, 40), 0, 0.25))
    assert apart([ours], [theirs]) == [(0.25, False)]


def test_a_box_that_belongs_to_none_counts_by_how_far_it_stands_above_the_end():
    ours = found(((0, 0, 4, 4), 0, 0.75), ((30, 30, 40, 40), 0, 0.25))
    theirs = found(((0, 0, 4, 4), 1, 0.75), ((30, 30, 40, 40), 0, 0.25))
    assert apart([ours], [theirs]) == [(0.5, True)]
    assert apart([ours], [found(((0, 0, 4, 4), 0, 0.75))]) == [(0.0, True)]  # at the very end


def test_equal_scores_with_other_boxes_are_not_equal_to_the_bit():
    [(amount, flipped)] = apart([found(((0, 0, 4, 4), 0, 0.5))], [found(((0, 0, 4, 4.001), 0, 0.5))])
    assert 0 < amount < 1e-6
    assert not flipped


def test_other_images_are_not_compared():
    one, two = table(scores(0.1, 0.9)), table(scores(0.1, 0.9), scores(0.1, 0.9))
    with pytest.raises(ValueError, match="different images"):
        distances(one, two)


def test_a_box_clipped_to_nothing_belongs_to_the_same_box_of_the_other_run():
    clipped = found(((4, 0, 4, 4), 0, 0.75), ((0, 0, 4, 4), 1, 0.5))
    assert apart([clipped], [clipped]) == [(0, False)]
    # Another box without area overlaps nothing, so neither of the two has a partner.
    assert apart([clipped], [found(((4, 0, 4, 5), 0, 0.75), ((0, 0, 4, 4), 1, 0.5))]) == [(0.25, True)]
