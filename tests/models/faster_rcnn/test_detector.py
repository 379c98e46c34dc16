import math

import pytest
import torch
from torch import nn

from cvbench.models.faster_rcnn import faster_rcnn_resnet18_fpn, faster_rcnn_vgg16
from cvbench.models.faster_rcnn.detector import Outputs
from cvbench.values import Detections

LN2 = math.log(2)
SCALES = (8, 16, 32, 64, 128)


def detector(classes=3, **options):
    torch.manual_seed(0)
    return faster_rcnn_resnet18_fpn(classes, size=64, width=0.125, scales=SCALES, **options)


def images(count=2, dtype=torch.float32):
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(1)).to(dtype)


def one(box, label=1, **marks):
    return Detections(torch.tensor([box], dtype=torch.float32), torch.tensor([label]), torch.ones(1), **marks)


def said(proposals, logits, refinements=None):
    """Outputs of evaluation with one image of 64 x 64 pixels."""
    boxes, scores = torch.tensor([proposals], dtype=torch.float32), torch.tensor([logits])
    if refinements is None:
        refinements = torch.zeros(*scores.shape, 4)
    level = torch.zeros(1, 3, 16, 16)
    return Outputs((level,), (level,), (level[:, :0],), boxes, scores, refinements)


def test_scores_are_probabilities_without_the_backgrounds():
    # odds of 1 : 1 : 4 : 2 for background and three classes; the first stays under the threshold
    outputs = said([[8, 8, 40, 40]], [[0.0, 0.0, 2 * LN2, LN2]])
    found = detector(score_threshold=0.2).decode(outputs)[0]
    assert found.labels.tolist() == [1, 2]
    torch.testing.assert_close(found.scores, torch.tensor([0.5, 0.25]))
    assert found.boxes.tolist() == [[8, 8, 40, 40]] * 2


def test_each_class_moves_the_proposal_in_its_own_way():
    refinements = torch.zeros(1, 1, 4, 4)
    refinements[0, 0, 2] = torch.tensor([2.5, 0, 5 * LN2, 0])  # a quarter to the right, twice as wide
    refinements[0, 0, 3] = torch.tensor([99.0, 0, 0, 0])  # out of the image: nothing is left of it
    outputs = said([[8, 8, 24, 40]], [[0.0, 0.0, 2.0, 2.0]], refinements)
    found = detector(score_threshold=0.2).decode(outputs)[0]
    assert found.labels.tolist() == [1]
    torch.testing.assert_close(found.boxes, torch.tensor([[4.0, 8, 36, 40]]))


def test_boxes_of_one_class_suppress_one_another_and_those_of_two_do_not():
    outputs = said(
        [[0, 0, 20, 20], [1, 0, 21, 20], [0, 0, 20, 20]],
        [[0.0, 5, 0, 0], [0.0, 6, 0, 0], [0.0, 0, 5, 0]],
    )
    found = detector(score_threshold=0.2).decode(outputs)[0]
    assert found.labels.tolist() == [0, 1]
    assert found.boxes.tolist() == [[1, 0, 21, 20], [0, 0, 20, 20]]


@pytest.mark.parametrize("threshold", [0.0, 0.05])
def test_where_all_proposals_are_suppressed_nothing_is_found(threshold):
    found = detector(score_threshold=threshold).decode(said([[0, 0, 0, 0]] * 2, [[0.0, 9, 9, 9]] * 2))[0]
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


@pytest.mark.full
def test_a_net_that_has_lost_its_mind_finds_nothing():
    model = detector().eval()
    with torch.inference_mode():
        outputs = model(torch.full((1, 3, 64, 64), torch.nan))
        assert len(model.decode(outputs)[0]) == 0


def undecided(model):
    """The same, believing in nothing more than in anything else, and moving no box."""
    for layer in (
        model.rpn.head.cls_logits,
        model.rpn.head.bbox_pred,
        *model.roi_heads.box_predictor.children(),
    ):
        nn.init.zeros_(layer.weight)
    return model.train()


def test_the_loss_of_an_undecided_net_is_worked_by_hand():
    # a logarithm of 2 for each anchor and one of 4 for each region, whatever the samples; an anchor that
    # is the object, 16 x 16 around (32, 32), has nothing to move, and no other one comes near it
    model = undecided(detector(ratios=(1,)))
    terms = model.loss(model(images(1)), [one([24.0, 24, 40, 40])])
    assert terms["proposal"].item() == pytest.approx(LN2)
    assert terms["class"].item() == pytest.approx(2 * LN2)
    assert terms["proposal_box"].item() == 0


def test_the_first_stages_box_term_is_worked_by_hand():
    # 16 x 14 in the same place: IoU 14/16 with that anchor, and less than 0.7 with all others; it has
    # to learn log 14/16 = -0.1335, a line at 0.1335 - 1/18; 257 anchors are there, 256 are drawn
    model = undecided(detector(ratios=(1,)))
    terms = model.loss(model(images(1)), [one([24.0, 25, 40, 39])])
    assert terms["proposal_box"].item() == pytest.approx((math.log(16 / 14) - 1 / 18) / 256, rel=1e-4)


@pytest.mark.full
@pytest.mark.parametrize(
    "truth",
    [
        Detections.none(),
        one([5.0, 5, 5, 30]),
        one([70.0, 70, 90, 90]),
        one([5.0, 5, 30, 30], crowd=torch.tensor([True])),
        one([5.0, 5, 30, 30], difficult=torch.tensor([True])),
    ],
)
def test_what_is_not_to_be_learnt_leaves_background(truth):
    model = undecided(detector())
    terms = model.loss(model(images()), [truth] * 2)
    assert terms["proposal"].item() == pytest.approx(LN2)
    assert (terms["proposal_box"], terms["box"]) == (0, 0)
    sum(terms.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.full
def test_the_gradients_of_the_first_stage_are_the_slopes():
    model = detector().double().train()
    outputs = model(images(dtype=torch.float64))
    truths = [one([10.0, 12, 40, 33]), Detections.none()]
    raw = [each.detach().requires_grad_() for each in (*outputs.objectness, *outputs.offsets)]

    def loss(*raw):
        torch.manual_seed(3)
        terms = model.loss(outputs._replace(objectness=raw[:5], offsets=raw[5:]), truths)
        return terms["proposal"] + terms["proposal_box"]

    assert torch.autograd.gradcheck(loss, raw, fast_mode=True)


def test_the_gradients_of_the_second_stage_are_the_slopes():
    model = detector().double().train()
    outputs = model(images(dtype=torch.float64))
    truths = [one([10.0, 12, 40, 33]), one([30.0, 20, 60, 50], label=2)]
    maps = [each.detach().requires_grad_() for each in outputs.maps]
    weight = model.roi_heads.box_predictor.bbox_pred.weight

    def loss(*given):
        torch.manual_seed(3)
        terms = model.loss(outputs._replace(maps=given[:4]), truths)
        return terms["class"] + terms["box"]

    assert torch.autograd.gradcheck(loss, (*maps, weight), fast_mode=True)


def test_no_gradient_of_the_second_stage_reaches_the_first_ones_output():
    model = detector().train()
    outputs = model(images())
    terms = model.loss(outputs, [one([10.0, 12, 40, 33])] * 2)
    (terms["class"] + terms["box"]).backward()
    assert model.rpn.head.bbox_pred.weight.grad is None
    assert model.backbone.body.conv1.weight.grad.count_nonzero() > 0


def test_the_seed_of_torch_decides_the_loss():
    model = detector().train()
    outputs = model(images())
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append(sum(model.loss(outputs, [one([10.0, 12, 40, 33])] * 2).values()).item())
    assert losses[0] == losses[1] != losses[2]


def test_outputs_of_evaluation_cannot_be_learnt_from():
    model = detector().eval()
    with pytest.raises(ValueError, match=r"outputs of evaluation: call train\(\)"):
        model.loss(model(images()), [Detections.none()] * 2)


@pytest.mark.parametrize("size", [(48, 64), (64, 16), (0, 64)])
def test_inputs_that_the_stride_does_not_divide_are_refused(size):
    with pytest.raises(ValueError, match=f"{size[0]} x {size[1]} pixels: sides must be multiples of 32"):
        detector()(torch.zeros(1, 3, *size))


def test_inputs_may_have_another_size_than_the_canvas():
    model = detector(score_threshold=0.0)
    terms = model.train().loss(model(torch.randn(1, 3, 64, 128)), [one([90.0, 10, 120, 40])])
    assert all(term.isfinite() for term in terms.values())
    with torch.inference_mode():
        found = model.eval().decode(model(torch.randn(1, 3, 32, 128)))[0]
    assert found.boxes[:, 2].max() > 64
    assert found.boxes[:, 3].max() <= 32


@pytest.mark.parametrize("across_border", [False, True])
def test_anchors_across_the_border_are_learnt_from_if_asked(across_border):
    # anchors of 128 pixels and more all leave an image of 64
    torch.manual_seed(0)
    model = faster_rcnn_vgg16(2, size=64, width=0.125, across_border=across_border).train()
    terms = model.loss(model(images(1)), [one([0.0, 0, 64, 64])])
    assert (terms["proposal"].item() > 0) is across_border
