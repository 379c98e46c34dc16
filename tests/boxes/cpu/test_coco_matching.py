"""The compiled COCO rule, which is given candidates, is the reference, which is given a matrix."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvbench.boxes import NOBODY, match_coco
from cvbench.boxes.cpu.coco_matching import Candidates, match_candidates

NOT_AN_OBJECT = -1


def candidates_of(overlaps: np.ndarray, least: float) -> Candidates:
    """What each detection overlaps enough; best first, the later one first among equals."""
    rows = [
        sorted((g for g, overlap in enumerate(row) if overlap >= least), key=lambda g, row=row: (-row[g], -g))
        for row in overlaps
    ]
    return Candidates(
        starts=np.cumsum([0, *map(len, rows)]),
        objects=np.array([g for row in rows for g in row], np.int64),
        ious=np.array([overlaps[d, g] for d, row in enumerate(rows) for g in row], np.float64),
    )


@settings(deadline=None)
@given(data=st.data(), detections=st.integers(0, 8), truths=st.integers(1, 6), areas=st.integers(1, 4))
def test_candidates_find_what_the_matrix_finds_at_every_threshold_and_in_every_range(
    data, detections, truths, areas
):
    def drawn(elements, *shape):
        count = int(np.prod(shape))
        return np.array(data.draw(st.lists(elements, min_size=count, max_size=count))).reshape(shape)

    thresholds = np.array([0.5, 0.6, 0.75, 0.95])
    overlaps = drawn(st.sampled_from([0.0, 0.4, 0.5, 0.55, 0.6, 0.75, 0.8, 0.95, 1.0]), detections, truths)
    crowd = drawn(st.booleans(), truths).astype(bool)
    ignored = drawn(st.booleans(), areas, truths).astype(bool) | crowd
    expected = match_coco(
        torch.from_numpy(overlaps).double(),
        thresholds=torch.from_numpy(thresholds),
        crowd=torch.from_numpy(crowd),
        ignored=torch.from_numpy(ignored),
        outside=torch.zeros(areas, detections, dtype=torch.bool),
    )
    settings_of_an_area = (1 << len(thresholds)) - 1
    shifts = len(thresholds) * np.arange(areas)
    passed_over = (ignored.astype(np.int64) * (settings_of_an_area << shifts)[:, None]).sum(axis=0)
    given_candidates = candidates_of(overlaps, thresholds[0])
    fate = match_candidates(given_candidates, thresholds, areas, passed_over, crowd, NOT_AN_OBJECT)
    for area in range(areas):
        for t in range(len(thresholds)):
            bit = 1 << (area * len(thresholds) + t)
            assert ((fate.found & bit) != 0).tolist() == (expected.truth[area, t] != NOBODY).tolist()
            assert ((fate.void & bit) != 0).tolist() == expected.ignored[area, t].tolist()
