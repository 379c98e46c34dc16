import torch
from hypothesis import given
from hypothesis import strategies as st

from cvbench.models.faster_rcnn.targets import Share, sample

MARKS = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.lists(st.sampled_from("+-o"), min_size=n, max_size=n), min_size=1, max_size=3)
)


def marked(images, mark):
    return torch.tensor([[each == mark for each in image] for image in images])


@given(images=MARKS, count=st.integers(1, 14), part=st.sampled_from([0.25, 0.5, 1.0]))
def test_a_sample_has_the_size_and_the_share_that_it_can_have(images, count, part):
    positive, negative = marked(images, "+"), marked(images, "-")
    drawn = sample(positive, negative, Share(count, part))
    for image, *there in zip(images, *drawn, strict=True):
        index, is_positive, chosen = there
        places = index[chosen].tolist()
        assert len(set(places)) == len(places)
        assert "".join(image[place] for place in places) == "".join(
            "+" if mark else "-" for mark in is_positive[chosen]
        )
        most = min(int(count * part), image.count("+"))
        assert is_positive.sum() == most
        assert len(places) - most == min(count - most, image.count("-"))
        assert not is_positive[~chosen].any()


def test_every_reference_is_drawn_as_often():
    torch.manual_seed(0)
    positive = torch.arange(8).lt(4).expand(4000, 8)
    drawn = sample(positive, ~positive, Share(4, 0.5))
    counts = drawn.reference[drawn.chosen].bincount(minlength=8)
    # each in half of the draws: 2000, with a standard deviation of sqrt(4000 / 4) = 32
    assert (counts - 2000).abs().max() < 5 * 32


def test_the_seed_of_torch_decides():
    positive = torch.rand(2, 300) < 0.3
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(sample(positive, ~positive, Share(50, 0.5)).reference)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
