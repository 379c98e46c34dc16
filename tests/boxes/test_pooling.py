import inspect

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from cvbench.boxes.pooling import _level_by_level, roi_align


def pyramid(dtype=torch.float32, channels=5):
    torch.manual_seed(0)
    return [torch.randn(2, channels, 24 >> k, 32 >> k, dtype=dtype) for k in range(3)]


def regions(count, dtype=torch.float32):
    """Some of which begin and end outside of the 96 x 128 pixels, and some of which are tiny."""
    torch.manual_seed(1)
    corner = torch.rand(count, 2, dtype=dtype) * torch.tensor([150.0, 120.0]) - 20
    return torch.cat([corner, corner + torch.rand(count, 2, dtype=dtype).square() * 90], dim=1).to(dtype)


def theirs(maps, boxes, image, level, **options):
    """torchvision, one region at a time."""
    parts = [
        torchvision.ops.roi_align(
            maps[k], torch.cat([i[None].to(box), box])[None], 7, 1 / (4 << k), sampling_ratio=2
        )
        for box, i, k in zip(boxes, image, level.tolist(), strict=True)
    ]
    return torch.cat(parts)


def drawn(count):
    return torch.randint(2, (count,)), torch.randint(3, (count,))


def test_a_bin_is_the_mean_of_four_points_worked_by_hand():
    # one bin over (0, 0, 2, 2) in cells: points at 1/2 and 3/2 each way, on a map of y + 10 x,
    # whose interpolation is exact: the mean point is (1, 1)
    y, x = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    one = torch.zeros(1, dtype=torch.int64)
    pooled = roi_align(
        [(y + 10 * x)[None, None]],
        torch.tensor([[0.0, 0, 16, 16]]),
        image=one,
        level=one,
        strides=[8],
        size=1,
    )
    assert pooled.flatten().tolist() == [11.0]


def test_a_region_smaller_than_a_cell_is_taken_to_be_a_cell():
    one = torch.zeros(1, dtype=torch.int64)
    field = torch.arange(16.0).reshape(1, 1, 1, 16).expand(1, 1, 4, 16)
    tiny, cell = (
        roi_align([field], torch.tensor([box]), image=one, level=one, strides=[8], size=2)
        for box in ([16.0, 8, 17, 9], [16.0, 8, 24, 16])
    )
    assert torch.equal(tiny, cell)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_bits_are_torchvisions(dtype, layout):
    maps = [each.to(memory_format=layout) for each in pyramid(dtype)]
    boxes, (image, level) = regions(60, dtype), drawn(60)
    pooled = roi_align(maps, boxes, image=image, level=level, strides=(4, 8, 16))
    assert torch.equal(pooled, theirs(maps, boxes, image, level))


def test_the_gradients_are_torchvisions():
    boxes, (image, level) = regions(60, torch.float64), drawn(60)
    grads = []
    for pool in (lambda *a: roi_align(*a[:2], image=a[2], level=a[3], strides=(4, 8, 16)), theirs):
        maps = [each.requires_grad_() for each in pyramid(torch.float64)]
        pool(maps, boxes, image, level).square().sum().backward()
        grads.append([each.grad for each in maps])
    for ours, expected in zip(*grads, strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.full
def test_the_gradients_are_the_slopes():
    boxes, (image, level) = regions(4, torch.float64), torch.tensor([[0, 1, 0, 1], [0, 1, 2, 0]])
    maps = [each[..., :6, :6].clone().requires_grad_() for each in pyramid(torch.float64, channels=2)]
    assert torch.autograd.gradcheck(
        lambda *m: roi_align(m, boxes / 4, image=image, level=level, strides=(4, 8, 16), size=2), maps
    )


def test_the_number_of_threads_changes_no_bit():
    boxes, (image, level) = regions(60), drawn(60)
    found = []
    before = torch.get_num_threads()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        maps = [each.requires_grad_() for each in pyramid()]
        pooled = roi_align(maps, boxes, image=image, level=level, strides=(4, 8, 16))
        pooled.square().sum().backward()
        found.append([pooled, *(each.grad for each in maps)])
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("learning", [False, True])
def test_no_regions_give_nothing_and_no_gradient(learning):
    maps = [each.requires_grad_(learning) for each in pyramid()]
    none = torch.zeros(0, dtype=torch.int64)
    pooled = roi_align(maps, torch.zeros(0, 4), image=none, level=none, strides=(4, 8, 16))
    assert pooled.shape == (0, 5, 7, 7)
    if learning:
        pooled.sum().backward()
        assert all(each.grad.count_nonzero() == 0 for each in maps)


def test_half_precision_is_pooled_in_single():
    maps, boxes, (image, level) = [m.bfloat16() for m in pyramid()], regions(9), drawn(9)
    pooled = roi_align(maps, boxes, image=image, level=level, strides=(4, 8, 16))
    wide = roi_align([m.float() for m in maps], boxes, image=image, level=level, strides=(4, 8, 16))
    assert torch.equal(pooled, wide)


@settings(max_examples=30)
@given(
    value=st.floats(-9, 9, width=32),
    box=st.tuples(*[st.floats(0, 60)] * 2, *[st.floats(0, 64)] * 2),
    size=st.integers(1, 7),
    samples=st.integers(1, 3),
)
def test_an_even_map_stays_what_it_is(value, box, size, samples):
    x, y, w, h = box
    boxes = torch.tensor([[x, y, min(x + w, 64), min(y + h, 64)]])
    one = torch.zeros(1, dtype=torch.int64)
    field = torch.full((1, 2, 16, 16), value)
    pooled = roi_align([field], boxes, image=one, level=one, strides=[4], size=size, samples=samples)
    torch.testing.assert_close(pooled, torch.full((1, 2, size, size), value))


def test_the_operators_keep_what_torch_asks_of_operators():
    maps = [each.requires_grad_() for each in pyramid()]
    boxes, (image, level) = regions(5), drawn(5)
    arguments = (maps, boxes, image, level, [4.0, 8.0, 16.0], 7, 2)
    checks = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(torch.ops.cvbench.roi_align.default, arguments, test_utils=checks)
    gradient = torch.randn(5, 5, 7, 7)
    plain = [each.detach() for each in maps]
    torch.library.opcheck(
        torch.ops.cvbench.roi_align_backward.default,
        (gradient, plain, boxes, image, level, [4.0, 8.0, 16.0], 2),
        test_utils=checks[:2],
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"image": [2, 0]}, "image 2 is not from 0 to 1"),
        ({"image": [0, -1]}, "image -1 is not from 0 to 1"),
        ({"level": [0, 3]}, "level 3 is not from 0 to 2"),
        ({"level": [-1, 0]}, "level -1 is not from 0 to 2"),
        ({"image": [0]}, r"image must be int64 of shape \(2,\), not torch\.int64 \(1,\)"),
        ({"level": [0.0, 1.0]}, r"level must be int64 of shape \(2,\), not torch\.float32"),
        ({"strides": (4, 8)}, "3 maps need one positive stride each"),
        ({"strides": (4, 0, 8)}, "3 maps need one positive stride each"),
        ({"samples": 0}, "size and samples must be at least 1"),
        (
            {"maps": [torch.zeros(2, 5, 4, 4), torch.zeros(2, 6, 2, 2)], "strides": (4, 8)},
            "with equal b and c",
        ),
        ({"maps": []}, "maps is empty"),
    ],
)
def test_what_a_kernel_would_read_or_write_outside_of_is_refused(wrong, says):
    given = {"maps": pyramid(), "image": [0, 1], "level": [0, 2], "strides": (4, 8, 16)} | wrong
    given["image"], given["level"] = torch.tensor(given["image"]), torch.tensor(given["level"])
    with pytest.raises(ValueError, match=says):
        inspect.unwrap(roi_align)(given.pop("maps"), regions(2), **given)  # without the tests' own checks


@pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:FutureWarning"
)  # torch's own, in forward mode
def test_gradients_of_a_wrong_place_and_forward_derivatives_are_refused():
    maps, zero, pooled = pyramid(), torch.zeros(1, dtype=torch.int64), torch.zeros(1, 5, 7, 7)
    backward = torch.ops.cvbench.roi_align_backward
    with pytest.raises(ValueError, match="image 9 is not from 0 to 1"):
        backward(pooled, maps, regions(1), zero + 9, zero, [4.0, 8.0, 16.0], 2)

    def pool(each):
        return roi_align([each], regions(1), image=zero, level=zero, strides=[4])

    with pytest.raises(NotImplementedError, match="no forward-mode derivative"):
        torch.func.jvp(pool, (maps[0],), (maps[0],))


def test_a_region_that_is_no_number_reads_nothing():
    zero, nowhere = torch.zeros(1, dtype=torch.int64), torch.full((1, 4), float("nan"))
    assert not roi_align(pyramid()[:1], nowhere, image=zero, level=zero, strides=[4]).any()


def test_torchvision_pools_no_image_outside_of_the_batch_either():
    zero = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(RuntimeError, match="not in the batch"):
        _level_by_level(pyramid()[:1], regions(1), zero + 2, zero, [4.0], 7, 2)
    with pytest.raises(ValueError, match="not one of the 3 maps"):
        _level_by_level(pyramid(), regions(1), zero, zero + 3, [4.0, 8.0, 16.0], 7, 2)
