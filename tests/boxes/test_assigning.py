import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models.detection._utils import Matcher

from cvbench.boxes import assign

#  prior:              positive    between     negative    best of object 1, though little
OVERLAPS = torch.tensor([[0.8, 0.0], [0.5, 0.1], [0.1, 0.0], [0.0, 0.2]])
TENTHS = st.integers(1, 5).flatmap(
    lambda objects: st.lists(
        st.lists(st.integers(0, 10).map(lambda tenth: tenth / 10), min_size=objects, max_size=objects),
        min_size=1,
        max_size=12,
    )
)


def test_priors_are_assigned_as_worked_by_hand():
    assigned = assign(OVERLAPS)
    assert assigned.positive.tolist() == [True, False, False, True]
    assert assigned.negative.tolist() == [False, False, True, False]
    assert assigned.ignored.tolist() == [False, True, False, False]
    assert assigned.truth[assigned.positive].tolist() == [0, 1]


def test_without_low_quality_matches_an_object_can_go_without_a_prior():
    assert assign(OVERLAPS, low_quality=False).positive.tolist() == [True, False, False, False]


def test_an_object_that_no_prior_overlaps_gets_none():
    assert not assign(torch.tensor([[0.9, 0.0], [0.0, 0.0]])).positive[1]


def test_without_objects_every_prior_is_background():
    assigned = assign(torch.zeros(3, 0))
    assert assigned.negative.all()
    assert not assigned.positive.any()
    assert assign(torch.zeros(0, 3)).positive.shape == (0,)


@given(rows=TENTHS, low_quality=st.booleans())
def test_the_assignment_is_that_of_torchvision(rows, low_quality):
    # Theirs also forces priors on objects that none overlaps: ours have a little overlap with one.
    overlaps = torch.tensor(rows).clamp(min=0.05)
    theirs = Matcher(0.7, 0.3, allow_low_quality_matches=low_quality)(overlaps.t())
    ours = assign(overlaps, positive=0.7, negative=0.3, low_quality=low_quality)
    assert torch.equal(theirs >= 0, ours.positive)
    assert torch.equal(theirs == Matcher.BELOW_LOW_THRESHOLD, ours.negative)
    assert torch.equal(theirs == Matcher.BETWEEN_THRESHOLDS, ours.ignored)
    assert torch.equal(theirs[ours.positive], ours.truth[ours.positive])


@given(images=st.lists(TENTHS, min_size=1, max_size=3))
def test_images_of_a_batch_are_assigned_as_they_are_alone(images):
    priors, objects = max(map(len, images)), max(len(image[0]) for image in images)
    batch = torch.zeros(len(images), priors, objects)
    for rows, image in zip(batch, images, strict=True):
        rows[: len(image), : len(image[0])] = torch.tensor(image)
    together = assign(batch)
    for index, image in enumerate(images):
        alone = assign(torch.tensor(image))
        for a, b in zip(alone, together, strict=True):
            assert torch.equal(a, b[index, : len(image)])


def test_no_objects_in_a_batch_make_every_prior_background():
    assigned = assign(torch.zeros(2, 3, 0))
    assert assigned.negative.shape == (2, 3)
    assert assigned.negative.all()
