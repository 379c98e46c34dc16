import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from cvbench.models.faster_rcnn.rpn import Anchors, Limits, RpnHead, anchors_on, propose, rows

MANY = Limits(100, 100)


def level(scores, offsets=None):
    """A row of cells with one anchor each, and their raw maps."""
    count = len(scores)
    logits = torch.tensor(scores).reshape(1, 1, 1, count)
    moved = torch.zeros(1, 4, 1, count) if offsets is None else offsets
    return logits, moved


def proposed(scores, anchors, *, limits=MANY, size=(64, 64), threshold=0.7):
    logits, offsets = zip(*(level(s) for s in scores), strict=True)
    return propose(logits, offsets, anchors, size=size, limits=limits, threshold=threshold)


def test_a_map_is_read_cell_by_cell_and_in_a_cell_anchor_by_anchor():
    raw = torch.arange(2 * 3 * 2 * 2.0).reshape(1, 6, 2, 2)  # two anchors of three numbers
    assert rows(raw, numbers=3)[0, :3].tolist() == [[0, 4, 8], [12, 16, 20], [1, 5, 9]]


@pytest.mark.parametrize("ratios", [(0.5, 1.0, 2.0), (0.5, 1.0, 1.5)])
def test_the_anchors_of_a_pyramid_are_torchvisions(ratios):
    sizes = ((32,), (64,), (128,))
    maps = [torch.zeros(1, 1, 24 >> k, 32 >> k) for k in range(3)]
    images = ImageList(torch.zeros(1, 3, 96, 128), [(96, 128)])
    expected = AnchorGenerator(sizes, (ratios,) * 3)(images, maps)[0]
    assert torch.equal(torch.cat(anchors_on(maps, Anchors(sizes, ratios), strides=(4, 8, 16))), expected)


def test_three_sizes_and_three_ratios_make_nine_anchors_a_cell():
    anchors = Anchors(((64, 128, 256),), (0.5, 1.0, 1.5))
    found = anchors_on([torch.zeros(1, 1, 1, 1)], anchors, strides=(16,))[0]
    assert len(found) == anchors.of_a_cell == 9
    # of area 64 x 64: 45.25 high and 90.51 wide, a square, 78.38 high and 52.26 wide
    assert found[:3].tolist() == [[-45, -23, 45, 23], [-32, -32, 32, 32], [-26, -39, 26, 39]]


def test_of_two_logits_the_difference_counts():
    torch.manual_seed(0)
    head = RpnHead(4, anchors=3, logits=2)
    x = torch.randn(1, 4, 2, 2)
    raw = head.cls_logits(head.conv(x))
    assert torch.equal(head([x])[0][0], raw[:, 3:] - raw[:, :3])
    # which is what a softmax over both says
    both = raw.unflatten(1, (2, 3)).softmax(dim=1)[:, 1]
    torch.testing.assert_close(head([x])[0][0].sigmoid(), both)


BOXES = torch.tensor([[0.0, 0, 20, 20], [1, 0, 21, 20], [30, 30, 50, 50], [40, 40, 40, 60]])


def test_proposals_are_suppressed_and_stand_in_the_order_of_their_anchors():
    # the second beats the first (IoU 19/21), the last has no width
    found = proposed([[1.0, 3.0, 2.0, 9.0]], [BOXES])[0]
    assert found.tolist() == [[0, 0, 0, 0], [1, 0, 21, 20], [30, 30, 50, 50], [0, 0, 0, 0]]


def test_levels_do_not_suppress_one_another():
    found = proposed([[1.0], [3.0]], [BOXES[:1], BOXES[1:2]])[0]
    assert found.tolist() == [[0, 0, 20, 20], [1, 0, 21, 20]]


def test_of_each_level_the_best_are_ranked_and_of_all_the_best_are_kept():
    anchors = [torch.tensor([[8.0 * k, 0, 8.0 * k + 6, 6] for k in range(4)])] * 2
    found = proposed([[4.0, 3.0, 2.0, 1.0], [0.0, 5.0, 6.0, 0.5]], anchors, limits=Limits(2, 3))[0]
    assert found.tolist() == [[0, 0, 6, 6], [8, 0, 14, 6], [16, 0, 22, 6]]


def test_proposals_are_cut_at_the_border_before_they_are_compared():
    # beyond the border they differ, within it they are the same
    anchors = torch.tensor([[0.0, 0, 100, 20], [0, 0, 900, 20]])
    assert proposed([[1.0, 2.0]], [anchors])[0].tolist() == [[0, 0, 0, 0], [0, 0, 64, 20]]


def test_images_do_not_meet():
    logits = torch.tensor([[[[1.0, 2.0]]], [[[2.0, 1.0]]]])
    found = propose(
        [logits], [torch.zeros(2, 4, 1, 2)], [BOXES[:2]], size=(64, 64), limits=MANY, threshold=0.7
    )
    nothing = [0, 0, 0, 0]
    assert found.tolist() == [[nothing, [1, 0, 21, 20]], [[0, 0, 20, 20], nothing]]


def test_a_net_that_has_lost_its_mind_proposes_nothing():
    found = propose(
        [torch.full((1, 1, 1, 4), torch.nan)],
        [torch.full((1, 4, 1, 4), torch.nan)],
        [BOXES],
        size=(64, 64),
        limits=MANY,
        threshold=0.7,
    )
    assert found.count_nonzero() == 0
