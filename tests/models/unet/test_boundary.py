import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cvbench.models.unet.losses import gap_weights
from cvbench.values import VOID


def weights(rows: list[list[int]]) -> list[list[float]]:
    return gap_weights(torch.tensor([rows], dtype=torch.uint8))[0].tolist()


def test_by_hand():
    # cells at 0 and 4: at pixel 1 the distances are 1 and 3, at 0 they are 0 and 4, at 5 1 and 5
    found = weights([[1, 0, 0, 0, 1, 0]])[0]
    expected = [math.exp(-16 / 50)] * 5 + [math.exp(-36 / 50)]
    assert found == pytest.approx(expected)


def test_regions_of_one_class_that_touch_by_a_corner_are_two_cells():
    assert weights([[1, 0], [0, 1]])[0][1] == pytest.approx(math.exp(-4 / 50))


def test_regions_of_two_classes_that_touch_are_two_cells():
    assert weights([[1, 2]])[0] == pytest.approx([math.exp(-1 / 50)] * 2)


@pytest.mark.parametrize("labels", [[[0, 0], [0, 0]], [[1, 1], [0, 1]], [[1, VOID], [VOID, VOID]]])
def test_without_two_cells_there_is_no_gap(labels):
    assert weights(labels) == [[0.0, 0.0], [0.0, 0.0]]


def naive(labels: np.ndarray) -> np.ndarray:
    """Cells by flooding, distances pixel by pixel."""
    height, width = labels.shape
    cells: list[list[tuple[int, int]]] = []
    seen: set[tuple[int, int]] = set()
    for start in np.ndindex(height, width):
        if start in seen or labels[start] in (0, VOID):
            continue
        cell, waiting = [], [start]
        seen.add(start)
        while waiting:
            y, x = waiting.pop()
            cell.append((y, x))
            for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= near[0] < height and 0 <= near[1] < width
                if inside and near not in seen and labels[near] == labels[start]:
                    seen.add(near)
                    waiting.append(near)
        cells.append(cell)
    result = np.zeros(labels.shape)
    for y, x in np.ndindex(height, width):
        distances = sorted(min(math.dist((y, x), pixel) for pixel in cell) for cell in cells)
        if len(distances) > 1:
            result[y, x] = math.exp(-((distances[0] + distances[1]) ** 2) / 50)
    return result


@given(arrays.arrays(np.uint8, (2, 5, 6), elements=st.sampled_from([0, 0, 0, 1, 2, VOID])))
def test_it_is_what_looking_at_every_cell_gives(labels):
    # a batch of two images: neither sees the other's cells
    expected = np.stack([naive(image) for image in labels])
    np.testing.assert_allclose(gap_weights(torch.from_numpy(labels)).numpy(), expected, atol=1e-6)
