"""Data sets for loader processes: one that cannot be unpickled in one process alone, one that fails."""

import os
import time

import torch

from cvbench.values import Sample
from tests.data.images.pictures import Pictures

LONGEST_S = 60.0


def meet(folder, processes):
    """Say that this process is here, and wait for the others."""
    (folder / str(os.getpid())).touch()
    until = time.monotonic() + LONGEST_S
    while (here := len(list(folder.iterdir()))) < processes:
        if time.monotonic() > until:
            raise TimeoutError(f"{here} of {processes} processes came in {LONGEST_S:g} s")
        time.sleep(0.01)
    return folder


class Gate:
    def __init__(self, folder, processes):
        self.folder, self.processes = folder, processes

    def __reduce__(self):
        return meet, (self.folder, self.processes)


class Gated(Pictures):
    """The gate, and after it more than any pipe holds; each sample's id is the process that read it."""

    def __init__(self, count, gate=None):
        super().__init__(count)
        self.gate, self.ballast = gate, bytes(1 << 20)

    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return Sample(torch.zeros_like(sample.image), sample.truth, str(os.getpid()))


class Faulty(Pictures):
    """All but the first pictures hold a fault of the program, not of the data."""

    def __init__(self, count, *, sound):
        super().__init__(count)
        self.sound = sound

    def __getitem__(self, index):
        if index >= self.sound:
            raise ValueError(f"picture {index}")
        return super().__getitem__(index)
