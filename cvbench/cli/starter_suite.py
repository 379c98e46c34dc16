"""The text of the suite that `cvbench init` writes: one dataset, one or more models, and comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cvbench.cli.dataset_forms import Recognized
from cvbench.errors import InputError
from cvbench.spec.cell import TaskName

_WIDTH: Final = 28
"""The column of comments behind a setting."""


class _Starter(NamedTuple):
    """What a suite of a task begins with."""

    model: str
    data: str
    """The bundled dataset of the task."""
    form: str
    """How most people keep data of the task: a name of `cvbench list datasets`."""
    recipe: str
    metric: str
    own: str
    """What your own network returns."""
    hint: str
    """How the model is fitted to the data."""


_STARTERS: Final[Mapping[TaskName, _Starter]] = {
    "classification": _Starter(
        "resnet18",
        "fashion",
        "folder",
        "{epochs: 10, batch: 32, optimizer: adamw, lr: 1e-3, warmup: 0.1, weight_decay: 1e-2}",
        "top1",
        "logits (batch, classes)",
        "options: {size: 64} takes smaller inputs, and is faster",
    ),
    "detection": _Starter(
        "yolo_v3_tiny",
        "fashion-scenes",
        "coco-json",
        "{epochs: 30, batch: 8, optimizer: adamw, lr: 1e-3, warmup: 0.1, weight_decay: 5e-4}",
        "AP",
        "mappings with boxes, labels and scores",
        "`cvbench data anchors` computes anchors for your boxes",
    ),
    "segmentation": _Starter(
        "unet",
        "fashion-scenes",
        "masks",
        "{epochs: 20, batch: 4, optimizer: adamw, lr: 1e-3, warmup: 0.1, weight_decay: 1e-4, clip: 1.0}",
        "mIoU",
        "logits (batch, classes, height, width)",
        "options: {size: 256, width: 0.5} takes less memory, and is faster",
    ),
}


def suite_text(found: Sequence[Recognized], output: Path, *, task: TaskName | None) -> str:
    """The suite for these readings: at most one dataset, and any number of models and metrics.

    Raises InputError where two are datasets, or where a model's task is not the dataset's.
    """
    datasets = [one for one in found if one.data is not None]
    if len(datasets) > 1:
        raise InputError(
            "two datasets: " + ", ".join(one.title for one in datasets) + ".\n  Name one of them."
        )
    known = dict.fromkeys(one.task for one in found if one.task is not None)
    if len(known) > 1 or (task is not None and known and task not in known):
        tasks = ", ".join(f"{one.title} is for {one.task}" for one in found if one.task is not None)
        asked = f", and --task is {task}" if task else ""
        raise InputError(f"the tasks differ: {tasks}{asked}.\n  Name a dataset and models of one task.")
    chosen: TaskName = next(iter(known), task or "classification")
    return "\n".join(_lines(found, datasets[0] if datasets else None, chosen, output)) + "\n"


def _lines(
    found: Sequence[Recognized], data: Recognized | None, task: TaskName, output: Path
) -> Iterator[str]:
    starter = _STARTERS[task]
    own = [one for one in found if one.model is not None]
    weighted = own and all("weights" in (one.model or {}) for one in own)
    trains = not weighted and (data is None or data.trains)
    for one in found:
        yield f"# {one.title[0].upper()}{one.title[1:]}: {one.why}."
    yield f"# Next:  cvbench plan {output}   shows the cells, and what is missing"
    yield f"#        cvbench run {output}    trains, scores and times them; run it again to resume"
    yield "# Every setting: cvbench schema suite, and docs/start.md"
    yield "schema: 1"
    yield from _data(data, own, starter)
    yield "models:"
    for one in own:
        yield from _own_model(one, task, trains=trains)
    if not own:
        yield from _starter_model(starter, task, trains=trains)
    if trains:
        yield "# How models without `weights` are trained, on the split `train`:"
        recipe = starter.recipe if data is not None else re.sub(r"epochs: \d+", "epochs: 1", starter.recipe)
        yield f"train: {recipe}"
    if metrics := [one.metric for one in found if one.metric]:
        yield f"metrics: [{', '.join(map(_scalar, metrics))}]"
    else:
        yield "# metrics: the task's by default; `cvbench list metrics` shows all"
    yield "time:"
    yield _commented("  latency: {batch: 1}", "milliseconds per batch of one image")
    yield _commented("  throughput: {batch: [8]}", "images/s; [1, 8, 32] tries several batches")
    yield _commented("runtime: {batch: 8}", "images scored together; smaller needs less memory")
    yield _commented("seed: 0", "[0, 1, 2] repeats all with three seeds, and shows their spread")
    yield "# A floor: `cvbench run` and `cvbench check` fail where the metric is below it."
    name = (own[0].model or {}).get("name") if own else starter.model
    yield f"# expect: {{{name}: {{{starter.metric}: 0.5}}}}"


def _data(data: Recognized | None, own: Sequence[Recognized], starter: _Starter) -> Iterator[str]:
    if data is None and any("weights" in (one.model or {}) for one in own):
        yield "# The images on which the model is scored: set root to their folder. All forms: docs/data.md"
        yield from ("data:", f"  name: {starter.form}", "  root: path/to/your/dataset", "  split: test")
        return
    if data is None:
        yield "# Bundled images, so that everything runs now. Yours: cvbench init DATASET MODEL"
        yield f"data: {starter.data}"
        return
    for comment in data.comments:
        yield f"# {comment}"
    assert data.data is not None
    yield "data:"
    about = {
        "name": "how the files are read; `cvbench list datasets`",
        "root": "from the folder in which you run cvbench",
        "split": "the images that are scored",
    }
    for key, value in data.data.items():
        if key != "options":
            yield _commented(f"  {key}: {_scalar(value)}", about[key])
    if options := data.data.get("options"):
        yield "  options:"
        for key, value in options.items():
            yield f"    {key}: {_scalar(value)}"


def _own_model(one: Recognized, task: TaskName, *, trains: bool) -> Iterator[str]:
    assert one.model is not None
    for comment in one.comments:
        yield f"  # {comment}"
    lines = [f"{key}: {_scalar(value)}" for key, value in one.model.items()]
    if one.kind == "model":
        lines.append(f"task: {task}")
        lines.append(
            "# weights: my_net.pth       # a file of its weights" + ", instead of training it" * trains
        )
        lines.append("# preprocessing: {size: 224}  # how images come in; see docs/weights.md")
        if not trains:
            lines.append("metrics: []  # without weights it is timed only; remove this when they are set")
    yield f"  - {lines[0]}"
    yield from (f"    {line}" for line in lines[1:])


def _starter_model(starter: _Starter, task: TaskName, *, trains: bool) -> Iterator[str]:
    yield f"  # Other models: `cvbench list models`. {starter.hint}."
    yield f"  - name: {starter.model}"
    if not trains:
        yield "    metrics: []  # there are no images to train it on, so it is timed only"
    yield f"  # Your own network, which returns {starter.own}; docs/weights.md says more:"
    yield "  # - name: my_models:MyNet"
    yield f"  #   task: {task}"
    yield f"  #   weights: my_net.pth{'   # leave it out to train it' * trains}"


def _commented(setting: str, comment: str) -> str:
    return f"{setting:{_WIDTH}} # {comment}"


def _scalar(value: Any) -> str:
    """A value as YAML: text in quotes where it would be read as something else."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, str) and (
        not re.fullmatch(r"[A-Za-z./_][\w./:-]*", value)
        or value.endswith(":")
        or value.lower() in ("true", "false", "yes", "no", "on", "off", "null", "y", "n", ".nan", ".inf")
    ):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if not isinstance(value, str) else value
