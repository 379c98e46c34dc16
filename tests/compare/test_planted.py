"""Losses that were planted in runs are found, and are not where nothing was planted."""

import numpy as np
import pytest
import torch

from cvbench.compare.comparison import compare
from cvbench.compare.resampling import resample
from cvbench.metrics.classification import TopK
from cvbench.statistics.bootstrap import REACH
from cvbench.statistics.mean_effects import Effect
from cvbench.values import ClassScores
from tests.benchmarks.statistics.detectors import detector
from tests.compare.outcomes import coco_table, without
from tests.compare.runs import Made, make_run, passport
from tests.records import cell


def columns(population, images, lost):
    return coco_table(population.truth, without(population.detections, lost), images)


@pytest.fixture(scope="module")
def population():
    return detector(np.random.default_rng(3), images=1500)


def loss_of_ap(population, lost):
    before, now = (
        resample("coco-2017/bbox", columns(population, 1500, share), population.classes, 200)
        for share in (0.0, lost)
    )
    spread = (now.varied["AP"] - before.varied["AP"]).std(ddof=1)
    return Effect(before.plain["AP"] - now.plain["AP"], REACH * float(spread)), before


@pytest.mark.full
def test_a_planted_loss_of_a_hundredth_of_ap_is_found_in_pairs_alone(population):
    effect, before = loss_of_ap(population, 0.04)
    assert 0.005 < effect.estimate < 0.03
    assert effect.p_above() < 0.005
    alone = Effect(effect.estimate, float(before.varied["AP"].std()) * 2**0.5)
    assert alone.p_above() > 0.005


def test_nothing_planted_is_nothing_found(population):
    effect, _ = loss_of_ap(population, 0.0)
    assert (effect.estimate, effect.error) == (0.0, 0.0)


def test_a_planted_preprocessing_bug_is_found(tmp_path):
    """Channels in the wrong order: a real model on real images, by its outcomes."""
    draw = torch.Generator().manual_seed(0)
    colors = torch.rand(400, 3, generator=draw)
    labels = colors.argmax(1)

    def run(name, seen):
        metric = TopK(("red", "green", "blue", "none", "other", "more"))
        scores = torch.cat([seen, torch.zeros(400, 3)], dim=1)
        ids = [f"{i:03d}" for i in range(400)]
        truths = [ClassScores.of(int(k), 6) for k in labels]
        metric.update(ids, [ClassScores(row) for row in scores], truths)
        made = Made(cell(), data=passport(400)).add(*metric.compute())
        made.tables.append(("outcomes", "topk", dict(metric.outcomes()), metric.protocol))
        return make_run(tmp_path / "s" / name, made)

    # a third of the images keep their strongest channel when red and blue change places
    found = next(compare(run("rgb", colors), run("bgr", colors.flip(1))).differences)[1]
    assert found.verdict == "worse"
