"""Classifiers beside torchvision's and timm's form of the same net: same weights, images and layout.

The contenders take turns, call by call, so that whatever slows the machine down slows all of them
down. What is printed is the ratio of the medians: above 1, ours is faster.

    python -m tests.speed.nets resnet18 vgg11

In a process of its own, for the tests check the shapes of every call of ours, and of no peer's.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from cvbench.catalogue import MODELS
from cvbench.values import ClassScores

BATCH, CLASSES, ROUNDS = 4, 1000, 15
NETS = ["alexnet", "vgg11", "vgg16_bn", "googlenet", "resnet18", "resnet50"]
OF_TIMM = {"vgg11", "vgg16_bn", "resnet18", "resnet50"}
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

Call = Callable[[], object]


def contenders(name: str) -> dict[str, nn.Module]:
    """Ours and its peers, all with our weights."""
    nets: dict[str, nn.Module] = {"cvbench": MODELS.load(name)(CLASSES)}
    weights = nets["cvbench"].state_dict()
    options = {"init_weights": False} if name == "googlenet" else {}
    nets["torchvision"] = getattr(torchvision.models, name)(weights=None, **options)
    nets["torchvision"].load_state_dict(weights)
    if name in OF_TIMM:
        nets["timm"] = timm.create_model(name, num_classes=CLASSES)
        theirs = nets["timm"].state_dict()
        # timm's VGG runs its fully connected layers as convolutions, under names of its own
        nets["timm"].load_state_dict(
            {key: value.reshape(theirs[key].shape) for key, value in renamed(weights).items()}
        )
    return nets


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By timm's names."""
    names = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}
    parts = [(key.rpartition("."), value) for key, value in weights.items()]
    return {f"{names.get(layer, layer)}.{tensor}": value for (layer, _, tensor), value in parts}


def logits_of(outputs: object) -> list[Tensor]:
    """The logits, and those of auxiliary heads where there are any."""
    if isinstance(outputs, Tensor):
        return [outputs]
    first, *rest = outputs
    heads = [head for each in rest for head in (each.unbind(1) if each.ndim == 3 else [each])]
    return [first, *heads]


def inference(net: nn.Module, images: Tensor) -> Call:
    net.eval()

    def call() -> Tensor:
        with torch.inference_mode():
            return logits_of(net(images))[0]

    return call


def training_step(net: nn.Module, images: Tensor) -> Call:
    net.train()
    labels = torch.arange(BATCH)
    truths = [ClassScores.of(label, CLASSES) for label in labels.tolist()]
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, fused=True)

    def descended() -> Tensor:
        outputs = net(images)
        if hasattr(net, "preprocessing"):  # ours
            return torch.stack(list(net.loss(outputs, truths).values())).sum()
        first, *heads = (F.cross_entropy(logits, labels) for logits in logits_of(outputs))
        return first + 0.3 * sum(heads)

    def call() -> None:
        optimizer.zero_grad()
        descended().backward()
        optimizer.step()

    return call


def in_turn(calls: Mapping[str, Call], rounds: int) -> dict[str, float]:
    """Each contender's median in seconds; the order turns around every round."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for turn in range(rounds):
        for name in calls if turn % 2 == 0 else reversed(calls):
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in seconds.items()}


def compared(name: str) -> Iterator[str]:
    """A line for each kind of work and layout; AssertionError where the logits differ."""
    torch.manual_seed(0)
    for layout, memory_format in LAYOUTS.items():
        images = torch.randn(BATCH, 3, 224, 224).to(memory_format=memory_format)
        nets = {who: net.to(memory_format=memory_format) for who, net in contenders(name).items()}
        expected, *others = (inference(net, images)() for net in nets.values())
        for other in others:
            torch.testing.assert_close(other, expected, rtol=0, atol=1e-4 * expected.abs().max().item())
        for work in (inference, training_step):
            medians = in_turn({who: work(net, images) for who, net in nets.items()}, ROUNDS)
            ours = medians.pop("cvbench")
            told = ", ".join(f"{who} {t / ours:.3f} ({1e3 * t:.1f} ms)" for who, t in medians.items())
            yield f"{name} {work.__name__} {layout} batch {BATCH}: ours {1e3 * ours:.1f} ms; {told}"


if __name__ == "__main__":
    for net in sys.argv[1:] or NETS:
        for line in compared(net):
            print(line, flush=True)
