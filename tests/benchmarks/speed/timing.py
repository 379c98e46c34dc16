"""Accuracy of timings on this machine: `python -m tests.benchmarks.speed.timing PART [RUN …]`.

`delays` times calls that spin for a known time, one and several per call. `agreement` times the same
callables with cvbench, torch.utils.benchmark and a plain loop, interleaved. `timm` measures images/s of
ResNet-50 with our windows and with the protocol of timm's benchmark.py. `overhead` times an empty call and
the cost of monitoring. `repeat` compares the speed measurements of several runs of one suite, with the time
not spent on timing. Each part replaces its section of results/reference/timing-<machine>.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.benchmark import Timer

from cvbench.files import write_whole
from cvbench.models.building import build_model
from cvbench.runner.environment import probe
from cvbench.spec.cell import LatencyPlan, ModelSpec, ThroughputPlan
from cvbench.statistics.series import median_interval
from cvbench.store import Store
from cvbench.timing.host_monitor import HostMonitor
from cvbench.timing.instruments import Instruments
from cvbench.timing.latency import measure_latency
from cvbench.timing.memory import TorchDevice
from cvbench.timing.throughput import measure_throughput
from tests.benchmarks.speed.table import FOLDER, machine_class

GPU = torch.cuda.is_available()
DEVICE = TorchDevice(torch.device("cuda" if GPU else "cpu"))
SMALL_NETS = {
    "resnet18 of 64 pixels": ModelSpec(name="resnet18", options={"size": 64}),
    "unet of 64 pixels, an eighth as wide": ModelSpec(name="unet", options={"size": 64, "width": 0.125}),
    "vgg11 of 32 pixels, a quarter as wide": ModelSpec(name="vgg11", options={"size": 32, "width": 0.25}),
}
WHOLE_NETS = {name: ModelSpec(name=name) for name in ("resnet50", "unet", "vgg16")}
TURNS = 8
SHORT_TURNS, CALLS = (40, 30) if GPU else (100, 5)
"""Turns and calls per turn of the compared tools. The host's speed jumps, and with many turns a jump affects
few of them. GPU calls are so short that five would measure cold caches after the monitoring of the host."""
WARM = {"latency@batch=1": {"first": 1, "compile": 0, "settle": 0, "steady": 0, "group": 1}}
BATCH, TIMM_TURNS = 64 if GPU else 4, 30
TIMM_WARM_UP, STEPS = 10, 10 if GPU else 2
WARM_WINDOW = {"compile": 0, "settle": 0, "steady": 0, "steps": STEPS}
DELAYS = 50e-6, 200e-6, 1e-3, 5e-3, 20e-3, 100e-3
SPIN, TIMES = 1e-3, (1, 2, 4)


def delays() -> dict[str, Any]:
    """Medians of calls that spin for a known time, and of one, two and four spins per call, per turn."""
    found: dict[str, list[float]] = {}
    for turn in range(TURNS):
        asked = [(f"{delay:g}", delay, 1) for delay in DELAYS]
        asked += [(f"{SPIN:g} x {times}", SPIN, times) for times in TIMES]
        for name, delay, times in asked if turn % 2 == 0 else reversed(asked):
            plan = LatencyPlan(warmup=0.02, duration=1, iterations=100)
            [series] = measure_latency(_spinning(delay, times), plan, instruments=Instruments())
            found.setdefault(name, []).append(float(np.median(series.values)))
    return found


def _spinning(seconds: float, times: int) -> Callable[[int], object]:
    """A call that spins for this time, `times` times in sequence, and never less."""
    nanoseconds = round(seconds * 1e9)

    def spin(_: int) -> None:
        for _ in range(times):
            end = time.perf_counter_ns() + nanoseconds
            while time.perf_counter_ns() < end:
                pass

    return spin


def agreement() -> dict[str, Any]:
    """p50 of every model from three interleaved tools, and the ratios per turn."""
    found: dict[str, Any] = {}
    for name, spec in (WHOLE_NETS if GPU else SMALL_NETS).items():
        found[name] = _compared(_work(spec))
    return found


def _work(spec: ModelSpec) -> Callable[[int], object]:
    torch.manual_seed(0)
    net: Any = build_model(spec, 10).eval().to(DEVICE.device)
    images = [torch.randn(1, 3, *net.preprocessing.size, device=DEVICE.device) for _ in range(8)]

    def call(number: int) -> object:
        with torch.inference_mode():
            return net(images[number % 8])

    return call


def _compared(call: Callable[[int], object]) -> dict[str, list[float]]:
    """Medians of a few calls per tool and turn; alternating order, as the first has a cold cache."""
    timer = Timer("call(0)", globals={"call": call}, num_threads=torch.get_num_threads())
    tools: dict[str, Callable[[], float]] = {
        "cvbench": lambda: _ours(call),
        "torch.utils.benchmark": lambda: float(np.median([timer.timeit(1).mean for _ in range(CALLS)])),
        "plain loop": lambda: _loop(call),
    }
    times: dict[str, list[float]] = {tool: [] for tool in tools}
    for tool in tools.values():
        tool()  # warm
    for turn in range(SHORT_TURNS):
        for name in list(tools) if turn % 2 == 0 else reversed(list(tools)):
            times[name].append(tools[name]())
    return times


def _ours(call: Callable[[int], object]) -> float:
    plan = LatencyPlan(warmup=0.05, duration=30, iterations=CALLS)
    [series, *_] = measure_latency(call, plan, instruments=Instruments(device=DEVICE), frozen=WARM)
    return float(np.median(series.values))


def _loop(call: Callable[[int], object]) -> float:
    call(0)
    DEVICE.wait()
    times = []
    for number in range(CALLS):
        before = time.perf_counter()
        call(number)
        DEVICE.wait()
        times.append(time.perf_counter() - before)
    return float(np.median(times))


def timms_protocol() -> dict[str, Any]:
    """images/s of timm's ResNet-50 at 224 pixels, with our protocol and timm's, interleaved.

    timm's benchmark.py (1.0) warms up with 10 steps on one batch of normal data under no_grad, then times
    steps with a synchronization after each, and divides images by the time of the loop: 40 steps there, a few
    in each of many turns here.
    """
    import timm

    torch.manual_seed(0)
    net = timm.create_model("resnet50").eval().to(DEVICE.device)
    images = [torch.randn(BATCH, 3, 224, 224, device=DEVICE.device) for _ in range(8)]

    def ours(number: int) -> object:
        with torch.inference_mode():
            return net(images[number % 8])

    found: dict[str, list[float]] = {"cvbench": [], "timm's protocol": []}
    _as_timm(net, images[0], warm_up=TIMM_WARM_UP)
    for turn in range(TIMM_TURNS):
        for name in list(found) if turn % 2 == 0 else reversed(list(found)):
            rate = _windows(ours) if name == "cvbench" else _as_timm(net, images[0])
            found[name].append(rate)
    return found


def _windows(call: Callable[[int], object]) -> float:
    """One window, after one warm-up call."""
    plan = ThroughputPlan(warmup=2, window=2, windows=1)
    with_device = Instruments(device=DEVICE)
    series = measure_throughput(call, plan, batch=BATCH, instruments=with_device, frozen=WARM_WINDOW)
    return float(series.values[0])


@torch.no_grad()
def _as_timm(net: Any, batch: torch.Tensor, *, warm_up: int = 1) -> float:
    for _ in range(warm_up):
        net(batch)
    DEVICE.wait()
    start = time.perf_counter()
    for _ in range(STEPS):
        net(batch)
        DEVICE.wait()
    return STEPS * len(batch) / (time.perf_counter() - start)


def overhead() -> dict[str, Any]:
    """Seconds per empty iteration, alone and in groups, and the cost of monitoring a slice."""
    plan = LatencyPlan(warmup=0.05, duration=5, iterations=2000)
    found: dict[str, list[float]] = {"grouped": [], "alone": [], "watch": []}
    for _ in range(TURNS):
        for name, frozen in (("grouped", None), ("alone", {"group": 1})):
            counts = {"first": 1, "compile": 3, "settle": 5, "steady": 6, **frozen} if frozen else None
            keep = {"latency@batch=1": counts} if counts else None
            [series] = measure_latency(lambda _: None, plan, instruments=Instruments(), frozen=keep)
            found[name].append(float(np.median(series.values)))
        monitor = HostMonitor()
        before = time.perf_counter()
        for _ in range(100):
            monitor.begin()
            monitor.end()
        found["watch"].append((time.perf_counter() - before) / 100)
    return found


def repeated(names: list[str], results: Path) -> dict[str, Any]:
    """Speed measurements of several runs of one suite with their intervals, and how the time was spent."""
    found: dict[str, Any] = {}
    spent: list[dict[str, float]] = []
    for name in names:
        records = Store(results).find(name).records()
        rounds = [one for record in records for one in record.rounds]
        spent.append(
            {
                "wall": sum(record.wall_s for record in records),
                "timing": sum(record.spent.get("time", 0.0) for record in records),
                "rounds": sum(one.wall_s for one in rounds),
                "timing in rounds": sum(one.spent.get("time", 0.0) for one in rounds),
            }
        )
        for record in records:
            for figure in record.measurements:
                if figure.name in ("latency_p50", "throughput") and figure.value is not None:
                    title = f"{record.cell.title}, {figure.name} at {figure.at}"
                    entry = {"value": figure.value, "interval": figure.interval, "n": figure.n}
                    found.setdefault(title, []).append(entry)
    return {"figures": found, "spent": spent}


def markdown(kept: dict[str, Any]) -> str:
    """The results in Markdown."""
    lines = [
        f"# Timing on {kept['class']}",
        "",
        f"Written by `python -m tests.benchmarks.speed.timing`, {kept['taken']}.",
    ]
    parts = {
        "delays": _delay_lines,
        "agreement": _agreement_lines,
        "timm": _timm_lines,
        "overhead": _overhead_lines,
        "repeat": _repeat_lines,
    }
    for part, written in parts.items():
        if part in kept:
            lines += written(kept[part])
    return "\n".join(lines) + "\n"


def _delay_lines(found: dict[str, list[float]]) -> list[str]:
    lines = ["", "## Calls that spin for a known time", ""]
    lines += [f"Medians of {TURNS} turns (quartiles). Asked: within 1 % or 2 µs, whichever is more.", ""]
    lines += ["| spins for | p50 less that | share |", "|---|---|---|"]
    for delay in DELAYS:
        low, middle, high = (np.percentile(found[f"{delay:g}"], [25, 50, 75]) - delay) * 1e6
        share = middle * 1e-6 / delay
        lines.append(f"| {delay * 1e3:g} ms | {middle:.2f} µs ({low:.2f} to {high:.2f}) | {share:.3%} |")
    medians = [float(np.median(found[f"{SPIN:g} x {times}"])) for times in TIMES]
    slope, intercept = np.polyfit(TIMES, medians, 1)
    return [
        *lines,
        "",
        f"One, two and four spins of {SPIN * 1e3:g} ms to a call: {slope * 1e3:.4f} ms a spin",
        f"(asked within 1 %), and {intercept * 1e6:.2f} µs a call (asked below 5 µs).",
    ]


def _agreement_lines(found: dict[str, Any]) -> list[str]:
    lines = ["", "## The same callables by three tools", ""]
    lines += [
        f"Medians of {CALLS} calls in {SHORT_TURNS} turns, their median, and the median ratio to cvbench in",
        "the same turn with its 95 % interval. Asked: within 2 %.",
        "",
    ]
    lines += ["| model | tool | ms | ratio (quartiles) | its 95 % interval |", "|---|---|---|---|---|"]
    for model, times in found.items():
        for tool, seconds in times.items():
            told = f"{np.median(seconds) * 1e3:.3f} | {_ratio(seconds, times['cvbench'])}"
            lines.append(f"| {model} | {tool} | {told} |")
    return lines


def _ratio(values: list[float], ours: list[float]) -> str:
    """Ratios per turn: median, quartiles, and the interval of the median."""
    ratios = np.divide(values, ours)
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    least, most = median_interval(ratios) or (np.nan, np.nan)
    return f"{middle:.3f} ({low:.3f} to {high:.3f}) | {least:.3f} to {most:.3f}"


def _timm_lines(found: dict[str, list[float]]) -> list[str]:
    lines = ["", "## ResNet-50 by our windows and by timm's protocol", ""]
    lines += [
        f"At batch {BATCH}, in {TIMM_TURNS} turns. Where timm waits after each step (a CPU has nothing to",
        "wait for) and takes one batch again and again, we wait once a window and take eight in turn.",
        "",
    ]
    lines += [
        "| protocol | images/s (quartiles) | ratio (quartiles) | its 95 % interval |",
        "|---|---|---|---|",
    ]
    for tool, rates in found.items():
        low, middle, high = np.percentile(rates, [25, 50, 75])
        lines.append(
            f"| {tool} | {middle:.2f} ({low:.2f} to {high:.2f}) | {_ratio(rates, found['cvbench'])} |"
        )
    return lines


def _overhead_lines(found: dict[str, list[float]]) -> list[str]:
    cost = {name: np.percentile(times, [25, 50, 75]) for name, times in found.items()}
    lines = ["", "## What measuring costs", "", "| what | median (quartiles) | asked |", "|---|---|---|"]
    for name, what, asked in (
        ("grouped", "an iteration of nothing, in a group", "below 2 µs"),
        ("alone", "an iteration of nothing, alone", "below 2 µs"),
    ):
        low, middle, high = cost[name] * 1e6
        lines.append(f"| {what} | {middle:.3f} µs ({low:.3f} to {high:.3f}) | {asked} |")
    low, middle, high = cost["watch"] / 0.2 * 100
    lines.append(
        f"| watching the host, of a slice of 0.2 s | {middle:.3f} % ({low:.3f} to {high:.3f}) | 0.2 % |"
    )
    return lines


def _repeat_lines(found: dict[str, Any]) -> list[str]:
    lines = ["", "## The same suite several times", ""]
    lines += ["| metric | runs | spread (sd / mean) | claimed half-widths | intervals with the mean |"]
    lines += ["|---|---|---|---|---|"]
    figures = found["figures"]
    lines += [_repeat_line(title, runs) for title, runs in figures.items()]
    held = [_held(runs) for runs in figures.values()]
    lines += [
        "",
        f"In all: {sum(a for a, _ in held)} of {sum(b for _, b in held)} intervals hold the mean.",
    ]
    lines += [
        "",
        "| run | wall, s | not timing | wall of the rounds, s | not timing |",
        "|---|---|---|---|---|",
    ]
    for number, one in enumerate(found["spent"], 1):
        shares = 1 - one["timing"] / one["wall"], 1 - one["timing in rounds"] / one["rounds"]
        walls = one["wall"], one["rounds"]
        lines.append(f"| {number} | {walls[0]:.0f} | {shares[0]:.0%} | {walls[1]:.0f} | {shares[1]:.0%} |")
    return lines


def _repeat_line(title: str, runs: list[dict[str, Any]]) -> str:
    values = np.array([run["value"] for run in runs])
    claimed = [run["interval"] for run in runs if run["interval"]]
    halves = ", ".join(f"{(high - low) / (high + low):.1%}" for low, high in claimed)
    inside, of = _held(runs)
    spread = values.std(ddof=1) / values.mean()
    return f"| {title} | {len(runs)} | {spread:.1%} | {halves} | {inside} of {of} |"


def _held(runs: list[dict[str, Any]]) -> tuple[int, int]:
    """Number of intervals that contain the mean of all runs, and number of intervals."""
    mean = np.mean([run["value"] for run in runs])
    claimed = [run["interval"] for run in runs if run["interval"]]
    return sum(low <= mean <= high for low, high in claimed), len(claimed)


def main() -> None:
    """Measure one part and write both files."""
    parser = argparse.ArgumentParser(description="Accuracy of timings on this machine.")
    parser.add_argument("part", choices=("delays", "agreement", "timm", "overhead", "repeat"))
    parser.add_argument("runs", nargs="*", help="of repeat: the runs' names or folders")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args()
    name = machine_class(dict(probe().hard))
    file = asked.out / f"timing-{name}.json"
    kept = json.loads(file.read_text()) if file.exists() else {"schema": 1}
    parts: dict[str, Callable[[], Any]] = {
        "delays": delays,
        "agreement": agreement,
        "timm": timms_protocol,
        "overhead": overhead,
        "repeat": lambda: repeated(asked.runs, asked.results),
    }
    kept |= {"class": name, "machine": dict(probe().hard), "taken": time.strftime("%Y-%m-%d", time.gmtime())}
    kept[asked.part] = parts[asked.part]()
    asked.out.mkdir(parents=True, exist_ok=True)
    write_whole(file, (json.dumps(kept, indent=1) + "\n").encode())
    write_whole(file.with_suffix(".md"), markdown(kept).encode())


if __name__ == "__main__":
    main()
