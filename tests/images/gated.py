"""Work that cannot be unpickled in one process alone: each waits until so many have begun to."""

import os
import time

import torch

from cvbench.values import Sample
from tests.images.pictures import Pictures

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
