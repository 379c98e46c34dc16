"""A data set whose images and truths are known by their position."""

import torch

from cvbench.errors import DataError
from cvbench.record import Passport
from cvbench.values import Detections, Sample


class Pictures:
    """Picture k is k all over, and as large as k asks for; object j of k lies at (j, j, j + 4, j + 8)."""

    classes = ("one", "two")
    task = "detection"

    def __init__(self, count, *, broken=()):
        self.broken = frozenset(broken)
        self.count = count
        self.passport = Passport(name="pictures", split="test", images=count, classes=2, sha256="0")

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index in self.broken:
            raise DataError(f"pictures/{index}.jpg: it cannot be decoded")
        h, w = 20 + index % 3, 30 - index % 2
        corners = torch.arange(index % 4, dtype=torch.float32)[:, None]
        masks = torch.zeros(len(corners), h, w, dtype=torch.bool)
        masks[:, :5, :4] = True
        truth = Detections(
            boxes=corners + torch.tensor([[0.0, 0.0, 4.0, 8.0]]),
            labels=torch.arange(len(corners)) % 2,
            scores=torch.ones(len(corners)),
            masks=masks,
        )
        return Sample(torch.full((3, h, w), index, dtype=torch.uint8), truth, f"picture {index}")
