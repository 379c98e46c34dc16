"""Intervals have their nominal coverage for synthetic detectors with a known truth."""

import json
from pathlib import Path

import numpy as np
import pytest

from cvbench.metrics.coco.evaluation import match_coco
from cvbench.metrics.coco.summary import values
from tests.benchmarks.statistics import coverage
from tests.benchmarks.statistics.detectors import Outcome, _of_images, detector

REFERENCE = Path(__file__).parents[3] / "results" / "reference" / "coverage.json"
HEADLINES = ("AP", "mAP (VOC 2012)", "mIoU")


def test_the_committed_simulation_holds_what_95_percent_promises():
    figures = json.loads(REFERENCE.read_text())["figures"]
    for name in HEADLINES:
        assert figures[name]["sets"] == 1000
        assert 0.93 <= figures[name]["share"] <= 0.97, name


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_simulated_anew_it_still_does():
    figures = coverage.table(50)
    for name in HEADLINES:
        assert 0.93 <= figures[name].share <= 0.97, name


@pytest.mark.full
def test_a_sample_of_the_population_has_the_figures_of_its_images_alone():
    population = detector(np.random.default_rng(3), images=60)
    images = np.arange(0, 60, 3)
    matches = match_coco(population.truth, population.detections, classes=population.classes)
    weights = np.isin(matches.numbers, images).astype(float)
    assert values(_of_images(matches, images).evaluate()) == values(matches.evaluate(weights))


def test_coverage_worked_out_by_hand():
    # Resamples spread by 1/10 around the value: 0.5 with about 0.216 on either side.
    around = np.array([0.4, 0.5, 0.6])
    outcomes = [Outcome(100, truth, 0.5, around) for truth in (0.2, 0.3, 0.7, 0.71)]
    fared = coverage.covered(outcomes, reads_the_best=False)
    assert (fared.share, fared.truth_below, fared.by_size) == (0.75, 0.25, {"100": 0.75})
    assert fared.width == pytest.approx(2 * 1.1 * 1.96 * 0.1, abs=1e-3)
