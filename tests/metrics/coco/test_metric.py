"""The COCO metrics take Detections and give Measurements."""

import tracemalloc

import numpy as np
import pytest
import torch

from cvbench.boxes.masks import box_regions
from cvbench.metrics.coco.evaluation import evaluate_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.coco.metric import CocoBoxAP, CocoMaskAP
from cvbench.metrics.coco.summary import FIGURES, values
from cvbench.metrics.voc.metric import Voc2012
from cvbench.values import Detections


def objects(*boxes, label=0, **more):
    n = len(boxes)
    corners = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return Detections(corners, torch.full((n,), label), torch.ones(n), **more)


def figures(metric, predictions, truths):
    metric.update([str(i) for i in range(len(truths))], predictions, truths)
    return {figure.name: figure for figure in metric.compute()}


BOX = [0.0, 0.0, 20.0, 20.0]
SQUARE = torch.zeros(1, 40, 40, dtype=torch.bool)
SQUARE[0, :20, :20] = True


def test_a_perfect_detection_scores_1_where_there_is_something_to_find():
    of = figures(CocoBoxAP(["a", "b"]), [objects(BOX)], [objects(BOX)])
    assert list(of) == list(FIGURES)
    assert of["AP"].value == pytest.approx(1)
    assert of["AP"].parts[0].n == 1
    assert of["AP"].parts[1].missing == "no object of this class"
    assert of["APl"].missing == "no large object to be found"
    assert of["APl"].parts[0].missing == "no large object of this class"


def test_an_objects_size_is_annotated_or_its_masks_or_its_boxs():
    large = objects(BOX, areas=torch.tensor([10_000.0]))
    assert figures(CocoBoxAP(["a"]), [objects(BOX)], [large])["APl"].value == pytest.approx(1)
    small = objects([0.0, 0.0, 40.0, 40.0], masks=SQUARE)
    assert figures(CocoBoxAP(["a"]), [small], [small])["APs"].value == pytest.approx(1)
    medium = objects([0.0, 0.0, 40.0, 40.0])
    assert figures(CocoBoxAP(["a"]), [medium], [medium])["APs"].value is None


def test_a_crowd_need_not_be_found():
    crowd = objects(BOX, [50.0, 50.0, 90.0, 90.0], crowd=torch.tensor([False, True]))
    of = figures(CocoBoxAP(["a"]), [objects(BOX)], [crowd])
    assert of["AR100"].value == 1
    assert of["AR100"].parts[0].n == 1


def test_masks_are_compared_by_pixels_not_by_boxes():
    half = SQUARE.clone()
    half[0, :, 10:] = False
    found, true = objects(BOX, masks=half), objects(BOX, masks=SQUARE)
    assert figures(CocoMaskAP(["a"]), [found], [true])["AP"].value == pytest.approx(0.1)
    assert figures(CocoBoxAP(["a"]), [found], [true])["AP"].value == pytest.approx(1)


def test_objects_without_masks_cannot_be_scored_by_them():
    with pytest.raises(ValueError, match="no masks; score their boxes with the metric coco"):
        figures(CocoMaskAP(["a"]), [objects(BOX)], [objects(BOX, masks=SQUARE)])


def test_empty_predictions_are_legal_and_score_0():
    for metric in (CocoBoxAP(["a"]), CocoMaskAP(["a"])):
        of = figures(metric, [Detections.none()], [objects(BOX, masks=SQUARE)])
        assert (of["AP"].value, of["AR100"].value) == (0, 0)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (objects(BOX, label=2), r"labels \[2\] are not all from 0 to 1"),
        (objects([0.0, 0.0, float("nan"), 1.0]), "a coordinate is not finite: nan"),
        (
            Detections(torch.tensor([BOX]), torch.zeros(1, dtype=torch.int64), torch.tensor([float("inf")])),
            "a score is not finite: inf",
        ),
    ],
)
def test_unsound_detections_are_refused(prediction, message):
    with pytest.raises(ValueError, match=message):
        CocoBoxAP(["a", "b"]).update(["1"], [prediction], [objects(BOX)])


def scattered(seed, images=30):
    draw = torch.Generator().manual_seed(seed)
    predictions, truths = [], []
    for _ in range(images):
        boxes = torch.rand(4, 4, generator=draw) * 100
        boxes[:, 2:] += boxes[:, :2] + 1
        labels = torch.randint(0, 3, (4,), generator=draw)
        truths.append(Detections(boxes, labels, torch.ones(4)))
        moved = boxes + torch.randn(4, 4, generator=draw) * 4
        predictions.append(Detections(moved, labels, torch.rand(4, generator=draw)))
    return predictions, truths


def test_outcomes_are_enough_to_compute_the_figures_again():
    metric = CocoBoxAP(["a", "b", "c"])
    metric.update([str(i) for i in range(30)], *scattered(0))
    columns = metric.outcomes()

    def flat(name, dtype=np.float64):
        return np.concatenate([np.array(row, dtype) for row in columns[name]])

    def image(name):
        return np.repeat(np.arange(30), [len(row) for row in columns[name]])

    truth = CocoTruth(
        image("true_label"),
        flat("true_label", np.int64),
        box_regions(flat("true_xywh").reshape(-1, 4)),
        flat("true_area"),
        flat("crowd", bool),
    )
    found = CocoDetections(
        image("label"), flat("label", np.int64), box_regions(flat("xywh").reshape(-1, 4)), flat("score")
    )
    again = values(evaluate_coco(truth, found, classes=3))
    assert again == {figure.name: figure.value for figure in metric.compute()}


def test_every_figure_with_a_value_has_an_interval_around_it():
    of = figures(CocoBoxAP(["a", "b", "c"]), *scattered(1))
    for figure in of.values():
        if figure.value is not None and figure.interval_missing is None:
            assert 0 <= figure.interval[0] <= figure.value <= figure.interval[1] <= 1
    assert of["AP"].interval[1] - of["AP"].interval[0] > 0.01


def test_another_kind_or_other_classes_cannot_be_merged():
    with pytest.raises(TypeError, match="only a CocoBoxAP with the same classes"):
        CocoBoxAP(["a"]).merge(CocoMaskAP(["a"]))
    with pytest.raises(TypeError, match="only a CocoBoxAP with the same classes"):
        CocoBoxAP(["a"]).merge(CocoBoxAP(["b"]))


def of_two_classes(rare, common):
    """One image per pair of objects that were found exactly; classes 0 and 1 have so many objects."""
    images = []
    for k in range(max(rare, common)):
        kinds = [0] * (k < rare) + [1] * (k < common)
        boxes = torch.tensor([BOX, [50.0, 50.0, 70.0, 70.0]])[: len(kinds)]
        images.append(Detections(boxes, torch.tensor(kinds), torch.ones(len(kinds))))
    return images


@pytest.mark.parametrize(
    ("metric", "rare", "common", "effective", "reason"),
    [
        # 2 / (1/3 + 1/7) = 4.2; 2 / (1/5 + 1/20) = 8; 2 / (1/6 + 1/30) = 10
        (CocoBoxAP, 3, 7, 4.2, "too few objects for an interval: 4.2 per class"),
        (CocoBoxAP, 5, 20, 8.0, "too few objects for an interval: 8.0 per class"),
        (CocoBoxAP, 6, 30, 10.0, None),
        (CocoBoxAP, 0, 12, 12.0, None),  # a class without objects is in no mean
        (Voc2012, 6, 30, 10.0, "too few objects for an interval: 10.0 per class"),
        (Voc2012, 12, 60, 20.0, None),
    ],
)
def test_an_interval_that_too_few_objects_carry_is_withheld(metric, rare, common, effective, reason):
    images = of_two_classes(rare, common)
    of = figures(metric(["a", "b"]), images, images)
    figure = of.get("AP") or of["mAP"]
    assert figure.effective_n == pytest.approx(effective)
    assert figure.interval_missing == reason
    assert (figure.interval is None) == (reason is not None)
    if "APl" in of:  # neither a value nor a second reason
        assert of["APl"].effective_n is of["APl"].interval_missing is None


def test_classes_without_objects_take_no_room():
    few, many = (CocoBoxAP([f"c{k}" for k in range(n)]) for n in (2, 500))
    truth = [objects(BOX, label=1)] * 12
    tracemalloc.start()
    narrow, wide = figures(few, truth, truth), figures(many, truth, truth)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6  # all 500 laid out: 97 MB, and three times as much for the resamples
    for name, figure in narrow.items():
        assert wide[name].value == figure.value
        assert wide[name].interval == figure.interval
        assert wide[name].parts[:2] == figure.parts
    assert wide["AP"].parts[499].missing == "no object of this class"
