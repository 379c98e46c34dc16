"""Random numbers that a purpose and a few counters decide, and nothing else."""

from __future__ import annotations

from hashlib import blake2b

import torch


def seed_of(purpose: str, *counters: int) -> int:
    """A seed below 2**63 for one purpose at one place, such as `seed_of("order", seed, epoch)`.

    Neighbouring counters give unrelated seeds, and so do two purposes with equal counters.
    """
    name = ":".join((purpose, *map(str, counters)))
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") >> 1


def generator(purpose: str, *counters: int) -> torch.Generator:
    """A CPU generator seeded with `seed_of`."""
    return torch.Generator().manual_seed(seed_of(purpose, *counters))
