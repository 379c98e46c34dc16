import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cvbench.boxes.cpu.sorting import group, sort_by_falling_score
from cvbench.metrics.coco.sorting import rank

scores = st.lists(st.sampled_from([-1.5, -0.0, 0.0, 0.25, 1.0]) | st.floats(-1e300, 1e300), max_size=120)


@given(scores)
def test_places_are_sorted_as_by_a_stable_sort(values):
    array = np.array(values, np.float64)
    order = np.arange(len(array))
    sort_by_falling_score(order, array)
    np.testing.assert_array_equal(order, np.argsort(-array, kind="stable"))


def test_thousands_are_sorted_as_by_a_stable_sort():
    array = np.random.default_rng(0).integers(0, 300, 5000) / 300
    order = np.arange(5000)
    sort_by_falling_score(order, array)
    np.testing.assert_array_equal(order, np.argsort(-array, kind="stable"))


@given(st.lists(st.integers(0, 4)))
def test_a_group_holds_the_places_of_its_value_in_order(keys):
    order, starts = group(np.array(keys, np.int64), 5)
    for value in range(5):
        assert order[starts[value] : starts[value + 1]].tolist() == [
            i for i, k in enumerate(keys) if k == value
        ]


def test_detections_are_ranked_by_image_class_and_score():
    # Image 0 holds the places 3, 1, 0; image 1 the place 2.
    ranked = rank(
        np.array([3, 1, 0, 2]),
        np.array([0, 3, 4]),
        np.array([1, 0, 0, 0]),
        np.array([0.5, 0.9, 0.1, 0.9]),
        np.array([1, 2]),
        2,
    )
    assert ranked.place.tolist() == [3, 1, 0, 2]
    assert ranked.label.tolist() == [0, 0, 1, 0]
    assert ranked.level.tolist() == [0, 1, 0, 0]
