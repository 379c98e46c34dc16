import argparse

import pytest
import torch
import torchvision
from torch import nn

from cvbench.errors import InputError
from cvbench.models.alexnet import alexnet
from cvbench.models.googlenet import googlenet
from cvbench.models.resnet import resnet18
from cvbench.models.weights.loading import load_weights
from cvbench.models.weights.torchvision import load_torchvision, read_state_dict
from cvbench.spec.catalogue import MODELS

VGGS = [f"vgg{layers}{norm}" for layers in (11, 13, 16, 19) for norm in ("", "_bn")]
RESNETS = [f"resnet{layers}" for layers in (18, 34, 50, 101, 152)]
NAMES = ["alexnet", *VGGS, "googlenet", *RESNETS]
QUICK = ["alexnet", "googlenet", "resnet18", "resnet50"]
MARKS = dict.fromkeys(QUICK, ()) | {"vgg11_bn": pytest.mark.full}


def theirs(name: str, **options) -> nn.Module:
    if name == "googlenet":
        options |= {"init_weights": True, "aux_logits": True}
    return getattr(torchvision.models, name)(weights=None, **options).eval()


def ours(name: str) -> nn.Module:
    return MODELS.load(name)(1000).eval()


@pytest.mark.parametrize("name", NAMES)
def test_names_shapes_and_their_order_are_torchvisions(name):
    with torch.device("meta"):
        expected, found = theirs(name).state_dict(), ours(name).state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in expected.items()}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=MARKS.get(name, pytest.mark.slow)) for name in NAMES]
)
def test_the_logits_are_torchvisions(name, tmp_path):
    torch.manual_seed(0)
    peer = theirs(name)
    images = torch.randn(2, 3, 224, 224) if name == "alexnet" else torch.randn(2, 3, 64, 64)
    if name == "googlenet":  # its first weights are small: without statistics nothing reaches the end
        peer.train()(images)
        peer.eval()
    with torch.device("meta"):
        model = ours(name)
    model.to_empty(device="cpu")
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    load_weights(model, tmp_path / "weights.pth")
    with torch.inference_mode():
        expected, found = peer(images), model(images)
        found = found.logits if name == "googlenet" else found
        # untrained deep networks give large logits, so the tolerance is relative to the largest
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def test_what_the_heads_of_googlenet_say_in_training_is_torchvisions(tmp_path):
    peer = theirs("googlenet", num_classes=7, dropout=0.0, dropout_aux=0.0)
    model = googlenet(7, dropout=0.0)
    for head in (model.aux1, model.aux2):
        head.dropout.p = 0.0
    torch.save(peer.state_dict(), tmp_path / "weights.pt")
    load_weights(model, tmp_path / "weights.pt")
    images = torch.randn(4, 3, 64, 64)
    expected, found = peer.train()(images), model.train()(images)
    for a, b in zip(
        (found.logits, *found.auxiliary.unbind(1)),
        (expected.logits, expected.aux_logits1, expected.aux_logits2),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_torchvisions_rescaling_of_the_input_is_ours_preprocessing():
    # its published GoogLeNet takes ImageNet's normalization and turns it into -1 … 1
    peer = torchvision.models.GoogLeNet(
        num_classes=2, aux_logits=False, transform_input=True, init_weights=False
    )
    pixels = torch.rand(1, 3, 4, 4)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    rescaled = peer._transform_input((pixels - mean[:, None, None]) / std[:, None, None])
    prepared = googlenet(2, width=0.125).preprocessing
    expected = (pixels - torch.tensor(prepared.mean)[:, None, None]) / torch.tensor(prepared.std)[
        :, None, None
    ]
    torch.testing.assert_close(rescaled, expected)


def test_files_without_counters_of_batches_are_taken(tmp_path):
    peer = theirs("resnet18", num_classes=3)
    old = {
        name: value for name, value in peer.state_dict().items() if not name.endswith("num_batches_tracked")
    }
    torch.save(old, tmp_path / "old.pth")
    model = resnet18(3)
    load_weights(model, tmp_path / "old.pth")
    assert torch.equal(model.layer4[1].conv2.weight, peer.layer4[1].conv2.weight)


def test_the_format_before_zip_files_is_read(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert read_state_dict(tmp_path / "w.pth")["a"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"fc.weight": torch.zeros(1000, 512)},
            "conv1.weight is not in the file, whose first tensor is fc.weight, and the model has float32",
        ),
        ({"networks": {"fc.weight": torch.zeros(3, 64)}}, "it contains a dict under 'networks', but tensors"),
        ([torch.zeros(3)], "it contains a list, but tensors by name are expected"),
        (nn.Linear(2, 2), "a whole pickled model, which is not read, because it could run code"),
        (
            {"a": torch.zeros(1), "args": argparse.Namespace()},
            "it contains a Namespace under 'args', but tensors",
        ),
    ],
)
def test_what_is_no_state_dict_of_this_net_is_refused(tmp_path, content, said):
    torch.save(content, tmp_path / "weights.pth")
    model = resnet18(3, width=0.125)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_torchvision(model, tmp_path / "weights.pth")
    assert said in str(caught.value)
    assert str(tmp_path / "weights.pth") in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_weights_for_other_classes_are_refused_with_both_shapes(tmp_path):
    model = resnet18(3, width=0.125)
    torch.save(resnet18(5, width=0.125).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(
        InputError, match=r"fc\.weight is float32 \[5, 64\] in the file, .* float32 \[3, 64\]"
    ):
        load_weights(model, tmp_path / "weights.pth")


def test_weights_of_another_architecture_are_refused_with_the_first_difference(tmp_path):
    torch.save(alexnet(3, size=64, width=0.125).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(InputError, match=r"conv1\.weight is not in the file"):
        load_weights(resnet18(3, width=0.125), tmp_path / "weights.pth")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x02garbage", b"no pickle at all"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(
        InputError,
        match=r"weights\.pth: (the file is empty|not a PyTorch file|it contains more than plain tensors)",
    ):
        read_state_dict(tmp_path / "weights.pth")


def test_a_pickle_that_would_run_code_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({"a": Trap()}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="could run code"):
        read_state_dict(tmp_path / "weights.pth")
    assert not (tmp_path / "sprung").exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.pth: there is no such file"):
        read_state_dict(tmp_path / "nothing.pth")
