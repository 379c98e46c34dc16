"""Trained weights on disk, reused by every training with the same key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from filelock import FileLock

from cvbench.errors import InputError
from cvbench.files import sha256_of_sources, write_whole
from cvbench.interfaces import Dataset, Model, module_of
from cvbench.models.weights.tensors import (
    load_weights,
    save_weights,
)
from cvbench.record import Curve, Passport
from cvbench.spec.canonical import Frozen, digest
from cvbench.spec.catalogue import is_address
from cvbench.spec.catalogue.own_code import find_module, sources_of
from cvbench.spec.cell import ModelSpec, TrainRecipe
from cvbench.training.engine import SAVE_EVERY_S, TrainingProgress, ignore, train
from cvbench.training.step import shadowed_objects

_CODE = ("boxes", "data", "models", "training")
"""Packages whose code affects trained weights; their hash is part of the training key."""


class Training(NamedTuple):
    """The result of a training, and where the weights came from."""

    source: Literal["trained", "reused"]
    curve: Curve
    skipped: tuple[str, ...]
    """Corrupt training samples that were left out."""
    shadowed: int | None = None
    """Objects that were not learned, over all steps; see `shadowed_objects`."""


def training_key(
    spec: ModelSpec,
    recipe: TrainRecipe,
    *,
    classes: Sequence[str],
    passport: Passport,
    seed: int,
    device: torch.device,
) -> str:
    """Key of a training, 16 hexadecimal digits: trainings with equal keys give the same weights.

    The key includes the code: cvbench's own, and, for a model by import path, every file in its folder
    that the model imports. It excludes what affects only location or speed, such as the number of
    workers and the GPU index.
    """
    return digest(
        {
            "model": {"name": spec.name, "options": spec.options},
            "recipe": recipe.identity,
            "classes": list(classes),
            "data": passport.model_dump(mode="json"),
            "seed": seed,
            "device": device.type,
            "torch": torch.__version__,
            "code": sha256_of_sources(_sources(spec)),
        }
    )


def trained(  # noqa: PLR0913 - the inputs of a training and its folder are independent
    model: Model,
    dataset: Dataset,
    recipe: TrainRecipe,
    *,
    spec: ModelSpec,
    seed: int,
    device: torch.device,
    folder: Path,
    on_progress: Callable[[TrainingProgress], None] = ignore,
    undecodable: Literal["fail", "skip"] = "fail",
    save_every_s: float = SAVE_EVERY_S,
) -> Training:
    """Train `model`, freshly built from `spec`, or load its weights from an equal training.

    Finished weights in `folder/<key>/` are loaded, an interrupted training there is resumed, and
    otherwise a new one starts. The model is left on `device`, in evaluation mode. If several processes
    request the same training, one trains and the others wait for its weights.

    Raises the errors of `train`, InputError for damaged files in the folder, and OSError if the folder
    cannot be written.
    """
    key = training_key(
        spec,
        recipe,
        classes=dataset.classes,
        passport=dataset.passport,
        seed=seed,
        device=device,
    )
    place = folder / key
    weights, account, state = (place / n for n in ("weights.safetensors", "curve.json", "state.safetensors"))
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / "lock"):
        for torn in place.glob(".*"):
            torn.unlink()  # left by a process that was killed while writing; writers hold the lock
        if weights.exists():
            load_weights(model, weights)
            module_of(model).to(device).eval()
            found = _read(account)
            state.unlink(missing_ok=True)
            return Training("reused", found.curve, found.skipped, found.shadowed)
        skipped: list[str] = []
        curve = train(
            model,
            dataset,
            recipe,
            seed=seed,
            device=device,
            checkpoint=state,
            on_progress=on_progress,
            on_skip=skipped.append if undecodable == "skip" else None,
            save_every_s=save_every_s,
        )
        finished = _Account(curve=curve, skipped=tuple(skipped), shadowed=shadowed_objects(model))
        write_whole(account, finished.model_dump_json(indent=1).encode())
        save_weights(model, weights)  # last: their presence marks the training as complete
        state.unlink(missing_ok=True)
        return Training("trained", curve, finished.skipped, finished.shadowed)


class _Account(Frozen):
    """What is stored about a finished training, next to its weights."""

    curve: Curve
    skipped: tuple[str, ...] = ()
    shadowed: int | None = None


def _read(path: Path) -> _Account:
    try:
        return _Account.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: the loss curve of this training is missing or damaged.\n"
            f"  Delete the folder {path.parent} to train again."
        ) from error


def _sources(spec: ModelSpec) -> list[Path]:
    """The code that affects the trained weights: files and folders."""
    ours = [Path(__file__).parents[1] / name for name in _CODE]
    if not is_address(spec.name) or find_module(spec.name.partition(":")[0]) is None:
        return ours  # a model defined at run time has no source file
    return [*ours, *sources_of(spec.name)]
