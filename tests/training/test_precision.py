from typing import NamedTuple

import pytest
import torch

from cvbench.training.step import arithmetic, casting, widened


class Pair(NamedTuple):
    half: torch.Tensor
    counts: torch.Tensor


def test_outputs_of_any_form_are_widened():
    outputs = {
        "a": [torch.ones(2, dtype=torch.bfloat16)],
        "b": Pair(torch.ones(1, dtype=torch.float16), torch.ones(1).int()),
    }
    wide = widened(outputs)
    assert wide["a"][0].dtype == wide["b"].half.dtype == torch.float32
    assert wide["b"].counts.dtype == torch.int32


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("fp32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)],
)
def test_a_net_computes_in_what_was_asked_for(precision, expected):
    with casting(precision, torch.device("cpu")):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == expected


def test_the_switches_of_the_process_are_put_back():
    def switches():
        return (
            torch.backends.cuda.matmul.allow_tf32,
            torch.backends.cudnn.allow_tf32,
            torch.backends.cudnn.benchmark,
        )

    before = switches()
    with arithmetic("tf32"):
        assert switches() == (True, True, True)
    assert switches() == before
    with arithmetic("fp32"):
        assert switches() == (False, False, True)
    assert switches() == before
