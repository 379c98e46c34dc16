"""`cvbench new`: a working skeleton of a model, a dataset or a metric, with its test."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer

from cvbench.cli.output import Force, Task
from cvbench.errors import InputError
from cvbench.spec.catalogue.own_code import find_module

app = typer.Typer(
    no_args_is_help=True,
    help="Write a model, a dataset or a metric of your own, with its test, to start from.",
)
Name = Annotated[str, typer.Argument(help="Name of the Python module, such as my_net.")]
OfTask = Annotated[Task, typer.Option(help="The task it is for.")]
Folder = Annotated[Path, typer.Option(help="Where to write both files.")]

_CLASSES: Final = {"segmentation": '("background", "square")'}
_TRUTHS: Final[Mapping[str, tuple[str, str]]] = {
    "classification": ("ClassScores", "truth = ClassScores.of(label, len(self.classes))"),
    "detection": (
        "Detections",
        (
            "box = torch.tensor([[x, y, x + 32, y + 32]], dtype=torch.float32)  # x1, y1, x2, y2 in pixels\n"
            "        truth = Detections(boxes=box, labels=torch.tensor([label]), scores=torch.ones(1))"
        ),
    ),
    "segmentation": (
        "LabelMap",
        (
            "labels = torch.zeros(64, 64, dtype=torch.uint8)  # 255 marks pixels that do not count\n"
            "        labels[y : y + 32, x : x + 32] = 1\n"
            "        truth = LabelMap(labels)"
        ),
    ),
}
"""Task → the type of a truth, and how a dataset makes one."""
_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "classification": {
        "TEXT": "the probability that the model gives the right class",
        "IMPORT": "ClassScores  # noqa: F401 - what predictions and truths are",
        "TYPES": "ClassScores",
        "BODY": "    return float(prediction.scores[truth.label])",
        "UNIT": "fraction",
        "DIRECTION": "higher",
        "CASES": 'CLASSES = ("cat", "dog")\n'
        "CASES = [\n"
        "    (ClassScores(torch.tensor([0.75, 0.25])), ClassScores.of(0, 2), 0.75),\n"
        "    (ClassScores(torch.tensor([0.5, 0.5])), ClassScores.of(1, 2), 0.5),\n"
        "]",
    },
    "detection": {
        "TEXT": "by how many objects the model's count (scores of at least 0.5) differs from the truth's",
        "IMPORT": "Detections  # noqa: F401 - what predictions and truths are",
        "TYPES": "Detections",
        "BODY": "    return float(abs(int((prediction.scores >= 0.5).sum()) - len(truth)))",
        "UNIT": "objects",
        "DIRECTION": "lower",
        "CASES": 'CLASSES = ("cat", "dog")\n'
        "BOXES = torch.tensor([[0.0, 0.0, 4.0, 4.0], [4.0, 4.0, 8.0, 8.0]])\n"
        "TWO = Detections(BOXES, torch.tensor([0, 1]), torch.tensor([0.9, 0.5]))\n"
        "CASES = [(TWO, Detections.none(), 2.0), (Detections.none(), TWO, 2.0)]",
    },
    "segmentation": {
        "TEXT": "the share of pixels with the right class, without void pixels",
        "IMPORT": "VOID",
        "TYPES": "VOID, LabelMap",
        "BODY": "    counted = truth.labels != VOID\n"
        "    right = (prediction.labels == truth.labels) & counted\n"
        "    return float(right.sum() / max(int(counted.sum()), 1))",
        "UNIT": "fraction",
        "DIRECTION": "higher",
        "CASES": 'CLASSES = ("background", "road")\n'
        "GUESS = LabelMap(torch.tensor([[0, 1], [1, 1]], dtype=torch.uint8))\n"
        "CASES = [\n"
        "    (GUESS, LabelMap(torch.tensor([[0, 1], [0, 0]], dtype=torch.uint8)), 0.5),\n"
        "    (GUESS, LabelMap(torch.tensor([[0, VOID], [1, 1]], dtype=torch.uint8)), 1.0),\n"
        "]",
    },
}


@app.command()
def model(
    name: Name, task: OfTask = Task.CLASSIFICATION, folder: Folder = Path(), force: Force = False
) -> None:
    """Write a PyTorch model, NAME.py, and its test, test_NAME.py."""
    _write(name, f"model_{task}", {}, folder, force=force)
    _next(name, folder, f"cvbench init {name}:{_class(name)} --task {task}")


@app.command()
def dataset(
    name: Name, task: OfTask = Task.CLASSIFICATION, folder: Folder = Path(), force: Force = False
) -> None:
    """Write a dataset, NAME.py, and its test, test_NAME.py."""
    truth_class, truth = _TRUTHS[task]
    values = {
        "TRUTH_CLASS": truth_class,
        "TASK_CLASSES": _CLASSES.get(task, '("gray", "white")'),
        "TASK_OBJECTS": "\n            objects=len(self.items)," if task is Task.DETECTION else "",
        "TASK_TRUTH": f"        {truth}",
        "TASK": task.value,
    }
    _write(name, "dataset", values, folder, force=force)
    _next(name, folder, f"cvbench init {name}:{name} --task {task}")


@app.command()
def metric(
    name: Name, task: OfTask = Task.CLASSIFICATION, folder: Folder = Path(), force: Force = False
) -> None:
    """Write a metric, NAME.py, and its test, test_NAME.py."""
    values = {f"VALUE_{key}": value for key, value in _VALUES[task].items()}
    _write(name, "metric", values, folder, force=force)
    _next(name, folder, f"cvbench init {name}:{_class(name)} --task {task}")


def _class(name: str) -> str:
    """The name of the class in a module.

    >>> _class("my_net"), _class("net2")
    ('MyNet', 'Net2')
    """
    return "".join(part[0].upper() + part[1:] for part in name.split("_") if part)


def _write(name: str, skeleton: str, values: Mapping[str, str], folder: Path, *, force: bool) -> None:
    """Write a skeleton and its test; raises InputError for a name that is taken or cannot be one."""
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or not name.strip("_"):
        raise InputError(
            f"{name}: not a Python module's name.\n  Write letters, digits and underscores: my_net"
        )
    targets = {folder / f"{name}.py": skeleton, folder / f"test_{name}.py": f"test_{skeleton}"}
    there = [str(file) for file in targets if file.exists()]
    if there and not force:
        raise InputError(
            f"{', '.join(there)}: exists already.\n  Choose another name, or overwrite with --force."
        )
    if not there and _class(name) == name:
        raise InputError(
            f"{name}: class and module would have one name.\n  Write it in lower case: {name.lower()}"
        )
    if not there and find_module(name) is not None:
        raise InputError(
            f"{name}: Python already has a module of this name.\n  Choose another, such as my_{name}."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, source in targets.items():
        text = (files("cvbench.cli") / "skeletons" / f"{source}.txt").read_text("utf-8")
        text = Template(text).substitute({**values, "NAME": name, "CLASS": _class(name)})
        file.write_text(text, encoding="utf-8")


def _next(name: str, folder: Path, init: str) -> None:
    typer.echo(
        f"Wrote {folder / f'{name}.py'} and {folder / f'test_{name}.py'}. Test it, and write a suite with it:"
    )
    there = "" if folder == Path() else f"cd {folder}\n  "
    typer.echo(f"  {there}pytest test_{name}.py\n  {init}")
