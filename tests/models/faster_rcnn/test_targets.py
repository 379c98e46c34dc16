import torch
from torch import Tensor

from cvbench.models.detection import BatchObjects
from cvbench.models.faster_rcnn.targets import Share, anchor_targets, by_image, exists, region_targets

ALL = Share(100, 0.5)


def objects(*rows: tuple[int, list[float], int]) -> BatchObjects:
    image, boxes, label = zip(*rows, strict=True) if rows else ([], [], [])
    return BatchObjects(
        torch.tensor(image, dtype=torch.int64),
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(label, dtype=torch.int64),
    )


def test_objects_are_filled_up_to_the_same_number_in_each_image():
    truths = by_image(objects((0, [0, 0, 1, 1], 5), (2, [0, 0, 2, 2], 6), (2, [0, 0, 3, 3], 7)), images=3)
    assert truths.label.tolist() == [[5, 0], [0, 0], [6, 7]]
    assert truths.boxes[2].tolist() == [[0, 0, 2, 2], [0, 0, 3, 3]]
    assert exists(truths.boxes).tolist() == [[True, False], [False, False], [True, True]]


def test_without_any_object_an_image_has_one_row_of_nothing():
    truths = by_image(objects(), images=2)
    assert truths.boxes.shape == (2, 1, 4)
    assert not exists(truths.boxes).any()


ANCHORS = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 5], [40, 40, 50, 50], [42, 40, 52, 50]])


def by_index(index: Tensor, mask: Tensor) -> list[list[int]]:
    return [sorted(i[m].tolist()) for i, m in zip(index, mask, strict=True)]


def test_anchors_learn_as_worked_by_hand():
    # image 0: IoU 1, 0.8, 0.5 (neither), 0, 0; image 1: 0, 0, 0, and 5/15 each of the other two,
    # which is little, but the most that the object has of any anchor
    truths = by_image(objects((0, [0, 0, 10, 10], 1), (1, [45, 40, 52, 50], 2)), images=2)
    found = anchor_targets(ANCHORS, truths, ALL)
    assert by_index(found.anchor, found.positive) == [[0, 1], [4]]
    assert by_index(found.anchor, found.chosen & ~found.positive) == [[3, 4], [0, 1, 2]]
    # anchor 1 is 10 x 8 around (5, 4), its object 10 x 10 around (5, 5): 0, 1/8, 0, log 10/8
    place = (found.anchor[0] == 1) & found.positive[0]
    expected = torch.tensor([[0, 0.125, 0, 0.2231436]])
    torch.testing.assert_close(found.offsets[0][place], expected)


def test_anchors_that_are_not_eligible_are_not_drawn():
    truths = by_image(objects((0, [0, 0, 10, 10], 1)), images=1)
    eligible = torch.tensor([False, True, True, False, True])
    found = anchor_targets(ANCHORS, truths, ALL, eligible=eligible)
    assert by_index(found.anchor, found.positive) == [[1]]
    assert by_index(found.anchor, found.chosen) == [[1, 4]]


def test_places_that_hold_nothing_have_finite_offsets():
    found = anchor_targets(ANCHORS, by_image(objects(), images=2), ALL)
    assert found.offsets.count_nonzero() == 0
    assert by_index(found.anchor, found.chosen) == [[0, 1, 2, 3, 4]] * 2


def test_regions_learn_as_worked_by_hand():
    proposals = torch.tensor(
        [[[0.0, 0, 10, 5], [0, 0, 10, 4], [0, 0, 0, 0]], [[0, 0, 9, 9], [20, 20, 30, 30], [0, 0, 0, 0]]]
    )
    truths = by_image(objects((0, [0, 0, 10, 10], 1)), images=2)
    found = region_targets(proposals, truths, ALL, categories=torch.tensor([10, 20, 30]))
    rows = sorted(zip(found.image.tolist(), found.boxes.tolist(), found.category.tolist(), strict=True))
    assert rows == [
        (0, [0, 0, 10, 4], 0),  # IoU 0.4
        (0, [0, 0, 10, 5], 20),  # 0.5 is enough; label 1 is category 20
        (0, [0, 0, 10, 10], 20),  # the object itself
        (1, [0, 0, 9, 9], 0),  # another image's object
        (1, [20, 20, 30, 30], 0),
    ]
    # 10 x 5 around (5, 2.5) to 10 x 10 around (5, 5): 0, 10 x 2.5/5, 0, 5 log 2
    there = found.boxes[:, 3] == 5
    torch.testing.assert_close(found.offsets[there], torch.tensor([[0, 5, 0, 3.4657359]]))


def test_no_regions_at_all_are_no_error():
    found = region_targets(
        torch.zeros(2, 3, 4), by_image(objects(), images=2), ALL, categories=torch.tensor([1])
    )
    assert len(found.image) == 0
