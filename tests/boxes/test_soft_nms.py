import math

import pytest
import torch

from cvbench.boxes import iou, nms, soft_nms

NAN = float("nan")
#                   best             IoU 16/20 to it   IoU 1/20 to it  far away
BOXES = torch.tensor([[0, 0, 4, 5.0], [0, 0, 4, 4.0], [0, 0, 1, 1.0], [9, 9, 10, 10.0]])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6])


def naive(boxes, scores, decay, least):
    overlaps = iou(boxes, boxes).double().tolist()
    waiting = dict(enumerate(scores.double().tolist()))
    kept = []
    while waiting:
        best = max(waiting, key=lambda index: (waiting[index], -index))
        score = waiting.pop(best)
        if score < least:
            break
        kept.append((best, score))
        waiting = {index: value * decay(overlaps[best][index]) for index, value in waiting.items()}
    return kept


def test_linear_soft_nms_worked_by_hand():
    # 0.8 falls to 0.8 (1 - 0.8) = 0.16; an overlap of 0.05 is below the threshold of 0.3.
    kept = soft_nms(BOXES, SCORES)
    assert kept.indices.tolist() == [0, 2, 3, 1]
    assert torch.allclose(torch.tensor([0.9, 0.7, 0.6, 0.16]), kept.scores)


def test_gaussian_soft_nms_worked_by_hand():
    # 0.8 exp(-0.64 / 0.5) and 0.7 exp(-0.0025 / 0.5); then the third lowers the second by its 1/16.
    kept = soft_nms(BOXES, SCORES, method="gaussian")
    third = 0.7 * math.exp(-0.005)
    second = 0.8 * math.exp(-1.28) * math.exp(-((1 / 16) ** 2) / 0.5)
    assert kept.indices.tolist() == [0, 2, 3, 1]
    assert torch.allclose(torch.tensor([0.9, third, 0.6, second]), kept.scores)


@pytest.mark.parametrize("method", ["linear", "gaussian"])
def test_soft_nms_is_what_the_naive_form_says(method):
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(120, 2, generator=generator) * 20
    boxes = torch.cat([corner, corner + torch.rand(120, 2, generator=generator) * 15 + 1], dim=1)
    scores = torch.randint(1, 20, (120,), generator=generator) / 20

    def decay(overlap):
        if method == "gaussian":
            return math.exp(-(overlap * overlap) / 0.5)
        return 1 - overlap if overlap > 0.3 else 1.0

    expected = naive(boxes, scores, decay, 0.05)
    kept = soft_nms(boxes, scores, method=method, score_threshold=0.05)
    assert [index for index, _ in expected] == kept.indices.tolist()
    assert torch.tensor([score for _, score in expected]).tolist() == kept.scores.tolist()


def test_what_falls_below_the_score_threshold_is_dropped():
    assert soft_nms(BOXES, SCORES, score_threshold=0.2).indices.tolist() == [0, 2, 3]
    # Exactly the threshold stays; 0.7 in float32 is 0.69999999.
    assert soft_nms(BOXES, SCORES, score_threshold=0.7).indices.tolist() == [0]
    assert soft_nms(BOXES, SCORES, score_threshold=SCORES[2].item()).indices.tolist() == [0, 2]


def test_without_a_second_box_above_the_threshold_nothing_is_lowered():
    apart = nms(BOXES, SCORES, 0.3)
    kept = soft_nms(BOXES[apart], SCORES[apart])
    assert torch.equal(SCORES[apart], kept.scores)


def test_groups_are_softened_apart():
    kept = soft_nms(BOXES, SCORES, groups=torch.tensor([0, 1, 0, 1]))
    assert kept.indices.tolist() == [0, 1, 2, 3]
    assert torch.equal(SCORES, kept.scores)


def test_a_score_that_is_no_number_is_dropped_and_no_boxes_are_no_error():
    assert soft_nms(BOXES[:2], torch.tensor([NAN, 0.5])).indices.tolist() == [1]
    assert soft_nms(torch.zeros(0, 4), torch.zeros(0)).scores.shape == (0,)


def test_gradients_reach_the_scores_through_the_lowering():
    scores = SCORES.clone().requires_grad_()
    soft_nms(BOXES, scores).scores.sum().backward()
    assert torch.allclose(torch.tensor([1.0, 0.2, 1.0, 1.0]), scores.grad)


def test_rules_that_lower_nothing_are_refused():
    with pytest.raises(ValueError, match=r"threshold must not be negative, not -0\.5"):
        soft_nms(BOXES, SCORES, threshold=-0.5)
    with pytest.raises(ValueError, match="sigma must be positive, not 0"):
        soft_nms(BOXES, SCORES, method="gaussian", sigma=0)
    with pytest.raises(ValueError, match="must not be negative, not -1"):
        soft_nms(BOXES, SCORES, score_threshold=-1)
