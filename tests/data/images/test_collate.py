import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvbench.data.images.collate import CollatedTruths, MixedTruths, collate, without_masks
from cvbench.values import ClassScores, Detections, LabelMap


def objects(n, h, w, *, crowd=None):
    return Detections(
        boxes=torch.rand(n, 4),
        labels=torch.arange(n),
        scores=torch.ones(n),
        masks=torch.rand(n, h, w) > 0.5,
        crowd=crowd,
    )


def same(a, b):
    def equal(x, y):
        return (x is None and y is None) or torch.equal(x, y)

    return type(a) is type(b) and all(equal(v, vars(b)[k]) for k, v in vars(a).items())


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=5))
def test_objects_come_out_as_they_went_in(forms):
    truths = [objects(n, h, w) for n, h, w in forms]
    assert all(map(same, truths, CollatedTruths.of(truths).unpacked()))


def test_label_maps_of_several_sizes_come_out_as_they_went_in():
    truths = [LabelMap(torch.full((2, n), n, dtype=torch.uint8)) for n in (1, 4, 2)]
    assert all(map(same, truths, CollatedTruths.of(truths).unpacked()))


def test_class_scores_come_out_as_they_went_in():
    truths = [ClassScores.of(k, 3) for k in range(3)]
    assert all(map(same, truths, CollatedTruths.of(truths).unpacked()))


def test_a_field_that_only_some_truths_have_stays_absent_from_the_others():
    truths = [objects(2, 3, 3), objects(1, 3, 3, crowd=torch.tensor([True])), Detections.none()]
    found = CollatedTruths.of(truths).unpacked()
    assert [truth.crowd is None for truth in found] == [True, False, True]
    assert all(map(same, truths, found))


def test_a_pack_travels_between_processes():
    truths = [objects(2, 3, 3)]
    assert all(map(same, truths, pickle.loads(pickle.dumps(CollatedTruths.of(truths))).unpacked()))


def test_truths_share_the_memory_of_the_pack():
    collate = CollatedTruths.of([ClassScores.of(0, 2), ClassScores.of(1, 2)])
    collate.unpacked()[1].scores[0] = 5
    assert collate.columns["scores"].tolist() == [1, 0, 5, 1]


def test_a_pack_on_another_device_is_the_same():
    truths = [objects(2, 3, 3)]
    assert all(map(same, truths, CollatedTruths.of(truths).to(torch.device("cpu")).unpacked()))


def test_kinds_are_not_mixed():
    with pytest.raises(TypeError, match="one type, not ClassScores and Detections"):
        CollatedTruths.of([ClassScores.of(0, 2), Detections.none()])


def test_nothing_cannot_be_packed():
    with pytest.raises(ValueError, match="cannot collate an empty batch"):
        CollatedTruths.of([])


def test_objects_without_their_masks_keep_the_areas_of_them():
    truth = objects(3, 4, 5)
    bare = without_masks(truth)
    assert bare.masks is None
    assert bare.areas.tolist() == [float(mask.sum()) for mask in truth.masks]


def test_areas_that_are_known_are_kept():
    truth = Detections(
        torch.rand(1, 4), torch.zeros(1, dtype=torch.int64), torch.ones(1), areas=torch.tensor([7.0])
    )
    assert without_masks(truth) is truth
    label_map = LabelMap(torch.zeros(2, 2, dtype=torch.uint8))
    assert without_masks(label_map) is label_map


def test_truths_of_two_kinds_come_out_in_their_order():
    truths = [
        objects(2, 3, 3),
        ClassScores.of(0, 2),
        ClassScores.of(1, 2),
        Detections.none(),
        objects(1, 2, 2),
    ]
    found = collate(truths)
    assert isinstance(found, MixedTruths)
    found = pickle.loads(pickle.dumps(found)).to(torch.device("cpu"))
    assert all(map(same, truths, found.unpacked()))


def test_truths_of_one_kind_are_packed_as_one():
    assert isinstance(collate([ClassScores.of(0, 2), ClassScores.of(1, 2)]), CollatedTruths)
