import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvbench.boxes import iou
from cvbench.models.yolo.grid import rows
from cvbench.models.yolo.targets import AssignmentRules, assign_targets
from cvbench.models.yolo.yolo_v3 import yolo_v3_tiny
from cvbench.values import Detections

# 64 x 64 pixels: predictors 0 to 11 in 4 cells of 32 pixels, 12 to 59 in 16 cells of 16
ANCHORS = ((8, 8), (8, 16), (16, 8), (32, 32), (48, 24), (60, 60))


def detector(classes=3, **options):
    torch.manual_seed(0)
    return yolo_v3_tiny(classes, size=64, width=0.125, anchors=ANCHORS, **options)


def blank(images=1, classes=3, objectness=0.0, dtype=torch.float32):
    """Raw maps of zeros but for the objectness."""
    maps = [torch.zeros(images, 3, 5 + classes, side, side, dtype=dtype) for side in (2, 4)]
    for raw in maps:
        raw[:, :, 4] = objectness
    return [raw.flatten(1, 2) for raw in maps]


def put(maps, predictor, values, image=0):
    """Write a predictor's numbers into the raw maps."""
    raw, place = (maps[0], predictor) if predictor < 12 else (maps[1], predictor - 12)
    side = raw.shape[-1]
    cell, slot = divmod(place, 3)
    view = raw.unflatten(1, (3, -1))
    view[image, slot, :, cell // side, cell % side] = torch.as_tensor(values, dtype=raw.dtype)


def one(box, label=1):
    return Detections(torch.tensor([box], dtype=torch.float32), torch.tensor([label]), torch.ones(1))


LN2 = math.log(2)


def test_the_loss_of_undecided_predictors_is_a_logarithm_of_two_each():
    # 8 x 8 at (20, 12), predictor 15, offsets 1/4 and 3/4: all logits 0 cost ln 2 each, whatever the
    # target; sides are met; the center's two terms weigh 2 - 64/4096; 60 objectnesses, 3 classes
    terms = detector().loss(blank(), [one([16.0, 8, 24, 16])])
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"box": (2 - 64 / 4096) * 2 * LN2, "objectness": 60 * LN2, "class": 3 * LN2}
    )


def test_each_term_is_worked_out_by_hand():
    # the same object; its predictor says tx = ln 3 (sigmoid 3/4, target 1/4), ty = ln 3 (target 3/4),
    # tw = 1, th = -1 (targets 0), objectness ln 3, classes (0, ln 3, -ln 3) where the second is true
    a = math.log(3)
    maps = blank()
    put(maps, 15, [a, a, 1.0, -1.0, a, 0.0, a, -a])
    p, q = math.log(4 / 3), math.log(4)  # -log 3/4, -log 1/4
    x, y = 0.25 * p + 0.75 * q, 0.75 * p + 0.25 * q
    terms = detector().loss(maps, [one([16.0, 8, 24, 16])])
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {
            "box": (2 - 64 / 4096) * (x + y + 0.5 + 0.5),
            "objectness": 59 * LN2 + p,
            "class": LN2 + p + p,
        }
    )


def test_an_excused_predictor_costs_nothing():
    # 8 x 12 in the middle of the first fine cell excuses predictor 12
    maps = blank()
    cost = detector().loss(maps, [one([4.0, 2, 12, 14])])["objectness"].item()
    assert cost == pytest.approx(59 * LN2)
    put(maps, 12, [0, 0, 0, 0, 50.0, 0, 0, 0])
    assert detector().loss(maps, [one([4.0, 2, 12, 14])])["objectness"].item() == pytest.approx(cost)


def test_terms_are_means_over_the_images():
    model, there = detector(), one([16.0, 8, 24, 16])
    single = model.loss(blank(), [there])
    double = model.loss(blank(2), [there, Detections.none()])
    assert double["box"].item() == pytest.approx(single["box"].item() / 2)
    assert double["class"].item() == pytest.approx(single["class"].item() / 2)
    assert double["objectness"].item() == pytest.approx(60 * LN2)


def test_the_gradients_are_prediction_minus_target_as_in_darknet():
    torch.manual_seed(1)
    model, there = detector(), one([16.0, 8, 24, 16])
    maps = [raw.normal_().requires_grad_() for raw in blank()]
    sum(model.loss(maps, [there]).values()).backward()
    raw, grad = rows(maps, channels=8)[0].detach(), rows([m.grad for m in maps], channels=8)[0]
    expected = torch.zeros(60, 8)
    expected[:, 4] = raw[:, 4].sigmoid()
    expected[15, 4] -= 1
    weight = 2 - 64 / 4096
    expected[15, :2] = weight * (raw[15, :2].sigmoid() - torch.tensor([0.25, 0.75]))
    expected[15, 2:4] = weight * raw[15, 2:4]
    expected[15, 5:] = raw[15, 5:].sigmoid() - torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(grad, expected)


def test_the_gradients_are_the_slopes():
    torch.manual_seed(1)
    model = detector()
    truths = [
        Detections(torch.tensor([[16.0, 8, 24, 16], [3, 5, 50, 40]]), torch.tensor([0, 2]), torch.ones(2)),
        Detections.none(),
    ]
    maps = [torch.randn_like(raw).requires_grad_() for raw in blank(2, dtype=torch.float64)]
    assert torch.autograd.gradcheck(lambda *m: sum(model.loss(m, truths).values()), maps, fast_mode=True)


def test_the_score_is_objectness_times_class_probability():
    # 3/4 x 3/4 for class 1, 3/4 x 1/4 for class 0, under the threshold for class 2
    a = math.log(3)
    maps = blank(objectness=-20.0)
    put(maps, 15, [0, 0, 0, 0, a, -a, a, -9])
    found = detector(score_threshold=0.1).decode(maps)[0]
    assert found.labels.tolist() == [1, 0]
    torch.testing.assert_close(found.scores, torch.tensor([9 / 16, 3 / 16]))
    assert found.boxes.tolist() == [[20, 4, 28, 12]] * 2  # the prior 8 x 8 around (24, 8)


def test_nothing_above_the_threshold_gives_nothing():
    found = detector().decode(blank(2, objectness=-20.0))
    assert [len(f) for f in found] == [0, 0]
    assert found[0].boxes.shape == (0, 4)


def test_overlapping_boxes_of_one_class_give_way_to_the_best():
    # predictors 13 (8 x 16) and 14 (16 x 8 made 8 x 14) of the first fine cell overlap by 14/16
    maps = blank(objectness=-20.0)
    put(maps, 13, [0, 0, 0, 0, 2, 9, -9, -9])
    put(maps, 14, [0, 0, math.log(8 / 16), math.log(14 / 8), 3, 9, -9, -9])
    found = detector().decode(maps)[0]
    assert found.labels.tolist() == [0]
    torch.testing.assert_close(found.boxes, torch.tensor([[4.0, 1, 12, 15]]))


def test_boxes_of_two_classes_and_of_two_images_let_one_another_be():
    maps = blank(2, objectness=-20.0)
    put(maps, 13, [0, 0, 0, 0, 2, 9, -9, -9])
    put(maps, 14, [0, 0, math.log(8 / 16), math.log(14 / 8), 3, -9, 9, -9])
    put(maps, 13, [0, 0, 0, 0, 1, 9, -9, -9], image=1)
    found = detector().decode(maps)
    assert [f.labels.tolist() for f in found] == [[1, 0], [0]]


def test_boxes_are_cut_at_the_border():
    maps = blank(objectness=-20.0)
    put(maps, 0, [0, 0, 5, 5, 9, 9, -9, -9])
    assert detector().decode(maps)[0].boxes.tolist() == [[0, 0, 64, 64]]


def test_no_more_than_the_best_so_many_are_reported():
    maps = blank(2)
    for predictor in range(12, 60, 3):  # one of each fine cell: none overlap
        put(maps, predictor, [0, 0, 0, 0, predictor / 10, 9, -9, -9])
    found = detector(score_threshold=0.6, max_detections=5).decode(maps)
    assert [len(f) for f in found] == [5, 0]
    expected = torch.tensor([5.7, 5.4, 5.1, 4.8, 4.5]).sigmoid() * torch.tensor(9.0).sigmoid()
    torch.testing.assert_close(found[0].scores, expected)


def test_a_net_that_has_lost_its_mind_finds_nothing():
    assert len(detector().decode([torch.full_like(m, torch.nan) for m in blank()])[0]) == 0


def test_only_the_best_candidates_enter_suppression():
    # 60 predictors x 60 classes = 3,600 candidates, all above the threshold
    model = yolo_v3_tiny(60, size=64, width=0.125, anchors=ANCHORS, max_detections=4000, nms_threshold=1.0)
    maps = [torch.randn_like(m) for m in blank(classes=60)]
    found = model.decode(maps)[0]
    raw = rows(maps, channels=65)[0]
    scores = (raw[:, 4:5].sigmoid() * raw[:, 5:].sigmoid()).flatten()
    torch.testing.assert_close(found.scores, scores.sort(descending=True).values[:3000])


def test_another_input_size_moves_the_grid_along():
    model = detector().eval()
    with torch.inference_mode():
        wide = model(torch.randn(1, 3, 64, 128))
    assert [m.shape[-2:] for m in wide] == [(2, 4), (4, 8)]
    there = one([100.0, 8, 116, 16])
    assert model.loss([m.clone() for m in wide], [there])["box"].isfinite()


@st.composite
def scenes(draw):
    """Up to three objects in each of two images."""
    side, place = st.floats(4, 60), st.floats(0, 60)
    boxes = st.tuples(place, place, side, side)
    scene = draw(st.lists(st.lists(boxes, max_size=3), min_size=2, max_size=2))
    labels = st.integers(0, 2)
    return [
        Detections(
            torch.tensor([[x, y, min(x + w, 64), min(y + h, 64)] for x, y, w, h in image]).reshape(-1, 4),
            torch.tensor([draw(labels) for _ in image], dtype=torch.int64),
            torch.ones(len(image)),
        )
        for image in scene
    ]


@pytest.fixture(scope="module")
def unsuppressed():
    return detector(nms_threshold=1.0)


@settings(max_examples=30, deadline=None)
@given(truths=scenes())
def test_what_the_targets_ask_for_decodes_to_the_truth(unsuppressed, truths):
    model = unsuppressed
    maps = blank(2, objectness=-20.0)
    grid = model._grid(maps)
    targets = assign_targets(rows(maps, channels=8), grid, truths, rules=AssignmentRules("prior", 0.5))
    for i in range(len(targets.image)):
        offset = targets.offset[i].clamp(1e-6, 1 - 1e-6).logit()
        classes = torch.full((3,), -20.0)
        classes[targets.label[i]] = 20.0
        numbers = torch.cat([offset, targets.scale[i], torch.tensor([20.0]), classes])
        put(maps, int(targets.predictor[i]), numbers, image=int(targets.image[i]))
    found = model.decode(maps)
    assert sum(map(len, found)) == sum(map(len, truths)) - targets.shadowed
    for prediction, wanted in zip(found, truths, strict=True):
        for box, label in zip(prediction.boxes, prediction.labels, strict=True):
            close = (wanted.boxes - box).abs().amax(1) < 1e-3
            assert (close & (wanted.labels == label)).any()
        if len(prediction):
            assert iou(prediction.boxes, wanted.boxes).amax(1).min() > 0.99
