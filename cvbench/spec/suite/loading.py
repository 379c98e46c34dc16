"""From a suite file to a Suite: parse, override, write out short forms, check, expand to cells.

All mistakes are reported together.
"""

from __future__ import annotations

import json
import stat
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from cvbench.errors import Problem, SuiteError, suggestion
from cvbench.spec.catalogue import is_address
from cvbench.spec.cell import Cell
from cvbench.spec.expectations import Expectations
from cvbench.spec.moved import ENDS, moved_address
from cvbench.spec.suite.bundled import bundled_folder, find_suite, suites
from cvbench.spec.suite.expansion import expand
from cvbench.spec.suite.messages import Positions, SuiteProblem, problems_of, show_path, written_part
from cvbench.spec.suite.overrides import Overrides
from cvbench.spec.suite.schema import SuiteFile
from cvbench.spec.suite.suite import Suite
from cvbench.spec.suite.validation import misfits, unknown_names
from cvbench.spec.suite.yaml_loader import read


def in_full(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The suite without short forms; a model's `data` without a name takes the suite's."""
    suite = _settings(tree)
    models = tree.get("models")
    if isinstance(models, list):
        suite["models"] = [_model(_named(item), suite.get("data")) for item in models]
    return suite


def _model(item: Any, data: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    model = _settings(item)
    own = model.get("data")
    if isinstance(own, Mapping) and isinstance(data, Mapping) and "name" in data:
        model["data"] = {"name": data["name"], **own}
    return model


def _settings(tree: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(tree)
    if "data" in settings:
        settings["data"] = _named(settings["data"])
    if "seed" in settings:
        settings["seed"] = _listed(settings["seed"])
    if isinstance(runtime := settings.get("runtime"), Mapping):
        settings["runtime"] = {key: _listed(value) for key, value in runtime.items()}
    time = settings.get("time")
    if isinstance(time, Mapping) and isinstance(plan := time.get("throughput"), Mapping) and "batch" in plan:
        settings["time"] = {**time, "throughput": {**plan, "batch": _listed(plan["batch"])}}
    return settings


def _named(node: Any) -> Any:
    return {"name": node} if isinstance(node, str) else node


def _listed(node: Any) -> Any:
    return node if isinstance(node, list) else [node]


_LARGEST = 1 << 20
_EXAMPLE = "The shortest suite: {schema: 1, data: fashion, train: {epochs: 2}, models: [resnet18]}"


def load_suite(path: FilePath | str, overrides: Sequence[str] = ()) -> Suite:
    """Load a suite from a YAML file and apply the overrides `key=value`.

    `path` is a file, or the bare name of a suite in `suites/` or of a bundled one, such as `quickstart`.

    Raises SuiteError with every mistake in the file and in the overrides.
    """
    file = find_suite(path)
    shown = path if file.parent == bundled_folder() else file
    return parse_suite(_text(file), path=str(shown), overrides=overrides)


def parse_suite(text: str, *, path: str, overrides: Sequence[str] = ()) -> Suite:
    """Parse a suite; `path` is shown in messages, and gives the name if the text has none."""
    tree, problems = read(text, path)
    if not isinstance(tree, dict):
        raise SuiteError([*problems, Problem(path, "a suite must be a mapping (key: value).", _EXAMPLE)])
    written = Overrides()
    written.write(tree, overrides)
    full = in_full({"name": FilePath(path).stem, **tree})
    form, findings = _form(full)
    findings += [*unknown_names(full), *misfits(full)]
    if form and not findings:
        cells, twins, published = expand(form)
        findings += twins
    position = Positions(tree)
    found = sorted(findings, key=lambda finding: position(finding.path))
    problems = (*problems, *written.problems, *(_problem(one, tree, path, written) for one in found))
    if problems or not form:
        raise SuiteError(problems)
    _warn_of_moved(cells, path)
    return Suite(
        name=form.name,
        cells=cells,
        timeout_s=form.timeout,
        expectations=Expectations(expect=form.expect, published=published),
        source=path,
        text=text,
        overrides=tuple(overrides),
    )


def _warn_of_moved(cells: Sequence[Cell], path: str) -> None:
    """Warn of each old import path in the cells, once, with its new one."""
    names = [name for cell in cells for name in (cell.model.name, cell.data.name, *cell.metrics)]
    for name in dict.fromkeys(names):
        if is_address(name) and (new := moved_address(name)):
            text = f"{path}: {name} has moved; write {new}. The old path ends with cvbench {ENDS}."
            warnings.warn(text, FutureWarning, stacklevel=2)


def _form(full: Mapping[str, Any]) -> tuple[SuiteFile | None, list[SuiteProblem]]:
    """The suite as a SuiteFile; strict: text is never read as a number, nor true as 1."""
    try:
        return SuiteFile.model_validate_json(json.dumps(full), strict=True), []
    except ValidationError as error:
        return None, list(problems_of(error, SuiteFile, full))


def _problem(finding: SuiteProblem, tree: Any, path: str, written: Overrides) -> Problem:
    """A problem with its place as the user wrote it: in the file, or in an override."""
    if (override := written.origin(finding.path)) is not None:
        return Problem(f"override {override}", finding.what, finding.remedy)
    inside = show_path(written_part(finding.path, tree))
    return Problem(f"{path}: {inside}" if inside else path, finding.what, finding.remedy)


def _text(path: FilePath) -> str:
    try:
        about = path.stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
            raise SuiteError([Problem(str(path), "not a regular file but a pipe or a device.")])
        if about.st_size > _LARGEST:
            raise SuiteError([Problem(str(path), "this file is larger than 1 MiB, too large for a suite.")])
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        names = {name for name, _, _ in suites()}
        beside = {other.name for other in path.parent.glob("*.yaml")}
        near = suggestion(path.name, sorted(beside if path.suffix else names), listing="cvbench list suites")
        if path.stem in names:
            near = f"The suite of this name is bundled: cvbench run {path.stem}"
        problem = Problem(str(path), "there is no such file.", near)
    except UnicodeDecodeError as error:
        problem = Problem(str(path), f"not UTF-8 text: byte {error.start} is invalid.")
    except OSError as error:
        problem = Problem(str(path), f"cannot read this file: {error.strerror}.")
    raise SuiteError([problem])
