"""Each net can learn: a narrow one learns a handful of images by heart, and decodes what it learnt."""

import pytest
import torch
from torch import Tensor, nn

from cvbench.boxes import iou
from cvbench.models.alexnet import alexnet
from cvbench.models.resnet import resnet18
from cvbench.models.unet import unet, unet_original
from cvbench.models.yolo_v3 import yolo_v3_tiny
from cvbench.values import ClassScores, Detections, LabelMap, Truth

COLOURS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]])


def learn(model: nn.Module, images: Tensor, truths: list[Truth], *, steps: int, lr: float) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        sum(model.loss(model(images), truths).values()).backward()
        optimizer.step()
        schedule.step()
    model.eval()


def decoded(model: nn.Module, images: Tensor):
    with torch.inference_mode():
        return model.decode(model(images))


def scenes(count: int, size: int) -> tuple[Tensor, list[Detections], list[LabelMap]]:
    """Noise with two coloured rectangles an image: the class of each is its colour."""
    draw = torch.Generator().manual_seed(0)
    images = 0.1 * torch.rand(count, 3, size, size, generator=draw)
    detections, maps = [], []
    for image in images:
        labels = torch.randint(4, (2,), generator=draw)
        pixels = torch.zeros(size, size, dtype=torch.uint8)
        boxes = []
        for half, label in enumerate(labels.tolist()):  # one in the left half, one in the right
            w, h = (torch.randint(size // 6, size // 2, (2,), generator=draw)).tolist()
            x = half * size // 2 + int(torch.randint(size // 2 - w + 1, (1,), generator=draw))
            y = int(torch.randint(size - h + 1, (1,), generator=draw))
            image[:, y : y + h, x : x + w] += COLOURS[label, :, None, None]
            pixels[y : y + h, x : x + w] = label + 1
            boxes.append([x, y, x + w, y + h])
        detections.append(Detections(torch.tensor(boxes, dtype=torch.float32), labels, torch.ones(2)))
        maps.append(LabelMap(pixels))
    return images, detections, maps


@pytest.mark.parametrize(
    ("build", "lr"),
    [(lambda: alexnet(4, size=64, width=0.125), 2e-3), (lambda: resnet18(4, size=64, width=0.125), 5e-3)],
    ids=["alexnet", "resnet18"],
)
def test_a_classifier_learns_twelve_images_by_heart(build, lr):
    torch.manual_seed(0)
    model = build()
    images = torch.randn(12, 3, 64, 64)
    labels = [i % 4 for i in range(12)]
    learn(model, images, [ClassScores.of(label, 4) for label in labels], steps=60, lr=lr)
    assert [scores.label for scores in decoded(model, images)] == labels


def test_a_detector_learns_eight_scenes_by_heart():
    torch.manual_seed(0)
    images, truths, _ = scenes(8, 64)
    anchors = ((12, 16), (16, 12), (14, 26), (26, 14), (20, 20), (28, 28))
    model = yolo_v3_tiny(4, size=64, width=0.125, anchors=anchors)
    learn(model, images, truths, steps=120, lr=5e-3)
    for found, truth in zip(decoded(model, images), truths, strict=True):
        sure = found.scores > 0.5
        assert sure.sum() == len(truth)
        overlaps = iou(found.boxes[sure], truth.boxes) * (found.labels[sure][:, None] == truth.labels)
        assert overlaps.amax(dim=0).min() > 0.7  # each object has a sure box of its class


def assert_learns_scenes_by_heart(model: nn.Module, *, count: int, steps: int, lr: float) -> None:
    images, _, truths = scenes(count, model.preprocessing.size[0])
    learn(model, images, truths, steps=steps, lr=lr)
    predicted = torch.stack([p.labels for p in decoded(model, images)]).long()
    true = torch.stack([t.labels for t in truths]).long()
    confusion = torch.bincount((true * 5 + predicted).flatten(), minlength=25).reshape(5, 5)
    hits = confusion.diag()
    overlaps = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    assert overlaps.nanmean() >= 0.95  # a class that is nowhere has none


def test_the_padded_segmenter_learns_four_scenes_by_heart():
    torch.manual_seed(0)
    assert_learns_scenes_by_heart(unet(5, size=64, width=0.125), count=4, steps=100, lr=1e-2)


@pytest.mark.slow
def test_the_original_segmenter_learns_two_scenes_by_heart():
    torch.manual_seed(0)
    assert_learns_scenes_by_heart(unet_original(5, size=100, width=0.125), count=2, steps=60, lr=3e-3)
