import struct

import numpy as np
import pytest
import torch
from torch import nn

from cvbench.errors import InputError
from cvbench.models.darknet import ConvNormLeaky, darknet19, darknet53
from cvbench.models.resnet import resnet18
from cvbench.models.weights.darknet import Header, layers, load_darknet
from cvbench.models.weights.loading import load_weights
from cvbench.models.yolo.yolo9000 import yolo9000
from cvbench.models.yolo.yolo_v1 import yolo_v1_darknet, yolo_v1_tiny
from cvbench.models.yolo.yolo_v2 import yolo_v2
from cvbench.models.yolo.yolo_v3 import yolo_v3, yolo_v3_tiny

# Bytes of the released files: a header of 16 or 20, then 4 a number.
FILES = {
    "yolov3": (yolo_v3, 80, 20, 248_007_048),
    "yolov3-tiny": (yolo_v3_tiny, 80, 20, 35_434_956),
    "yolov2": (yolo_v2, 80, 16, 203_934_260),
    "yolov2-voc": (yolo_v2, 20, 16, 202_704_260),
    "yolov1": (yolo_v1_darknet, 20, 16, 789_312_988),
    "yolo9000": (yolo9000, 9418, 16, 195_230_020),
    "darknet53.conv.74": (lambda classes: darknet53(classes).trunk, 1000, 20, 162_482_580),
}
NARROW = {
    "yolov1-tiny": lambda: yolo_v1_tiny(2, size=64, width=0.125),
    "yolov1": lambda: yolo_v1_darknet(2, size=128, width=0.0625),
    "yolov2": lambda: yolo_v2(2, size=64, width=0.125),
    "yolov3": lambda: yolo_v3(2, size=64, width=0.125),
    "yolov3-tiny": lambda: yolo_v3_tiny(2, size=64, width=0.125),
    "yolo9000": lambda: yolo9000(2, size=64, width=0.125),
    "darknet19": lambda: darknet19(2, size=64, width=0.125),
    "darknet53": lambda: darknet53(2, size=64, width=0.125),
}


class Small(nn.Module):
    """A layer of each kind, three numbers wide at the most."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ConvNormLeaky(1, 2, 1)
        self.second = nn.Conv2d(2, 1, 1)
        self.last = nn.Linear(3, 2)


def written(path, values, version=(0, 2, 0), seen=7):
    seen_form = "<q" if version[0] * 10 + version[1] >= 2 and max(version) < 1000 else "<i"
    header = struct.pack("<iii", *version) + struct.pack(seen_form, seen)
    path.write_bytes(header + np.asarray(values, "<f4").tobytes())
    return path


def numbers(model):
    """Number of float32 values after the header in a file of this model."""
    return sum(layer.numbers for layer in layers(model))


def save_darknet(model, path, minor=2):
    """The model as darknet's own `save_weights` writes it, in version 0.1 or 0.2."""
    tensors = [tensor.detach().flatten() for layer in layers(model) for tensor in layer.tensors]
    return written(path, torch.cat(tensors), version=(0, minor, 0), seen=int(getattr(model, "seen", 0)))


def scrambled(model, seed):
    """The model with distinct values in everything that a file stores."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in layers(model):
            for tensor in layer.tensors:
                tensor.copy_(torch.rand(tensor.shape, generator=draw))
    return model


@pytest.mark.parametrize("name", FILES)
def test_the_numbers_of_a_released_file_fit(name):
    build, classes, header, size = FILES[name]
    with torch.device("meta"):
        assert header + 4 * numbers(build(classes)) == size


def test_a_file_holds_its_layers_in_darknets_order(tmp_path):
    # beta 2, gamma 2, mean 2, variance 2, kernels 2; bias 1, kernels 2; bias 2, matrix 2 x 3
    net = Small()
    header = load_darknet(net, written(tmp_path / "x.weights", range(21)))
    assert header == Header(0, 2, 0, seen=7)
    convolution, norm = net.first[0], net.first[1]
    assert norm.bias.tolist() == [0, 1]
    assert norm.weight.tolist() == [2, 3]
    assert norm.running_mean.tolist() == [4, 5]
    assert norm.running_var.tolist() == [6, 7]
    assert convolution.weight.flatten().tolist() == [8, 9]
    assert net.second.bias.tolist() == [10]
    assert net.second.weight.flatten().tolist() == [11, 12]
    assert net.last.bias.tolist() == [13, 14]
    assert net.last.weight.tolist() == [[15, 16, 17], [18, 19, 20]]


def test_files_of_versions_above_1000_hold_their_matrices_transposed(tmp_path):
    net = Small()
    load_darknet(net, written(tmp_path / "x.weights", range(21), version=(1001, 0, 0)))
    assert net.last.weight.tolist() == [[15, 17, 19], [16, 18, 20]]
    assert net.second.weight.flatten().tolist() == [11, 12]


@pytest.mark.parametrize(("version", "size"), [((0, 1, 0), 16), ((0, 2, 0), 20), ((1, 0, 0), 20)])
def test_the_header_has_one_of_two_sizes(tmp_path, version, size):
    path = written(tmp_path / "x.weights", range(21), version=version, seen=123)
    assert path.stat().st_size == size + 4 * 21
    header = load_darknet(Small(), path)
    assert (header.size, header.seen) == (size, 123)


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("minor", [1, 2])
def test_what_is_written_is_read_again_to_the_bit(tmp_path, name, minor):
    first, second = scrambled(NARROW[name](), 0), scrambled(NARROW[name](), 1)
    path = tmp_path / f"{name}.weights"
    save_darknet(first, path, minor=minor)
    assert path.stat().st_size == (16 if minor == 1 else 20) + 4 * numbers(first)
    load_weights(second, path)
    theirs = second.state_dict()
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, theirs[key]), key
    content = path.read_bytes()
    save_darknet(second, path, minor=minor)
    assert path.read_bytes() == content


def test_every_parameter_of_every_net_has_a_place():
    for name, build in NARROW.items():
        with torch.device("meta"):
            model = build()
        in_file = {id(tensor) for layer in layers(model) for tensor in layer.tensors}
        assert all(id(parameter) in in_file for parameter in model.parameters()), name


def test_the_count_of_images_is_handed_on(tmp_path):
    first, second = NARROW["yolov2"](), NARROW["yolov2"]()
    first.seen.fill_(640_000)
    save_darknet(first, tmp_path / "x.weights")
    load_darknet(second, tmp_path / "x.weights")
    assert second.seen == 640_000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (range(5), r"ends within layer 1 of 3, first.0: 10 numbers .* are needed, and only 5 are left"),
        (range(20), r"ends within layer 3 of 3, last: 8 numbers \(2 \+ 2 x 3\) .* and only 7 are left"),
        (range(22), r"1 numbers and 0 bytes are left after the last layer, last. The model has 21"),
        ([-1.0] * 21, "layer 1 of 3, first.0 has negative variances"),
        ([*range(12), float("nan"), *range(8)], "the values of layer 2 of 3, second are NaN or infinite"),
    ],
    ids=["in the first layer", "one short", "one too many", "negative variance", "nan"],
)
def test_a_file_of_another_net_is_refused_at_the_layer_where_it_went_wrong(tmp_path, values, message):
    net = scrambled(Small(), 0)
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    with pytest.raises(InputError, match=message):
        load_darknet(net, written(tmp_path / "x.weights", list(values)))
    assert all(torch.equal(tensor, net.state_dict()[key]) for key, tensor in before.items())


def test_another_number_of_classes_is_another_net(tmp_path):
    save_darknet(NARROW["yolov3-tiny"](), tmp_path / "x.weights")
    with pytest.raises(InputError, match=r"x.weights: .*layer 1\d of 13, net."):
        load_darknet(yolo_v3_tiny(3, size=64, width=0.125), tmp_path / "x.weights")


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_file_that_ends_within_a_number_is_refused(tmp_path, cut):
    path = written(tmp_path / "x.weights", range(22))
    path.write_bytes(path.read_bytes()[: -4 + cut])
    with pytest.raises(InputError, match=f"0 numbers and {cut} bytes are left after the last layer"):
        load_darknet(Small(), path)


def test_a_file_without_a_header_or_without_a_file_is_refused(tmp_path):
    (tmp_path / "x.weights").write_bytes(b"\0" * 11)
    with pytest.raises(InputError, match="too short for the header of a darknet file"):
        load_darknet(Small(), tmp_path / "x.weights")
    with pytest.raises(InputError, match="there is no such file"):
        load_darknet(Small(), tmp_path / "y.weights")


def test_a_net_with_layers_that_darknet_has_not_is_refused():
    with pytest.raises(InputError, match=r"0 \(LayerNorm\) is not a layer that darknet's format can store"):
        layers(nn.Sequential(nn.LayerNorm(3)))
    assert layers(resnet18(2, size=32, width=0.125))  # which darknet could hold
