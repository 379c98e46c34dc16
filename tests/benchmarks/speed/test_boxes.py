"""Box operations compared with torchvision, in one run on one machine."""

import pytest
import torch
import torchvision
from torch import Tensor

from cvbench.boxes import iou, nms
from tests.benchmarks.speed.box_sets import clustered, scattered

pytestmark = pytest.mark.speed


@pytest.mark.benchmark(group="pairwise IoU, 5,000 x 5,000")
@pytest.mark.parametrize("measure", [iou, torchvision.ops.box_iou], ids=["cvbench", "torchvision"])
def test_pairwise_iou(benchmark, measure):
    a, b = scattered(5000, 0)[0], scattered(5000, 1)[0]
    expected = torchvision.ops.box_iou(a, b)
    assert torch.equal(expected, benchmark.pedantic(measure, (a, b), rounds=15, warmup_rounds=2))


@pytest.mark.parametrize("spread", [scattered, clustered])
@pytest.mark.parametrize("suppress", [nms, torchvision.ops.nms], ids=["cvbench", "torchvision"])
def test_nms_of_one_class(benchmark, suppress, spread):
    benchmark.group = f"NMS, 5,000 {spread.__name__} boxes, one class"
    boxes, scores = spread(5000, 0)
    expected = torchvision.ops.nms(boxes, scores, 0.5)
    assert torch.equal(
        expected, benchmark.pedantic(suppress, (boxes, scores, 0.5), rounds=30, warmup_rounds=2)
    )


def in_groups(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    return nms(boxes, scores, threshold, groups=labels)


@pytest.mark.parametrize("spread", [scattered, clustered])
@pytest.mark.parametrize("suppress", [in_groups, torchvision.ops.batched_nms], ids=["cvbench", "torchvision"])
def test_nms_of_eighty_classes(benchmark, suppress, spread):
    benchmark.group = f"NMS, 20,000 {spread.__name__} boxes, 80 classes"
    boxes, scores = spread(20_000, 0)
    labels = torch.randint(80, (20_000,), generator=torch.Generator().manual_seed(0))
    args = (boxes, scores, labels, 0.5)
    expected = torchvision.ops.batched_nms(*args)
    assert torch.equal(expected, benchmark.pedantic(suppress, args, rounds=30, warmup_rounds=2))


def one_by_one(boxes: Tensor, scores: Tensor, images: Tensor, threshold: float) -> list[Tensor]:
    """Batched NMS as used with torchvision: a loop over the images."""
    of_images = [(images == image).nonzero()[:, 0] for image in range(64)]
    return [those[torchvision.ops.nms(boxes[those], scores[those], threshold)] for those in of_images]


@pytest.mark.benchmark(group="NMS, 64 images x 2,000 boxes")
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("suppress", [in_groups, one_by_one], ids=["cvbench", "torchvision"])
def test_nms_of_a_batch(benchmark, suppress, device):
    boxes, scores = (tensor.to(device) for tensor in clustered(128_000, 0))
    images = torch.arange(128_000, device=device) % 64
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def timed() -> None:
        suppress(boxes, scores, images, 0.7)
        wait()

    benchmark.pedantic(timed, rounds=5, warmup_rounds=1)
