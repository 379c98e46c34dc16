import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import tensor
from torchvision.transforms.v2 import functional as torchvision_functional

from cvbench.data.images.geometry import Placement, fit, placement
from cvbench.spec.catalogue import MODELS
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Preprocessing

sides = st.integers(1, 80)
sizes = st.tuples(sides, sides)  # of images
targets = st.tuples(st.integers(2, 80), st.integers(2, 80))  # torch cannot resize to a single pixel
resizes = st.sampled_from(["stretch", "letterbox"])


def noise(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def detections(*boxes, **others):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return Detections(boxes, torch.zeros(len(boxes), dtype=torch.int64), torch.ones(len(boxes)), **others)


def test_stretching_scales_each_axis_for_itself():
    # 10 high, 20 wide -> 20 high, 10 wide: y doubles, x halves.
    truth = detections([4, 1, 8, 3], areas=tensor([7.0]))
    image, moved, _ = fit(noise(3, 10, 20), truth, Preprocessing((20, 10)))
    assert image.shape == (3, 20, 10)
    assert moved.boxes.tolist() == [[2, 2, 4, 6]]
    assert moved.areas.tolist() == [7]  # 2 * 1/2


def test_a_letterbox_keeps_the_aspect_and_fills_half_on_either_side():
    # 100 high, 50 wide -> 64 x 32, bars of 16 left and right.
    masks = torch.ones(1, 100, 50, dtype=torch.bool)
    truth = detections([0, 0, 50, 100], masks=masks)
    image, moved, place = fit(noise(3, 100, 50), truth, Preprocessing((64, 64), "letterbox", fill=7))
    assert place == Placement((100, 50), (64, 32), (0, 16), (64, 64))
    assert moved.boxes.tolist() == [[16, 0, 48, 64]]
    assert (image[:, :, :16] == 7).all()
    assert (image[:, :, 48:] == 7).all()
    assert moved.masks[0, :, 16:48].all()
    assert moved.masks.sum() == 64 * 32


def resize_image(image, height, width):
    """darknet's, pixel by pixel, in numbers of 0 to 255: across first, then down."""
    _, h, w = image.shape
    image = image.double()
    part, resized = torch.zeros(3, h, width).double(), torch.zeros(3, height, width).double()
    for c in range(width):
        if c == width - 1 or w == 1:
            part[:, :, c] = image[:, :, w - 1]
        else:
            sx = c * (w - 1) / (width - 1)
            part[:, :, c] = (1 - sx % 1) * image[:, :, int(sx)] + sx % 1 * image[:, :, int(sx) + 1]
    for r in range(height):
        sy = r * (h - 1) / (height - 1)
        resized[:, r] = (1 - sy % 1) * part[:, int(sy)]
        if r < height - 1 and h > 1:
            resized[:, r] += sy % 1 * part[:, int(sy) + 1]
        else:
            resized[:, r] = part[:, h - 1]
    return resized


@given(sizes, targets)
def test_darknets_way_to_resize_is_its_programs(source, target):
    image = noise(3, *source)
    found = fit(image, None, Preprocessing(target, interpolation="darknet")).image
    expected = image if source == target else resize_image(image, *target)
    assert (found.double() - expected.double()).abs().max() <= 0.5 + 1e-3  # rounded to whole numbers


@given(sizes, targets)
def test_darknets_letterbox_rounds_its_shorter_side_down(source, target):
    place = placement(source, Preprocessing(target, "letterbox", interpolation="darknet"))
    (h, w), (height, width) = source, target
    size = (h * width // w, width) if width / w < height / h else (height, w * height // h)
    size = (max(1, size[0]), max(1, size[1]))
    assert place.size == size
    assert place.corner == ((height - size[0]) // 2, (width - size[1]) // 2)


def test_the_yolos_and_darknets_take_images_as_their_program_does():
    for name in ("yolo_v1_tiny", "yolo_v2", "yolo9000", "yolo_v3_tiny", "darknet19", "darknet53"):
        with torch.device("meta"):
            assert MODELS.load(name)(2).preprocessing.interpolation == "darknet"


def test_the_bars_of_a_letterbox_do_not_count_in_a_label_map():
    truth = LabelMap(torch.ones(4, 8, dtype=torch.uint8))
    _, moved, _ = fit(noise(3, 4, 8), truth, Preprocessing((8, 8), "letterbox"))
    assert moved.labels[:, 0].tolist() == [VOID, VOID, 1, 1, 1, 1, VOID, VOID]


def test_an_image_of_the_right_size_is_handed_on_without_a_copy():
    image, truth = noise(3, 16, 16), detections([1, 2, 3, 4])
    for resize in ("stretch", "letterbox"):
        fitted = fit(image, truth, Preprocessing((16, 16), resize))
        assert fitted.image is image
        assert fitted.truth is truth
    labels = LabelMap(noise(16, 16))
    assert fitted.placement.restore(labels) is labels


def test_an_image_without_truth_is_fitted_alone():
    assert fit(noise(3, 4, 4), None, Preprocessing((8, 8))).truth is None


def test_class_scores_do_not_move():
    truth = ClassScores(tensor([0.0, 1.0]))
    _, moved, place = fit(noise(3, 4, 6), truth, Preprocessing((8, 8)))
    assert moved is truth
    assert place.restore(truth) is truth


def test_no_objects_are_no_error():
    masks = torch.zeros(0, 10, 20, dtype=torch.bool)
    _, moved, place = fit(noise(3, 10, 20), detections(masks=masks), Preprocessing((30, 50)))
    assert moved.boxes.shape == (0, 4)
    assert moved.masks.shape == (0, 30, 50)
    assert place.restore(moved).masks.shape == (0, 10, 20)


def test_an_image_one_pixel_high_keeps_a_row():
    assert placement((1, 1000), Preprocessing((64, 64), "letterbox")).size == (1, 64)


def test_what_is_predicted_beside_the_image_is_clipped_to_it():
    # 100 x 50 in 64 x 64: x = (x' - 16) / 0.64, y = y' / 0.64
    place = placement((100, 50), Preprocessing((64, 64), "letterbox"))
    found = place.restore(detections([8, 16, 32, 80], [0, 0, 8, 8]))
    assert found.boxes.tolist() == [[0, 25, 25, 100], [0, 0, 0, 12.5]]


def test_boxes_are_clipped_also_where_nothing_moved():
    place = placement((8, 8), Preprocessing((8, 8)))
    assert place.restore(detections([-1, 2, 9, 4])).boxes.tolist() == [[0, 2, 8, 4]]


def test_masks_come_back_with_their_boxes():
    place = placement((8, 4), Preprocessing((16, 16), "letterbox"))  # 16 x 8 at column 4
    masks = torch.zeros(1, 16, 16, dtype=torch.bool)
    masks[0, 2:6, 6:10] = True
    found = place.restore(detections([6, 2, 10, 6], masks=masks))
    assert found.boxes.tolist() == [[1, 1, 3, 3]]
    assert found.masks[0].nonzero().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_an_image_that_was_cut_cannot_be_restored():
    with pytest.raises(ValueError, match="was cut"):
        Placement((8, 8), (16, 16), (-1, 0), (16, 16)).restore(detections())


def test_what_lies_outside_the_canvas_is_cut_and_what_is_bare_is_filled():
    image = torch.arange(4, dtype=torch.uint8).expand(3, 1, 4)
    for corner, row in [(-1, [1, 2, 3, 9]), (2, [9, 9, 0, 1]), (4, [9] * 4), (7, [9] * 4), (-9, [9] * 4)]:
        place = Placement((1, 4), (1, 4), (0, corner), (1, 4))
        assert place.image(image, fill=9)[0, 0].tolist() == row


@given(sizes, targets, resizes)
def test_fitted_boxes_come_back(source, size, resize):
    (h, w), boxes = source, torch.rand(5, 2, 2).sort(1).values.flatten(1)
    truth = detections(*(boxes * tensor([w, h, w, h])).tolist())
    _, moved, place = fit(noise(3, h, w), truth, Preprocessing(size, resize))
    # An edge is moved by two roundings of float32 each way, at most 80 px large.
    torch.testing.assert_close(place.restore(moved).boxes, truth.boxes, atol=1e-4 * max(source), rtol=0)


@given(targets, st.integers(1, 4))
def test_a_label_map_that_grew_by_a_whole_factor_comes_back_to_the_pixel(source, factor):
    truth = LabelMap(noise(*source))
    size = (source[0] * factor, source[1] * factor)
    _, moved, place = fit(noise(3, *source), truth, Preprocessing(size))
    assert torch.equal(place.restore(moved).labels, truth.labels)


@given(sizes, targets, resizes)
def test_the_image_lies_where_the_box_around_it_says(source, size, resize):
    truth = detections([0, 0, source[1], source[0]], masks=torch.ones(1, *source, dtype=torch.bool))
    image, moved, _ = fit(
        torch.full((3, *source), 200, dtype=torch.uint8), truth, Preprocessing(size, resize, fill=0)
    )
    x1, y1, x2, y2 = moved.boxes[0].round().int().tolist()
    assert (image[:, y1:y2, x1:x2] == 200).all()
    assert int((image[0] == 200).sum()) == (x2 - x1) * (y2 - y1) == int(moved.masks.sum())


@given(sizes, targets)
def test_images_are_resized_as_torchvision_does_it(source, size):
    image = noise(3, *source)
    theirs = torchvision_functional.resize(image, list(size), antialias=True)
    assert torch.equal(fit(image, None, Preprocessing(size)).image, theirs)


@given(sizes, targets)
def test_label_maps_take_the_pixel_that_torchs_exact_nearest_takes(source, size):
    labels = noise(*source)
    theirs = F.interpolate(labels[None, None], size=size, mode="nearest-exact")[0, 0]
    moved = fit(noise(3, *source), LabelMap(labels), Preprocessing(size)).truth
    # A centre on the border of two pixels is the right one's; torch's float32 may say otherwise.
    borders = sum(
        int(((torch.arange(1, 2 * n, 2) * o) % (2 * n) == 0).any()) for o, n in zip(source, size, strict=True)
    )
    assert borders or torch.equal(moved.labels, theirs)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@given(source=st.tuples(st.integers(20, 90), st.integers(20, 90)))
def test_a_crop_is_torchvisions(interpolation, source):
    from PIL import Image
    from torchvision.transforms import InterpolationMode, v2

    image = noise(3, *source)
    recipe = Preprocessing((24, 24), "crop", shorter=28, interpolation=interpolation)
    peer = v2.Compose([v2.Resize(28, InterpolationMode(interpolation)), v2.CenterCrop(24)])

    ours = fit(image, None, recipe).image
    pillow = v2.functional.pil_to_tensor(peer(Image.fromarray(image.permute(1, 2, 0).numpy())))

    assert torch.equal(ours, peer(image))
    if interpolation == "bilinear":  # Pillow also cuts off what a cubic overshoots between its two passes
        assert (ours.int() - pillow.int()).abs().max() <= 1


def test_a_crop_shows_the_middle_of_an_image_whose_longer_side_is_rounded_down():
    # 100 x 151 to a shorter side of 64: 64 x 96 (96.64), of which 16 columns are lost on either side.
    place = placement((100, 151), Preprocessing((64, 64), "crop", shorter=64))

    assert (place.size, place.corner) == ((64, 96), (0, -16))


@pytest.mark.parametrize("wrong", [{"resize": "crop"}, {"shorter": 64}])
def test_a_crop_and_its_shorter_side_belong_together(wrong):
    with pytest.raises(ValueError, match="need `shorter`"):
        Preprocessing((64, 64), **wrong)


SCALED = Preprocessing((800, 1066), "scale", shorter=800, longer=1333, multiple=32, antialias=False)


@pytest.mark.parametrize("source", [(427, 640), (640, 427), (200, 640), (500, 375), (333, 500), (1, 9)])
def test_a_scaled_image_has_the_size_that_torchvisions_detectors_give_it(source):
    from torchvision.models.detection.transform import GeneralizedRCNNTransform

    theirs = GeneralizedRCNNTransform(800, 1333, [0.0] * 3, [1.0] * 3).eval()
    image = torch.zeros(3, *source)
    images, _ = theirs([image])
    place = placement(source, SCALED)
    assert place.size == images.image_sizes[0]
    assert place.canvas == tuple(images.tensors.shape[-2:])
    assert place.corner == (0, 0)


def test_a_scaled_image_comes_back_to_its_own_pixels():
    place = placement((427, 640), SCALED)
    box = torch.tensor([[10.0, 20.0, 300.0, 400.0]])
    moved = place.truth(Detections(box, torch.zeros(1, dtype=torch.int64), torch.ones(1)))
    assert torch.allclose(place.restore(moved).boxes, box)


def test_where_each_image_has_its_own_size_training_and_timing_use_one():
    assert SCALED.of_one_size() == Preprocessing((800, 1066), "letterbox", antialias=False)
    stretched = Preprocessing((8, 8))
    assert stretched.of_one_size() is stretched


@pytest.mark.parametrize("wrong", [{"longer": 5}, {"multiple": 2}, {"resize": "scale"}])
def test_lengths_of_sides_belong_to_a_scale(wrong):
    with pytest.raises(ValueError, match=r'need `shorter`|only resize "scale" accepts'):
        Preprocessing((8, 8), **wrong)
