"""What a path holds that a suite can name: a dataset, a model, or your own code.

Nothing is imported from the user's code: its source says what it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cvbench.cli.dataset_forms import (
    Recognized,
    class_folders_form,
    coco_file_form,
    coco_form,
    masks_form,
    voc_forms,
    yolo_message,
)
from cvbench.errors import InputError
from cvbench.spec.catalogue import is_address
from cvbench.spec.catalogue.own_code import find_module
from cvbench.spec.cell import TaskName


def readings(given: str) -> list[Recognized]:
    """All ways to understand a path or an import path; raises InputError where there is none."""
    path = Path(given)
    if not path.exists() and is_address(given):
        return list(_of_code(given))
    if not path.exists():
        raise InputError(
            f"{given}: no such file or folder.\n"
            "  Name a dataset's folder or file, an ONNX file, or your own code as package.module:callable."
        )
    if path.is_dir():
        found = [
            one
            for one in (class_folders_form(path), coco_form(path), *voc_forms(path), masks_form(path))
            if one
        ]
        if not found and (yolo := yolo_message(path)):
            raise InputError(yolo)
    elif path.suffix.lower() == ".onnx":
        found = [_onnx(path)]
    elif path.suffix.lower() == ".json":
        found = [one for one in [coco_file_form(path)] if one]
    elif path.suffix.lower() in (".yaml", ".yml") and (yolo := yolo_message(path.parent, path)):
        raise InputError(yolo)
    else:
        found = []
    if not found:
        raise InputError(
            f"{given}: not a dataset or model that `cvbench init` knows.\n"
            "  It knows class folders (cat/1.jpg or train/cat/1.jpg), COCO JSON, VOC trees, images with\n"
            "  label maps (images/, masks/), ONNX files, and import paths (package.module:callable).\n"
            "  See docs/data.md"
        )
    return found


def _onnx(path: Path) -> Recognized:
    from cvbench.runner.exported import output_shapes

    outputs = output_shapes(path)
    kinds: dict[int, tuple[str, TaskName]] = {
        2: ("classifier", "classification"),
        4: ("segmenter", "segmentation"),
    }
    kind: tuple[str, TaskName] | None = None
    if {name.lower() for name in outputs} >= {"boxes", "labels", "scores"}:
        kind, seen = ("detector", "detection"), "outputs boxes, labels and scores"
    else:
        name, shape = next(((n, s) for n, s in outputs.items() if len(s) in kinds), ("", []))
        kind = kinds.get(len(shape))
        seen = f"output {name}: {' x '.join(str(size or 'any') for size in shape)}"
    if kind is None:
        shown = "; ".join(f"{name}: {shape}" for name, shape in outputs.items())
        raise InputError(
            f"{path}: not a classifier (b, classes), segmenter (b, classes, h, w) or detector (boxes, "
            f"labels, scores).\n  Its outputs are {shown}. See docs/weights.md"
        )
    return Recognized(
        "onnx",
        f"an ONNX {kind[0]}",
        seen,
        task=kind[1],
        model={"name": f"onnx/{kind[0]}", "weights": str(path)},
        comments=(
            "An ONNX file does not say how images come in. Set options as it was trained, for example",
            "options: {mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}; by default 0 and 1.",
        ),
    )


def _of_code(address: str) -> Iterator[Recognized]:
    """A model, a dataset or a metric, by the signature in the source; nothing is imported."""
    module, _, name = address.partition(":")
    spec = find_module(module)
    if spec is None:
        raise InputError(
            f"{address}: no module named {module}.\n"
            "  Run from the folder that holds it, or install it, or set PYTHONPATH."
        )
    source = Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    try:
        nodes = ast.parse(source.read_bytes()).body if source else []
    except SyntaxError as error:
        raise InputError(f"{source}:{error.lineno}: not valid Python: {error.msg}.") from error
    node = next((one for one in nodes if getattr(one, "name", None) == name), None)
    as_model = Recognized("model", "your own model", f"{address} is importable", model={"name": address})
    if isinstance(node, ast.ClassDef):
        methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
        if methods >= {"update", "compute"}:
            yield Recognized(
                "metric", "your own metric", f"class {name} has update and compute", metric=address
            )
        else:
            yield replace(as_model, why=f"{name} is a class{' with forward' * ('forward' in methods)}")
    elif isinstance(node, ast.FunctionDef):
        arguments = {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
        if arguments >= {"task", "split"}:
            yield Recognized(
                "dataset",
                "your own dataset",
                f"function {name} takes task and split",
                data={"name": address, "split": "test"},
                trains=True,
            )
        else:
            yield replace(as_model, why=f"{name} is a function without task and split")
    elif (
        source is not None
        and node is None
        and re.search(rf"\b{re.escape(name)}\b", source.read_text("utf-8"))
    ):
        yield as_model
        yield Recognized(
            "dataset",
            "your own dataset",
            f"{address} is importable",
            data={"name": address, "split": "test"},
            trains=True,
        )
        yield Recognized("metric", "your own metric", f"{address} is importable", metric=address)
    else:
        raise InputError(
            f"{address}: {source or module} defines no {name}.\n  Write the name of a class or function."
        )
