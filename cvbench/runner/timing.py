"""Times a model as it was scored: inputs from the data set, the result counted with its decoding."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from cvbench.images.loading import batches
from cvbench.images.normalisation import normalise
from cvbench.protocols import Dataset
from cvbench.record import Measurement
from cvbench.runner.evaluation import synchronise_of
from cvbench.runner.inference import Inference
from cvbench.runner.ledger import Progress
from cvbench.spec import TimingPlan
from cvbench.timing import cost
from cvbench.timing.latency import measure_latency
from cvbench.timing.series import HostClock, Series
from cvbench.timing.throughput import measure_throughput

POOL = 8
"""Different batches that are taken in turn, so that no single input stays in the caches."""


class Timed(NamedTuple):
    """Raw samples, and what was read once."""

    series: list[Series]
    readings: list[Measurement]


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


def time_inference(
    inference: Inference, data: Dataset, plan: TimingPlan, *, on_step: Callable[[Progress], None]
) -> Timed:
    """Latency, throughput by batch, and the memory peak while they are measured.

    The boundary: a normalised batch on the device goes in; decoded predictions, after
    non-maximum suppression for a detector, come out.
    """
    timed = Timed([], [])
    clock = HostClock(synchronise_of(inference.device))
    runs = (plan.latency is not None) + len(plan.throughput.batch if plan.throughput else ())
    done = 0

    def step(name: str) -> Callable[[float], None]:
        return lambda share: on_step(Progress("time", (done + share) / runs, name))

    if plan.latency is not None:
        call = _taking_turns(inference, input_pool(inference, data, batch=plan.latency.batch))
        was_reset = cost.reset_peak(inference.device)
        series = measure_latency(call, plan.latency, clock=clock, on_step=step("latency"))
        timed.series.append(series)
        timed.readings.append(cost.peak_memory(inference.device, at=series.at, was_reset=was_reset))
        done += 1
    for batch in plan.throughput.batch if plan.throughput else ():
        call = _taking_turns(inference, input_pool(inference, data, batch=batch))
        was_reset = cost.reset_peak(inference.device)
        assert plan.throughput is not None
        series = measure_throughput(
            call, plan.throughput, batch=batch, clock=clock, on_step=step(f"throughput, batch {batch}")
        )
        timed.series.append(series)
        timed.readings.append(cost.peak_memory(inference.device, at=series.at, was_reset=was_reset))
        done += 1
    return timed


def count_macs_of(inference: Inference) -> int | None:
    """Multiply-accumulates of one image; None where torch cannot count them (a compiled net)."""
    height, width = inference.model.preprocessing.size
    image = inference.place(torch.zeros(1, 3, height, width))
    model = inference.model
    with torch.inference_mode():
        return cost.count_macs(lambda: model.forward(image)) or None


def _taking_turns(inference: Inference, pool: Sequence[Float[Tensor, "b 3 h w"]]) -> Callable[[int], object]:
    return lambda number: inference(pool[number % len(pool)])
