"""The reference and the kernels are one function: the same bits for any boxes whatever."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from cvbench.boxes import assign, crowd_iou, iou, iou_of_pairs, match_coco, nms, reference, soft_nms, voc_iou

MANY = settings(deadline=None)  # the first example compiles
NAN, INF = float("nan"), float("inf")
COORDINATES = st.one_of(
    st.integers(-3, 12).map(float),
    st.sampled_from([NAN, INF, -INF, -0.0, 1e-30, 1e-23, 1.5e-23, 1e-40, 1e18, 3e19, 1e38, -1e38]),
    st.floats(width=32),
    st.floats(0, 50, width=32),
)
BOXES = st.lists(st.lists(COORDINATES, min_size=4, max_size=4), max_size=24)
NEARBY = st.lists(st.lists(st.integers(0, 6).map(float), min_size=4, max_size=4), max_size=40)
TYPES = st.sampled_from([torch.float32, torch.float64])
SCORES = st.one_of(st.sampled_from([0.0, -0.0, 0.5, 1.0, NAN, INF]), st.floats(0, 1, width=32))


def boxes_of(rows: list[list[float]], dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(rows, dtype=dtype).reshape(-1, 4)


def by_reference(function: Callable[..., Tensor], *boxes: Tensor) -> Tensor:
    """The reference, which is the one that carries gradients."""
    return function(*(tensor.clone().requires_grad_() for tensor in boxes)).detach()


@pytest.mark.parametrize("measure", [iou, crowd_iou, voc_iou])
@MANY
@given(a=BOXES, b=BOXES, dtype=TYPES)
def test_the_kernel_of_an_overlap_gives_the_bits_of_the_reference(measure, a, b, dtype):
    a, b = boxes_of(a, dtype), boxes_of(b, dtype)
    assert torch.equal(by_reference(measure, a, b), measure(a, b))


@MANY
@given(a=BOXES, b=BOXES, dtype=TYPES)
def test_an_iou_lies_between_0_and_1_and_is_the_same_both_ways(a, b, dtype):
    a, b = boxes_of(a, dtype), boxes_of(b, dtype)
    overlaps = iou(a, b)
    assert ((overlaps >= 0) & (overlaps <= 1)).all()
    assert torch.equal(overlaps, iou(b, a).t())


@MANY
@given(rows=BOXES, dtype=TYPES)
def test_pairs_are_the_diagonal_of_the_matrix(rows, dtype):
    boxes = boxes_of(rows, dtype)
    others = boxes.flip(0)
    assert torch.equal(iou(boxes, others).diagonal(), iou_of_pairs(boxes, others))


@MANY
@given(
    rows=st.one_of(BOXES, NEARBY),
    threshold=st.one_of(st.sampled_from([0.0, 0.3, 0.5, 0.6, 0.7, 1.0, 1e-6]), st.floats(0, 1)),
    dtype=TYPES,
    grouped=st.booleans(),
    data=st.data(),
)
@example(
    rows=[[0, 0, 1e-23, 1e-23], [2e-24, 0, 1.2e-23, 1e-23]],
    threshold=0.5,
    dtype=torch.float32,
    grouped=False,
    data=None,
)
def test_the_kernel_of_nms_keeps_what_the_reference_keeps(rows, threshold, dtype, grouped, data):
    boxes = boxes_of(rows, dtype)
    if data is None:
        scores, groups = torch.linspace(1, 0, len(boxes)), None
    else:
        scores = torch.tensor(data.draw(st.lists(SCORES, min_size=len(rows), max_size=len(rows))))
        labels = data.draw(
            st.lists(st.sampled_from([0, 1, -5, 2**40]), min_size=len(rows), max_size=len(rows))
        )
        groups = torch.tensor(labels, dtype=torch.int64) if grouped else None
    expected = reference.nms(boxes, scores, threshold, groups)
    assert torch.equal(expected, nms(boxes, scores, threshold, groups=groups))


@MANY
@given(
    rows=st.one_of(BOXES, NEARBY), dtype=TYPES, method=st.sampled_from(["linear", "gaussian"]), data=st.data()
)
def test_the_kernel_of_soft_nms_lowers_scores_as_the_reference_does(rows, dtype, method, data):
    boxes = boxes_of(rows, dtype)
    scores = torch.tensor(data.draw(st.lists(SCORES, min_size=len(rows), max_size=len(rows))))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    groups = data.draw(st.sampled_from([None, torch.tensor(labels, dtype=torch.int64)]))
    least = data.draw(st.sampled_from([0.0, 0.001, 0.5]))
    strength = 0.3 if method == "linear" else 0.5
    indices, lowered = reference.soft_nms(boxes, scores, method, strength, least, groups)
    kept = soft_nms(boxes, scores, method=method, score_threshold=least, groups=groups)
    assert torch.equal(indices, kept.indices)
    assert torch.equal(lowered, kept.scores)


@MANY
@given(rows=NEARBY, threshold=st.floats(0, 1))
def test_groups_in_one_call_are_calls_group_by_group(rows, threshold):
    boxes, scores = boxes_of(rows), torch.rand(len(rows), generator=torch.Generator().manual_seed(0))
    groups = torch.arange(len(rows)) % 3
    together = nms(boxes, scores, threshold, groups=groups)
    for group in range(3):
        those = (groups == group).nonzero()[:, 0]
        alone = those[nms(boxes[those], scores[those], threshold)]
        assert torch.equal(alone, together[groups[together] == group])


@MANY
@given(rows=NEARBY, threshold=st.floats(0, 1), seed=st.integers(0, 99))
def test_what_stays_is_stable_and_what_goes_was_struck(rows, threshold, seed):
    boxes, scores = boxes_of(rows), torch.rand(len(rows), generator=torch.Generator().manual_seed(seed))
    kept = nms(boxes, scores, threshold)
    assert (scores[kept].diff() <= 0).all()
    assert torch.equal(kept, kept[nms(boxes[kept], scores[kept], threshold)])
    gone = torch.ones(len(boxes), dtype=torch.bool).index_fill_(0, kept, value=False)
    assert (iou(boxes[gone], boxes[kept]).double() > threshold).any(dim=1).all()


SHARES = st.one_of(st.integers(0, 10).map(lambda tenth: tenth / 10), st.sampled_from([NAN, 1e-9]))


def drawn(data: st.DataObject, *shape: int, of: st.SearchStrategy, dtype: torch.dtype) -> Tensor:
    size = int(torch.tensor(shape).prod())
    return torch.tensor(data.draw(st.lists(of, min_size=size, max_size=size)), dtype=dtype).reshape(shape)


@MANY
@given(shape=st.tuples(*[st.integers(0, 4)] * 3), ranges=st.integers(1, 3), dtype=TYPES, data=st.data())
def test_the_kernel_of_matching_finds_the_partners_of_the_reference(shape, ranges, dtype, data):
    pairs, detections, truths = shape
    overlaps = drawn(data, pairs, detections, truths, of=SHARES, dtype=dtype)
    crowd = drawn(data, pairs, truths, of=st.booleans(), dtype=torch.bool)
    ignored = drawn(data, pairs, ranges, truths, of=st.booleans(), dtype=torch.bool) | crowd[:, None]
    outside = drawn(data, pairs, ranges, detections, of=st.booleans(), dtype=torch.bool)
    thresholds = torch.tensor([0.0, 0.5, 0.7, 1.0], dtype=dtype)
    ours = match_coco(overlaps, thresholds=thresholds, crowd=crowd, ignored=ignored, outside=outside)
    least = thresholds.double().clamp(max=1 - 1e-10)
    assert torch.equal(reference.match_coco(overlaps.double(), least, crowd, ignored), ours.truth)
    for pair in range(pairs):
        own = {"crowd": crowd[pair], "ignored": ignored[pair], "outside": outside[pair]}
        alone = match_coco(overlaps[pair], thresholds=thresholds, **own)
        assert torch.equal(alone.truth, ours.truth[pair])
        assert torch.equal(alone.ignored, ours.ignored[pair])


@MANY
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 4)),
    dtype=TYPES,
    low_quality=st.booleans(),
    data=st.data(),
)
def test_the_kernel_of_assigning_assigns_as_the_reference_does(shape, dtype, low_quality, data):
    overlaps = drawn(data, *shape, of=SHARES, dtype=dtype)
    expected = reference.assign(overlaps, 0.7, 0.3, low_quality)
    for laid_out in (overlaps, overlaps.mT.contiguous().mT):
        ours = assign(laid_out, positive=0.7, negative=0.3, low_quality=low_quality)
        assert all(torch.equal(a, b) for a, b in zip(expected, ours, strict=True))


def test_assigning_many_priors_over_several_threads_assigns_as_the_reference_does():
    overlaps = torch.rand(2, 20_000, 5, generator=torch.Generator().manual_seed(0)).round(decimals=2)
    expected = reference.assign(overlaps, 0.7, 0.3, low_quality=True)
    assert all(torch.equal(a, b) for a, b in zip(expected, assign(overlaps), strict=True))
