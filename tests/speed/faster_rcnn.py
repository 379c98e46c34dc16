"""Faster R-CNN on ResNet-50 with a pyramid beside torchvision's: same weights, image and layout.

The whole call: from an image of 480 x 640 pixels to its detections, normalised on the way, for that is
a part of torchvision's net. Contenders take turns, as in `tests.speed.nets`, and find the same.

    python -m tests.speed.faster_rcnn
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from cvbench.images.normalisation import normalise
from cvbench.models.faster_rcnn import faster_rcnn_resnet50_fpn
from tests.models.faster_rcnn.peer import faster_rcnn_of_torchvision, livelier
from tests.speed.nets import LAYOUTS, in_turn

SIZE, OUTPUTS, ROUNDS = (480, 640), 91, 7


def ours(model: nn.Module, images: Tensor) -> Callable[[], object]:
    @torch.inference_mode()
    def call() -> object:
        return model.decode(model(normalise(images, model.preprocessing)))

    return call


def theirs(model: nn.Module, images: Tensor) -> Callable[[], object]:
    @torch.inference_mode()
    def call() -> object:
        return model(list(images.float() / 255))

    return call


def compared(batch: int) -> Iterator[str]:
    """A line for each layout; AssertionError where the detections differ."""
    torch.manual_seed(0)
    for layout, memory_format in LAYOUTS.items():
        peer = livelier(faster_rcnn_of_torchvision(OUTPUTS, size=SIZE))
        model = faster_rcnn_resnet50_fpn(OUTPUTS - 1, size=SIZE).eval()
        model.load_state_dict(peer.state_dict())
        images = torch.randint(256, (batch, 3, *SIZE), dtype=torch.uint8)
        images = images.to(memory_format=memory_format)
        calls = {
            "cvbench": ours(model.to(memory_format=memory_format), images),
            "torchvision": theirs(peer.to(memory_format=memory_format), images),
        }
        found, expected = calls["cvbench"](), calls["torchvision"]()
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a.boxes, b["boxes"], rtol=0, atol=1e-3)
            torch.testing.assert_close(a.scores, b["scores"], rtol=0, atol=1e-5)
        medians = in_turn(calls, ROUNDS)
        ratio = medians["torchvision"] / medians["cvbench"]
        told = ", ".join(f"{who} {1e3 * seconds:.0f} ms" for who, seconds in medians.items())
        yield f"faster_rcnn_resnet50_fpn {layout} batch {batch}: {ratio:.3f} ({told})"


if __name__ == "__main__":
    for count in (1, 2):
        for line in compared(count):
            print(line, flush=True)
