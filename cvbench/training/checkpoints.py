"""Weights on disk, and trainings that are not done twice."""

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
"""The packages whose code decides what a training's weights are."""


class Training(NamedTuple):
    """How a model came to its weights."""

    source: Literal["trained", "reused"]
    curve: Curve
    skipped: tuple[str, ...]
    """Training samples that could not be decoded and were left out."""
    shadowed: int | None = None
    """Objects that were learnt by nobody, over all steps; see `shadowed_objects`."""


def training_key(
    spec: ModelSpec,
    recipe: TrainRecipe,
    *,
    classes: Sequence[str],
    passport: Passport,
    seed: int,
    device: torch.device,
) -> str:
    """16 hexadecimal digits for everything that makes the weights: equal keys, equal trainings.

    The code counts too: all of cvbench's that takes part, and, for a model of one's own, all that its
    import path leads to in its folder. What only says where or how fast does not count: the
    number of workers, the GPU's number.
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


def trained(  # noqa: PLR0913 - all that makes a training, and where it lies: none follows from another
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
    """Bring `model`, freshly built from `spec`, to the weights of this training.

    They are taken from `folder/<key>/` where an equal training has left them; one that was
    interrupted there is gone on from; otherwise it begins. The model is left on `device`, in
    evaluation mode. Of several processes that want the same training, one does it and the others
    wait for its weights.

    Raises what `train` raises, InputError for files there that are damaged, and OSError where the
    folder cannot be written.
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
            torn.unlink()  # a process was killed while it wrote; nobody writes here but under the lock
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
        save_weights(model, weights)  # last: that they are there says that all is there
        state.unlink(missing_ok=True)
        return Training("trained", curve, finished.skipped, finished.shadowed)


class _Account(Frozen):
    """What is told of a finished training, beside its weights."""

    curve: Curve
    skipped: tuple[str, ...] = ()
    shadowed: int | None = None


def _read(path: Path) -> _Account:
    try:
        return _Account.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: the account of this training is missing or damaged.\n"
            f"  Delete the folder {path.parent} to train again."
        ) from error


def _sources(spec: ModelSpec) -> list[Path]:
    """Where the code lies that decides what the weights are."""
    ours = [Path(__file__).parents[1] / name for name in _CODE]
    if not is_address(spec.name) or find_module(spec.name.partition(":")[0]) is None:
        return ours  # made up while the program runs: there is nothing to read
    return [*ours, *sources_of(spec.name)]
