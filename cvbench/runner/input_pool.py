"""Inputs to time a model on: batches of real images, prepared beforehand."""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

from cvbench.data.images.loader import batches
from cvbench.data.images.normalisation import normalise
from cvbench.interfaces import Dataset
from cvbench.runner.inference import Inference

POOL = 8
"""Different batches that are taken in turn, so that no single input stays in the caches."""


def input_pool(inference: Inference, data: Dataset, *, batch: int) -> list[Float[Tensor, "b 3 h w"]]:
    """Up to `POOL` prepared batches of real images on the device, in the runtime's layout.

    The images of a small data set come round again until the batches are full.
    """
    wanted = POOL * batch
    images: list[Tensor] = []
    preprocessing = inference.model.preprocessing.of_one_size()
    for loaded in batches(data, preprocessing, batch=batch, undecodable="skip"):
        images += list(loaded.images)
        if len(images) >= wanted:
            break
    images = list(itertools.islice(itertools.cycle(images), wanted))
    stacks = [torch.stack(images[at : at + batch]) for at in range(0, wanted, batch)]
    return [normalise(inference.place(stack), preprocessing) for stack in stacks]
