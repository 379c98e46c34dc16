"""Checkpoints as training scripts leave them: the same tensors in every wrapping."""

import argparse

import pytest
import torch

from cvbench.errors import InputError
from cvbench.models.resnet import resnet18
from cvbench.models.weights.loading import load_weights

PLAIN = resnet18(3, width=0.125).state_dict()


def prefixed(*prefixes):
    return {f"{''.join(prefixes)}{name}": value for name, value in PLAIN.items()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ddp.pth", prefixed("module.")),
        ("compiled.pth", prefixed("_orig_mod.")),
        ("both.pth", prefixed("module.", "_orig_mod.")),
        ("wrapped.pth", {"epoch": 3, "state_dict": PLAIN, "optimizer": {}}),
        ("model_best.pth.tar", {"state_dict": PLAIN, "state_dict_ema": {k: v * 0 for k, v in PLAIN.items()}}),
        ("deit.pth", {"model": PLAIN, "args": argparse.Namespace(lr=0.1)}),
        ("ema.pt", {"ema": prefixed("module.")}),
        ("lightning.ckpt", {"state_dict": prefixed("model."), "epoch": 1}),
    ],
)
def test_a_wrapped_checkpoint_loads_as_the_plain_one_does(tmp_path, name, content):
    torch.save(content, tmp_path / name)
    model = resnet18(3, width=0.125)
    load_weights(model, tmp_path / name)
    assert all(torch.equal(value, PLAIN[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["w.pth", "w.ckpt"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12345\n",
            "Git LFS pointer.*\n.*git lfs pull",
        ),
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html>", "this is a web page"),
    ],
)
def test_a_file_that_stands_for_weights_is_named_for_what_it_is(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_weights(resnet18(3, width=0.125), tmp_path / name)


def test_other_classes_are_named_with_both_shapes_also_in_a_wrapping(tmp_path):
    torch.save({"state_dict": resnet18(5, width=0.125).state_dict()}, tmp_path / "w.ckpt")
    with pytest.raises(
        InputError, match=r"another number of classes: fc\.weight is float32 \[5, 64\].*\[3, 64\]"
    ):
        load_weights(resnet18(3, width=0.125), tmp_path / "w.ckpt")
