"""Random boxes for the benchmarks of suppression and overlap."""

import torch
from torch import Tensor


def scattered(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Uniformly distributed boxes of 10 to 110 pixels in an image of 1000, with distinct scores."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * 1000
    size = torch.rand(n, 2, generator=generator) * 100 + 10
    return torch.cat([corner, corner + size], dim=1), torch.randperm(n, generator=generator) / n


def clustered(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Typical detector output before NMS: about fifty boxes around each object, sizes from 10 to 500."""
    generator = torch.Generator().manual_seed(seed)
    objects = n // 50
    centre = torch.rand(objects, 2, generator=generator) * 1000
    size = 10 * 50 ** torch.rand(objects, 2, generator=generator)
    which = torch.arange(n) % objects
    noise = torch.randn(n, 4, generator=generator) * 0.1
    centre, size = centre[which] + size[which] * noise[:, :2], size[which] * noise[:, 2:].exp()
    return torch.cat([centre - size / 2, centre + size / 2], dim=1), torch.randperm(
        n, generator=generator
    ) / n
