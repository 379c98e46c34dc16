"""What the tests of learning share: a small training, and scenes to learn."""

import torch
from torch import Tensor, nn

from cvbench.values import Detections, LabelMap, Truth

COLORS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.1, 0.9], [0.9, 0.9, 0.1]])


def learn(model: nn.Module, images: Tensor, truths: list[Truth], *, steps: int, lr: float) -> None:
    """Train on one batch, and leave the model in evaluation mode."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        sum(model.loss(model(images), truths).values()).backward()
        optimizer.step()
        schedule.step()
    settle(model, images)
    model.eval()


def settle(model: nn.Module, images: Tensor) -> None:
    """Let norms remember just these images: over so few steps their moving averages lag behind."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean of all that comes, which is one batch
    with torch.no_grad():
        model(images)


def decoded(model: nn.Module, images: Tensor):
    """The model's predictions."""
    with torch.inference_mode():
        return model.decode(model(images))


def scenes(count: int, size: int) -> tuple[Tensor, list[Detections], list[LabelMap]]:
    """Noise with two colored rectangles per image; the color is the class."""
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
            image[:, y : y + h, x : x + w] += COLORS[label, :, None, None]
            pixels[y : y + h, x : x + w] = label + 1
            boxes.append([x, y, x + w, y + h])
        detections.append(Detections(torch.tensor(boxes, dtype=torch.float32), labels, torch.ones(2)))
        maps.append(LabelMap(pixels))
    return images, detections, maps
