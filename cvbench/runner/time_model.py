"""Times a model as it was scored: on inputs from the dataset, decoding included."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._pytree import tree_leaves

from cvbench.data.images.color import normalize
from cvbench.data.images.loader import batches
from cvbench.errors import CellError
from cvbench.interfaces import Dataset, module_of
from cvbench.record import Measurement, Scalar
from cvbench.runner.inference import Inference, input_pool
from cvbench.runner.out_of_memory import is_out_of_memory
from cvbench.runner.predictions import on_host
from cvbench.runner.progress import Progress
from cvbench.runner.time_training_step import time_training_step
from cvbench.spec.cell import EndToEndPlan, EnergyPlan, LatencyPlan, TimingPlan, TrainRecipe, TrainStepPlan
from cvbench.timing import cost
from cvbench.timing.end_to_end import Load, Pipeline, measure_end_to_end
from cvbench.timing.energy import measure_energy, no_energy
from cvbench.timing.energy_counters import counter_of
from cvbench.timing.figures import figures_of
from cvbench.timing.gpu_monitor import following, why_not
from cvbench.timing.host_monitor import HostMonitor
from cvbench.timing.instruments import HostClock, Instruments, Keeper, Together
from cvbench.timing.latency import TARGETS, Counts, measure_latency
from cvbench.timing.memory import TorchDevice, peak_memory, reset_peak
from cvbench.timing.series import Series
from cvbench.timing.throughput import measure_throughput, out_of_memory
from cvbench.values import Detections


@dataclass
class Timed:
    """Raw samples, single readings, and the conditions of the machine."""

    series: list[Series] = field(default_factory=list)
    readings: list[Measurement] = field(default_factory=list)
    conditions: dict[str, Scalar] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)
    worn: bool = False
    """Whether the process ran out of memory: nothing else should be timed in it."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about single series and about all of them."""
        return (*self.cautions, *(f"{one.title}: {said}" for one in self.series for said in one.cautions))


def time_inference(
    inference: Inference,
    data: Dataset,
    plan: TimingPlan,
    *,
    on_step: Callable[[Progress], None],
    seed: int = 0,
    frozen: Counts | None = None,
    is_fresh: bool = False,
    recipe: TrainRecipe | None = None,
) -> Timed:
    """Latency, throughput by batch in random order, and the memory peak while they are measured.

    What is timed: from a normalized batch on the device to decoded predictions, non-maximum suppression
    included. `frozen` holds the counts of the first round. In a fresh process the first call is a measurement
    too. Training steps follow `recipe`.
    """
    timed = Timed()
    with monitoring(inference.device, timed) as monitor:
        instruments = Instruments(
            HostClock(),
            TorchDevice(inference.device),
            monitor,
            random.Random(seed),  # noqa: S311 - an order
        )
        work = _Work(inference, data, plan, instruments, frozen or {}, timed, on_step, is_fresh)
        if plan.latency is not None:
            work.latency(plan.latency)
        for batch in work.in_random_order():
            work.throughput(batch)
        if plan.end_to_end is not None:
            work.end_to_end(plan.end_to_end)
        work.use()
        if plan.energy is not None:
            work.energy(plan.energy)
        if plan.train_step is not None:
            work.train_step(plan.train_step, recipe or TrainRecipe())
        timed.conditions.update(monitor.summary())
    return timed


@contextmanager
def monitoring(device: torch.device, timed: Timed) -> Iterator[Keeper]:
    """Monitors the host, and the GPU where NVML can read it."""
    if device.type != "cuda":
        yield HostMonitor()
        return
    reason = why_not()
    if reason is not None:
        timed.cautions.append(f"the GPU was not monitored: {reason}")
        yield HostMonitor()
        return
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    with following(f"GPU-{uuid}" if uuid else str(device.index or 0)) as gpu:
        yield Together([HostMonitor(), gpu])


@dataclass
class _Work:
    """One model's timings."""

    inference: Inference
    data: Dataset
    plan: TimingPlan
    instruments: Instruments
    frozen: Counts
    timed: Timed
    on_step: Callable[[Progress], None]
    is_fresh: bool
    done: int = 0
    too_large: int | None = None
    """The smallest batch that ran out of memory."""

    @property
    def parts(self) -> int:
        plan = self.plan
        batches = plan.throughput.batches if plan.throughput else ()
        others = (plan.latency, plan.end_to_end, plan.energy, plan.train_step)
        return len(batches) + sum(one is not None for one in others)

    @property
    def target(self) -> float | None:
        return TARGETS[self.inference.device.type] if self.limit_s is not None else None

    @property
    def limit_s(self) -> float | None:
        """Seconds that one series may take in this process, where the cell has a budget."""
        if self.plan.budget is None:
            return None
        return self.plan.budget / (self.plan.rounds or 1) / self.parts

    def in_random_order(self) -> list[int]:
        """The batches, shuffled, so that heat and memory fragmentation do not grow with batch size."""
        found = list(self.plan.throughput.batches if self.plan.throughput else ())
        self.instruments.rng.shuffle(found)
        return found

    def latency(self, plan: LatencyPlan) -> None:
        if self.limit_s is not None:
            plan = plan.model_copy(update={"duration": self.limit_s})
        pool = input_pool(self.inference, self.data, batch=plan.batch)
        if self.is_fresh:
            first_s = self.instruments.time(_taking_turns(self.inference, pool), 0)
            self.timed.readings.append(cold("cold_first_call", first_s, at=f"batch={plan.batch}"))
        self._look_at_outputs(pool, plan.batch)
        was_reset = reset_peak(self.inference.device)
        found = measure_latency(
            _taking_turns(self.inference, pool),
            plan,
            instruments=self.instruments,
            parts=_parts(self.inference, pool),
            frozen=self.frozen,
            target=self.target,
            on_step=self._step("latency"),
        )
        self._keep(found, was_reset=was_reset)

    def throughput(self, batch: int) -> None:
        assert self.plan.throughput is not None
        if self.too_large is not None and batch > self.too_large:
            self.timed.series.append(
                out_of_memory(batch, f"out of memory: batch {self.too_large} was too large")
            )
            return
        try:
            pool = input_pool(self.inference, self.data, batch=batch)
            was_reset = reset_peak(self.inference.device)
            series = measure_throughput(
                _taking_turns(self.inference, pool),
                self.plan.throughput,
                batch=batch,
                instruments=self.instruments,
                frozen=self.frozen.get(f"throughput@batch={batch}"),
                target=self.target,
                limit_s=self.limit_s,
                on_step=self._step(f"throughput, batch {batch}"),
            )
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or len(self.plan.throughput.batches) == 1:
                raise
            self.timed.series.append(out_of_memory(batch, f"out of memory: {str(error).splitlines()[0]}"))
            self.timed.worn, self.too_large = True, min(batch, self.too_large or batch)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            return
        self._keep([series], was_reset=was_reset)

    def end_to_end(self, plan: EndToEndPlan) -> None:
        pool = input_pool(self.inference, self.data, batch=plan.batch)
        series = measure_end_to_end(
            pipeline(self.inference, self.data, plan, pool),
            plan,
            instruments=self.instruments,
            on_step=self._step("end to end"),
        )
        self.timed.series.extend(series)
        self.done += 1

    def energy(self, plan: EnergyPlan) -> None:
        counter = counter_of(self.inference.device)
        if isinstance(counter, str):
            self.timed.readings.append(no_energy(f"batch={plan.batch}", counter))
            self.done += 1
            return
        pool = input_pool(self.inference, self.data, batch=plan.batch)
        self.timed.series += measure_energy(
            _taking_turns(self.inference, pool),
            plan,
            counter=counter,
            instruments=self.instruments,
            on_step=self._step("energy"),
        )
        self.done += 1

    def train_step(self, plan: TrainStepPlan, recipe: TrainRecipe) -> None:
        self._step("training step")(0.0)
        try:
            series, peaks = time_training_step(
                self.inference.model,
                self.data,
                plan,
                recipe,
                device=self.inference.device,
                memory_format=self.inference.memory_format,
                instruments=self.instruments,
            )
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            reason = f"out of memory: {str(error).splitlines()[0]}"
            series, peaks = [out_of_memory(plan.batch, reason, name="train_throughput")], []
            self.timed.worn = True
        self.timed.series += series
        self.timed.readings += peaks
        self.done += 1

    def use(self) -> None:
        """Operations per image, and the share of the hardware limits that was reached."""
        inference = self.inference
        counted = cost_of_image(inference)
        self.timed.readings += cost.cost_figures(counted)
        rates = [f for f in figures_of(self.timed.series) if f.name == "throughput" and f.value is not None]
        if not rates or not counted.macs:
            return
        best = cost.roofline(
            inference.device, inference.autocast or torch.float32, wait=self.instruments.device.wait
        )
        gpu = torch.cuda.get_device_name(inference.device) if inference.device.type == "cuda" else None
        self.timed.readings += best.figures()
        self.timed.readings += cost.use_figures(counted, rates, best, gpu=gpu, precision=inference.precision)

    def _look_at_outputs(self, pool: Sequence[Tensor], batch: int) -> None:
        """Make sure that the outputs are fit to be timed; count boxes, which decide what decoding costs."""
        first = [_forms(self.inference.forward(pool[0])) for _ in range(2)]
        if first[0] != first[1]:
            raise CellError(
                f"two calls with one input gave outputs of different shapes: {first[0]}, then {first[1]}.\n"
                "  A model that is timed must return the same shapes for the same input."
            )
        boxes = []
        for number, images in enumerate(pool):
            leaves = tree_leaves(self.inference.forward(images))
            if any(leaf.isnan().any() for leaf in leaves if isinstance(leaf, Tensor)):
                raise CellError(f"the outputs for input {number} of {len(pool)} have NaN values.")
            boxes += [len(found) for found in self.inference(images) if isinstance(found, Detections)]
        if boxes:
            self.timed.readings.append(
                Measurement(
                    name="boxes_per_image",
                    at=f"batch={batch}",
                    value=sum(boxes) / len(boxes),
                    unit="boxes",
                    direction="neither",
                    n=len(boxes),
                    protocol="boxes/after suppression/of the timed inputs",
                )
            )

    def _keep(self, found: Sequence[Series], *, was_reset: bool) -> None:
        self.timed.series.extend(found)
        self.timed.readings += peak_memory(self.inference.device, at=found[0].at, was_reset=was_reset)
        self.done += 1

    def _step(self, name: str) -> Callable[[float], None]:
        return lambda share: self.on_step(Progress("time", (self.done + share) / self.parts, name))


def pipeline(
    inference: Inference, data: Dataset, plan: EndToEndPlan, pool: Sequence[Float[Tensor, "b 3 h w"]]
) -> Pipeline:
    """The model's work on this data set, cut into its stages."""
    preprocessing = inference.model.preprocessing

    def load() -> Iterator[Load]:
        seen = whole = 0
        for batch in batches(
            data, preprocessing, batch=plan.batch, workers=plan.workers, undecodable="skip", endless=True
        ):
            if len(batch) == plan.batch:
                whole += 1
                yield Load(plan.batch, batch.images)
            seen += len(batch) + len(batch.skipped)
            if not whole and seen >= len(data):
                raise CellError(
                    f"time.end_to_end.batch is {plan.batch}, but the dataset has {len(data)} images.\n"
                    "  Set a smaller batch."
                )

    return Pipeline(
        load=load,
        stages={
            "copy": lambda images: normalize(inference.place(images), preprocessing),
            "forward": inference.forward,
            "postprocess": inference.decode,
            "to_host": lambda predictions: [on_host(prediction) for prediction in predictions],
        },
        model=_taking_turns(inference, pool),
    )


def cold(name: str, seconds: float, *, at: str = "") -> Measurement:
    """Seconds of one part of the time until a process's first result."""
    return Measurement(
        name=name, at=at, value=seconds, unit="s", direction="lower", protocol=f"{name}/fresh process"
    )


def count_macs_of(inference: Inference) -> int | None:
    """Multiply-accumulates of one image; None where torch cannot count them."""
    return cost_of_image(inference).macs or None


def cost_of_image(inference: Inference) -> cost.Cost:
    """Operations and bytes per image, counted on the model before it is compiled."""
    height, width = inference.model.preprocessing.size
    return cost.cost_of(module_of(inference.model), inference.place(torch.zeros(1, 3, height, width)))


def _parts(inference: Inference, pool: Sequence[Tensor]) -> Mapping[str, Callable[[int], object]]:
    """Forward pass and decoding as separate calls, on the pool's inputs."""
    outputs = [inference.forward(images) for images in pool]
    return {
        "forward": lambda number: inference.forward(pool[number % len(pool)]),
        "postprocess": lambda number: inference.decode(outputs[number % len(pool)]),
    }


def _taking_turns(inference: Inference, pool: Sequence[Float[Tensor, "b 3 h w"]]) -> Callable[[int], object]:
    return lambda number: inference(pool[number % len(pool)])


def _forms(outputs: Any) -> list[tuple[int, ...]]:
    return [tuple(leaf.shape) for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
