"""Our models compared with the same models of torchvision and timm: same weights, images and memory layout.

A call is a forward pass without gradients, or a training step: forward pass, loss, gradients and a step of
gradient descent. Detectors are timed from the image to the detections.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from cvbench.data.images.color import normalize
from cvbench.models.faster_rcnn import faster_rcnn_resnet50_fpn
from cvbench.spec.catalogue import MODELS
from cvbench.values import ClassScores
from tests.models.faster_rcnn.peer import faster_rcnn_of_torchvision, livelier

CLASSES, OUTPUTS, SIZE = 1000, 91, (480, 640)
LAYOUT = torch.channels_last
"""The default memory layout of cvbench's recipes and runtimes."""
NETS = (
    "alexnet",
    *(f"vgg{layers}{norm}" for layers in (11, 13, 16, 19) for norm in ("", "_bn")),
    "googlenet",
    *(f"resnet{layers}" for layers in (18, 34, 50, 101, 152)),
    "darknet53",
)

Call = Callable[[], object]


def contenders(name: str, *, ours_last: bool = False) -> dict[str, nn.Module]:
    """Our model and its peers, all with our weights, built in this order or in reverse.

    The order affects the memory addresses, which affect the speed of large models.
    """
    makers: dict[str, Callable[[], nn.Module]] = {"cvbench": partial(MODELS.load(name), CLASSES)}
    if hasattr(torchvision.models, name):
        options = {"init_weights": False} if name == "googlenet" else {}
        makers["torchvision"] = partial(getattr(torchvision.models, name), weights=None, **options)
    if name.startswith(("vgg", "resnet", "darknet")):
        makers["timm"] = partial(timm.create_model, name, num_classes=CLASSES)
    torch.manual_seed(0)
    order = list(reversed(makers)) if ours_last else list(makers)
    nets = {who: makers[who]().to(memory_format=LAYOUT) for who in order}
    weights = nets["cvbench"].state_dict()
    if "torchvision" in nets:
        nets["torchvision"].load_state_dict(weights)
    if "timm" in nets:
        for module in nets["timm"].modules():
            if isinstance(module, nn.LeakyReLU):
                module.negative_slope = 0.1  # darknet's value; timm has PyTorch's default
        theirs = nets["timm"].state_dict()
        # timm has other layer names, and VGG's fully connected layers are convolutions there; its
        # state dict also has the order of the layers
        assert len(theirs) == len(weights)
        nets["timm"].load_state_dict(
            {key: weights[ours].reshape(theirs[key].shape) for key, ours in zip(theirs, weights, strict=True)}
        )
    return nets


def image() -> Tensor:
    """Noise images."""
    draw = torch.Generator().manual_seed(1)
    return torch.randn(1, 3, 224, 224, generator=draw).to(memory_format=LAYOUT)


def logits_of(outputs: Any) -> list[Tensor]:
    """The logits, including the logits of auxiliary heads."""
    if isinstance(outputs, Tensor):
        return [outputs]
    first, *rest = outputs
    heads = [head for each in rest for head in (each.unbind(1) if each.ndim == 3 else [each])]
    return [first, *heads]


def inference(name: str, *, ours_last: bool = False) -> dict[str, Call]:
    """Forward passes; results are logits relative to the largest, which determines the rounding error."""

    def of(net: nn.Module) -> Call:
        def call() -> object:
            with torch.inference_mode():
                logits = logits_of(net(pixels))[0]
            return (logits / logits.abs().max()).numpy()

        return call

    pixels = image()
    return {who: of(net.eval()) for who, net in contenders(name, ours_last=ours_last).items()}


def training(name: str, *, ours_last: bool = False) -> dict[str, Call]:
    """Training steps; dropout makes their losses differ, so there is no result to compare."""
    pixels, labels = image(), torch.tensor([0])
    truths = [ClassScores.of(label, CLASSES) for label in labels.tolist()]

    def of(net: Any) -> Call:
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, fused=True)

        def loss() -> Tensor:
            outputs = net(pixels)
            if hasattr(net, "preprocessing"):  # ours
                return torch.stack(list(net.loss(outputs, truths).values())).sum()
            first, *heads = (F.cross_entropy(logits, labels) for logits in logits_of(outputs))
            return first + 0.3 * sum(heads)

        def call() -> object:
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
            return []

        return call

    return {who: of(net.train()) for who, net in contenders(name, ours_last=ours_last).items()}


def detection(*, layout: torch.memory_format = LAYOUT, compiled: bool = False) -> dict[str, Call]:
    """Faster R-CNN ResNet-50 FPN, from one image of 480 x 640 pixels to all boxes and scores.

    Includes normalization, which is part of torchvision's model.
    """
    torch.manual_seed(0)
    peer = livelier(faster_rcnn_of_torchvision(OUTPUTS, size=SIZE))
    model = faster_rcnn_resnet50_fpn(OUTPUTS - 1, size=SIZE).eval()
    model.load_state_dict(peer.state_dict())
    model, peer = model.to(memory_format=layout), peer.to(memory_format=layout)
    pixels = torch.randint(256, (1, 3, *SIZE), dtype=torch.uint8).to(memory_format=layout)

    def find(image: Tensor) -> Any:
        return model.find(model(normalize(image, model.preprocessing)))

    def look(image: Tensor) -> Any:
        return peer(list(image.float() / 255))

    if compiled:
        find, look = torch.compile(find, fullgraph=True), torch.compile(look)

    def ours() -> object:
        # Lets ours compile as one graph; torchvision's model has graph breaks and fails with this setting.
        with torch.no_grad(), torch._dynamo.config.patch(capture_dynamic_output_shape_ops=compiled):
            (found,) = find(pixels).by_image(1)
        return torch.cat([found.boxes.flatten(), found.scores]).numpy()

    def theirs() -> object:
        with torch.no_grad():
            (found,) = look(pixels)
        return torch.cat([found["boxes"].flatten(), found["scores"]]).numpy()

    return {"cvbench": ours, "torchvision": theirs}
