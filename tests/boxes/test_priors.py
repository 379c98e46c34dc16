import pytest
import torch

from cvbench.boxes import iou_of_shapes, kmeans_priors


def clouds(*centres: tuple[float, float], spread: float = 0.05) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = 1 + spread * torch.randn(len(centres), 200, 2, generator=generator)
    return (torch.tensor(centres)[:, None] * noise).reshape(-1, 2)


def test_priors_of_two_shapes_are_these_shapes():
    priors = kmeans_priors(torch.tensor([[10.0, 20.0], [10.0, 20.0], [40.0, 30.0]]), 2)
    assert priors.shapes.tolist() == [[10.0, 20.0], [40.0, 30.0]]
    assert priors.mean_best_iou == 1.0


def test_one_prior_is_the_mean_shape_and_its_quality_the_mean_overlap():
    # The mean of 2 x 2 and 4 x 4 is 3 x 3, with overlaps 4/9 and 9/16.
    priors = kmeans_priors(torch.tensor([[2.0, 2.0], [4.0, 4.0]]), 1)
    assert priors.shapes.tolist() == [[3.0, 3.0]]
    assert priors.mean_best_iou == pytest.approx((4 / 9 + 9 / 16) / 2, abs=1e-15)


def test_priors_find_the_clouds_smallest_area_first():
    centres = [(10.0, 30.0), (120.0, 100.0), (60.0, 20.0)]
    priors = kmeans_priors(clouds(*centres), 3, seed=1)
    expected = torch.tensor(sorted(centres, key=lambda shape: shape[0] * shape[1]))
    assert torch.allclose(expected, priors.shapes, rtol=0.02)


def test_the_quality_is_that_of_the_priors_which_are_returned():
    shapes = clouds((10.0, 30.0), (60.0, 20.0), spread=0.3)
    priors = kmeans_priors(shapes, 4)
    sound = shapes[(shapes > 0).all(1)]
    assert iou_of_shapes(sound, priors.shapes).amax(1).mean().item() == pytest.approx(
        priors.mean_best_iou, abs=1e-6
    )


def test_more_priors_cover_better():
    shapes = clouds((10.0, 30.0), (60.0, 20.0), (100.0, 100.0), spread=0.4)
    qualities = [kmeans_priors(shapes, k).mean_best_iou for k in (1, 3, 9)]
    assert qualities == sorted(qualities)


def test_a_seed_says_it_all():
    shapes = clouds((10.0, 30.0), (60.0, 20.0), spread=0.5)
    assert torch.equal(kmeans_priors(shapes, 5, seed=3).shapes, kmeans_priors(shapes, 5, seed=3).shapes)


def test_shapes_without_area_take_no_part():
    shapes = torch.tensor([[4.0, 4.0], [0.0, 9.0], [-1.0, 2.0], [float("nan"), 1.0], [float("inf"), 1.0]])
    assert kmeans_priors(shapes, 1).shapes.tolist() == [[4.0, 4.0]]


def test_the_same_shape_over_and_over_is_as_many_priors_as_asked():
    priors = kmeans_priors(torch.full((5, 2), 7.0), 3)
    assert priors.shapes.tolist() == [[7.0, 7.0]] * 3


@pytest.mark.parametrize("k", [0, 3])
def test_more_priors_than_shapes_or_none_are_refused(k):
    with pytest.raises(ValueError, match=f"k is {k}, but only 2 shapes"):
        kmeans_priors(torch.ones(2, 2), k)
