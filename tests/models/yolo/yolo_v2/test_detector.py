import math

import pytest
import torch

from cvbench.models.yolo.grid import rows
from cvbench.models.yolo.yolo_v2 import yolo_v2
from cvbench.values import ClassScores, Detections

# 64 x 64 pixels: 4 cells of 32 pixels with five priors each, predictors 0 to 19
ANCHORS = ((16, 16), (32, 32), (32, 16), (16, 32), (64, 64))
LN2, LN3 = math.log(2), math.log(3)


def detector(**options):
    torch.manual_seed(0)
    return yolo_v2(3, size=64, width=0.125, anchors=ANCHORS, **options)


def blank(images=1, objectness=0.0, dtype=torch.float32):
    raw = torch.zeros(images, 5, 8, 2, 2, dtype=dtype)
    raw[:, :, 4] = objectness
    return (raw.flatten(1, 2),)


def put(maps, predictor, values, image=0):
    cell, slot = divmod(predictor, 5)
    maps[0].unflatten(1, (5, 8))[image, slot, :, cell // 2, cell % 2] = torch.as_tensor(values)


def truth(*boxes, labels=None):
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor([1] * len(boxes) if labels is None else labels, dtype=torch.int64),
        torch.ones(len(boxes)),
    )


FIRST_CELL = truth([0, 0, 32, 32])  # predictor 1, met in the middle of its cell


def costs(maps, *truths, model=None):
    terms = (model or detector()).loss(maps, truths)
    return {name: term.item() for name, term in terms.items()}


def test_undecided_predictors_cost_what_is_worked_out_by_hand():
    # The owner predicts the object itself: IoU 1, objectness 5 x 1/2 x (1/2 - 1)^2. The 19 others
    # overlap it by half at the most: 1/2 x (1/2)^2 each. Three classes are equally probable.
    assert costs(blank(), FIRST_CELL) == pytest.approx(
        {"box": 0, "objectness": 0.625 + 19 / 8, "class": LN3, "prior": 0}
    )


def test_each_term_is_worked_out_by_hand():
    # The owner says sigmoid(tx) = 3/4, twice the width, objectness 3/4, classes 1/4, 1/2, 1/4: a box
    # from -8 to 56, which shares half of its area with the object. Weight 2 - 32 x 32 / 64^2 = 1.75.
    maps = blank()
    put(maps, 1, [LN3, 0, LN2, 0, LN3, 0, LN2, 0])
    assert costs(maps, FIRST_CELL) == pytest.approx(
        {
            "box": 1.75 * (1 / 16 + LN2**2) / 2,
            "objectness": 5 * (3 / 4 - 1 / 2) ** 2 / 2 + 19 / 8,
            "class": LN2,
            "prior": 0,
        }
    )


def test_a_prediction_that_overlaps_an_object_by_more_than_0_6_is_not_told_that_there_is_none():
    # predictor 2 (32 x 16) makes itself twice as high: it is the object too
    maps = blank()
    put(maps, 2, [0, 0, 0, LN2, 0, 0, 0, 0])
    found = costs(maps, FIRST_CELL)
    assert found["objectness"] == pytest.approx(0.625 + 18 / 8)
    assert found["prior"] == pytest.approx(0.01 * LN2**2 / 2)


def test_priors_draw_their_predictors_for_12_800_images():
    model, maps = detector(), blank()
    put(maps, 19, [LN3, 0, 1.0, 0, 0, 0, 0, 0])
    assert costs(maps, truth(), model=model)["prior"] == pytest.approx(0.01 * (1 / 16 + 1) / 2)
    model.seen.fill_(12_800)
    assert costs(maps, truth(), model=model)["prior"] == 0


def test_images_are_counted_in_training_only():
    model = detector()
    model.train()(torch.zeros(3, 3, 64, 64))
    model.eval()(torch.zeros(2, 3, 64, 64))
    assert model.seen == 3


def test_an_image_with_a_class_alone_teaches_the_predictor_that_knows_it_best():
    # predictor 7 holds class 2 most probable, 2/4; its objectness 1/10 should be 3/10
    maps = blank()
    put(maps, 7, [LN3, LN3, 1, 1, -math.log(9), 0, 0, LN2])
    assert costs(maps, ClassScores.of(2, 3)) == pytest.approx(
        {"box": 0, "objectness": 5 * 0.2**2 / 2, "class": LN2, "prior": 0}
    )


def test_an_objectness_above_0_3_satisfies_an_image_with_a_class_alone():
    assert costs(blank(), ClassScores.of(2, 3))["objectness"] == 0


def test_both_kinds_of_image_share_a_batch():
    there = FIRST_CELL
    alone = costs(blank(), there)
    both = costs(blank(2), ClassScores.of(0, 3), there)
    assert both["objectness"] == pytest.approx(alone["objectness"] / 2)
    assert both["class"] == pytest.approx((alone["class"] + LN3) / 2)


def test_of_two_objects_at_one_predictor_the_later_is_learnt_and_the_other_counted():
    model = detector()
    twice = truth([0, 0, 32, 32], [1, 1, 31, 31], labels=[0, 2])
    maps = blank()
    put(maps, 1, [0, 0, 0, 0, 0, -50, 0, 50])
    assert costs(maps, twice, model=model)["class"] == pytest.approx(0, abs=1e-6)
    assert model.shadowed == 1


@pytest.mark.parametrize("nothing", [truth(), truth([8, 8, 8, 20]), truth([70, 8, 90, 20])])
def test_without_an_object_that_has_an_area_only_objectness_is_learnt(nothing):
    assert costs(blank(), nothing) == pytest.approx({"box": 0, "objectness": 20 / 8, "class": 0, "prior": 0})


def test_the_gradients_are_the_slopes():
    torch.manual_seed(1)
    model = detector()
    truths = [truth([0, 0, 32, 32], [30, 20, 60, 64], labels=[0, 2]), ClassScores.of(1, 3), truth()]
    maps = [torch.randn_like(raw).requires_grad_() for raw in blank(3, dtype=torch.float64)]
    terms = {name: term.detach() for name, term in model.loss(maps, truths).items()}

    # The objectness of an owner aims at its box's overlap, which is held constant: not a slope of it.
    def loss(raw):
        found = model.loss([raw], truths)
        return found["box"] + found["class"] + found["prior"]

    assert terms["prior"] > 0
    assert torch.autograd.gradcheck(loss, maps, fast_mode=True)


def test_the_gradients_of_the_objectness_are_darknets():
    torch.manual_seed(1)
    maps = [torch.randn_like(raw).requires_grad_() for raw in blank()]
    detector().loss(maps, [truth()])["objectness"].backward()
    raw, grad = rows(maps, channels=8)[0].detach(), rows([maps[0].grad], channels=8)[0]
    believed = raw[:, 4].sigmoid()
    expected = torch.zeros(20, 8)
    expected[:, 4] = believed * believed * (1 - believed)  # (output - 0) x the logistic's slope
    torch.testing.assert_close(grad, expected)


def test_the_score_is_objectness_times_the_softmax():
    maps = blank(objectness=-20.0)
    put(maps, 6, [LN3, 0, 0, LN2, LN3, 0, LN2, -20])  # cell (0, 1): 3/4 x (1/3, 2/3, 0)
    found = detector(score_threshold=0.1).decode(maps)[0]
    assert found.labels.tolist() == [1, 0]
    torch.testing.assert_close(found.scores, torch.tensor([1 / 2, 1 / 4]))
    # center (32 + 24, 16), 32 x 64, clipped at the border
    assert found.boxes.tolist() == [[40, 0, 64, 48]] * 2


def test_the_authors_priors_have_names():
    voc = yolo_v2(20, size=64, width=0.125, anchors="voc").priors[0]
    torch.testing.assert_close(voc[0], torch.tensor([1.3221 * 32, 1.73145 * 32]))
    assert yolo_v2(20, size=64, width=0.125).priors[0][0].tolist() == pytest.approx(
        [0.57273 * 32, 0.677385 * 32]
    )
