import pytest
import torch

from cvbench.report.drawing import draw_shapes
from cvbench.report.palette import color


def test_each_shape_is_a_point_in_the_colour_of_its_prior():
    # the plot is 640 pixels for 100: shapes at (25, 75) and (75, 25) from the corner at (56, 656)
    shapes, priors = torch.tensor([[25.0, 75.0], [75.0, 25.0]]), torch.tensor([[50.0, 50.0], [100.0, 100.0]])
    picture = draw_shapes(shapes, priors, torch.tensor([0, 1]))
    assert picture.getpixel((56 + 160, 656 - 480)) == color(0)
    assert picture.getpixel((56 + 480, 656 - 160)) == color(1)
    assert picture.getpixel((56 + 320, 656 - 320)) == color(0)  # where the first prior's corner lies


@pytest.mark.parametrize("count", [0, 50_001])
def test_no_shapes_and_very_many_can_be_drawn(count):
    picture = draw_shapes(torch.rand(count, 2) + 1, torch.ones(1, 2), torch.zeros(count, dtype=torch.int64))
    assert picture.size == (720, 696)
