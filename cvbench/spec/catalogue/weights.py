"""Resolve the text of `weights:` to a `WeightFile`.

`weight_file` resolves the text once, when a cell is planned; model options, preprocessing, class mapping and
loading all use its result. The text is one of

    ../darknet/yolov3.weights                 a local file
    lite0.pth#sha256=5793…&names=position     the same, with its hash; tensors are matched by order
    https://host/resnet50.pth#sha256=11ad…    a file to fetch once; the hash is required
    ResNet50_Weights.IMAGENET1K_V2            a file that torchvision publishes
    a1_in1k                                   for a timm model, the tag of a published file

Neither this module nor `run` downloads anything; only `cvbench weights fetch` does. Names of torchvision's
files contain the first eight digits of their hash; timm's files are identified by URL only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from cvbench.errors import InputError, UnknownName, suggestion
from cvbench.spec.cell import LabelsName, ModelSpec
from cvbench.spec.folders import expanded, user_caches

HOME_VARIABLE: Final = "CVBENCH_WEIGHTS"
"""The environment variable that names the folder of fetched weights."""

_ENUM = re.compile(r"(?P<family>\w+_Weights)\.(?P<member>\w+)")
_TAG = re.compile(r"[a-z0-9_]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SAFE_NAME = re.compile(r"[\w.+-]*\w")
_TIMM, _TORCHVISION = "timm/", "torchvision/"

_LABELS_BY_OUTPUTS: Final[Mapping[int, LabelsName]] = {1000: "imagenet", 91: "coco", 21: "voc"}
"""Number of outputs → label space of torchvision's published weights."""

Origin = Literal["file", "url", "torchvision", "timm"]
WeightFormat = Literal["safetensors", "pytorch", "darknet", "onnx"]
_FORMATS: Final[Mapping[str, WeightFormat]] = {
    ".pth": "pytorch",
    ".pt": "pytorch",
    ".ckpt": "pytorch",
    ".tar": "pytorch",
    ".bin": "pytorch",
    ".weights": "darknet",
    ".onnx": "onnx",
}
"""File extension → format; other extensions are read as safetensors."""


@dataclass(frozen=True)
class WeightFile:
    """A weight file: its candidate paths, expected hash, format and label space."""

    said: str
    """The text in the suite."""
    origin: Origin
    places: tuple[Path, ...]
    """Candidate paths; `cvbench weights fetch` writes to the first."""
    url: str | None = None
    sha256: str | None = None
    """SHA-256 of the content, or its first digits; None if unknown."""
    by_position: bool = False
    """Whether tensors are matched by order instead of by name."""
    labels: LabelsName | None = None
    """Label space of the weights, stated by the suite or the publisher; None if unknown."""
    outputs: int | None = None
    """Number of categories of torchvision's weights."""

    @property
    def torchvision_name(self) -> str | None:
        """`ResNet50_Weights.IMAGENET1K_V2` for weights that torchvision publishes, else None."""
        return self.said if self.origin == "torchvision" else None

    @property
    def format(self) -> WeightFormat:
        """The format, by file extension."""
        return format_of(self.places[0])

    def found(self) -> Path | None:
        """The first candidate path that exists, or None."""
        return next((place for place in self.places if place.is_file()), None)

    def missing(self) -> str:
        """The message for a missing file: its path, its URL and how to fetch it."""
        if self.url is None:
            return f"there is no file {self.places[0]}"
        return (
            f"{self.said} is not on this machine: {self.places[0]} is missing ({self.url}). "
            "Run `cvbench weights fetch SUITE`, or copy the file there"
        )


def format_of(path: Path) -> WeightFormat:
    """The format of a weight file, by its extension."""
    return _FORMATS.get(path.suffix, "safetensors")


def home() -> Path:
    """The folder of fetched weights: `$CVBENCH_WEIGHTS`, else the user's cache."""
    if given := os.environ.get(HOME_VARIABLE):
        return expanded(given)
    return user_caches() / "cvbench" / "weights"


def weight_file(spec: ModelSpec) -> WeightFile | None:
    """The weight file of a model; None for a model without weights.

    Raises InputError for a text that is not valid, and UnknownName for weights that torchvision or timm does
    not publish for this model.
    """
    said = spec.weights
    if said is None:
        return None
    if match := _ENUM.fullmatch(said):
        file = _torchvision(spec.name, said, match["family"], match["member"])
    elif spec.name.startswith(_TIMM) and _TAG.fullmatch(said):
        file = _timm(spec.name.removeprefix(_TIMM), said)
    elif "://" in said or urlsplit(said).scheme in ("http", "https"):
        file = _url(said, urlsplit(said))
    else:
        path, _, fragment = said.partition("#")
        sha256, by_position = _fragment(said, fragment)
        file = WeightFile(said, "file", (expanded(path),), sha256=sha256, by_position=by_position)
    return replace(file, labels=spec.labels or file.labels or _labels_by_tag(spec.name, said))


def _labels_by_tag(model: str, said: str) -> LabelsName | None:
    """The label space of a timm tag: `a1_in1k` was trained on ImageNet-1k."""
    return "imagenet" if model.startswith(_TIMM) and "in1k" in said.split("_") else None


def _torchvision(model: str, said: str, family: str, member: str) -> WeightFile:
    weights = _member(said, family, member)
    own = _own_weights(model)
    if own is not None and own.__name__ != family:
        known = ", ".join(f"{own.__name__}.{one}" for one in own.__members__) or "none"
        raise InputError(f"{said}: these weights are not for {model}.\n  It has {known}.")
    name, outputs = PurePosixPath(urlsplit(weights.url).path).name, len(weights.meta["categories"])
    digits = re.search(r"-([0-9a-f]{8,64})\.", name)
    hub = expanded(os.environ.get("TORCH_HOME") or user_caches() / "torch") / "hub" / "checkpoints"
    return WeightFile(
        said,
        "torchvision",
        (home() / "torchvision" / name, hub / name),
        url=weights.url,
        sha256=digits[1] if digits else None,
        labels=_LABELS_BY_OUTPUTS.get(outputs),
        outputs=outputs,
    )


def _member(said: str, family: str, member: str) -> Any:
    """A member of torchvision's weight enumerations; raises UnknownName if there is none."""
    from torchvision import models

    families = {known.__name__: known for known in map(models.get_model_weights, models.list_models())}
    found = families.get(family)
    if found is None:
        near = suggestion(family, families)
        raise UnknownName(f'torchvision has no weights "{family}".\n  {near}'.rstrip())
    if member not in found.__members__:
        known = ", ".join(f"{family}.{name}" for name in found.__members__)
        raise UnknownName(f'torchvision has no weights "{said}".\n  It has {known}.')
    return found[member]


def _own_weights(model: str) -> Any:
    """The torchvision weight enumeration of a model; None for models of other libraries."""
    if not model.startswith(_TORCHVISION):
        return None
    from torchvision import models

    name = model.removeprefix(_TORCHVISION)
    return models.get_model_weights(name) if name in models.list_models() else None


def _timm(model: str, tag: str) -> WeightFile:
    from timm.models import get_pretrained_cfg

    architecture, _, stated = model.partition(".")
    known = _timm_tags(architecture)
    if tag not in known or stated not in ("", tag):
        near = suggestion(tag, known) or f"It has {', '.join(known) or 'none'}."
        raise UnknownName(f'timm/{model} has no weights "{tag}".\n  {near}')
    config = get_pretrained_cfg(f"{architecture}.{tag}")
    if config is None or not config.hf_hub_id or config.custom_load:
        raise InputError(f'timm/{model}: the weights "{tag}" have no file format that cvbench can load.')
    hub = expanded(os.environ.get("HF_HOME") or user_caches() / "huggingface") / "hub"
    snapshots = hub / f"models--{config.hf_hub_id.replace('/', '--')}" / "snapshots"
    file = "model.safetensors"
    return WeightFile(
        tag,
        "timm",
        (home() / "timm" / f"{architecture}.{tag}" / file, *sorted(snapshots.glob(f"*/{file}"))),
        url=f"https://huggingface.co/{config.hf_hub_id}/resolve/main/{file}",
    )


def _timm_tags(architecture: str) -> Sequence[str]:
    import timm

    names = timm.list_pretrained(f"{architecture}.*")
    return [name.partition(".")[2] for name in names]


def _url(said: str, address: SplitResult) -> WeightFile:
    if address.scheme not in ("http", "https") or not address.netloc:
        raise InputError(f"{said}: not a path, nor an http or https URL.")
    sha256, by_position = _fragment(said, address.fragment)
    url = address._replace(fragment="").geturl()
    if sha256 is None:
        raise InputError(
            f"{said}: weights from a URL need the SHA-256 of their content.\n"
            f"  Append it to the URL: {url}#sha256=…, as `sha256sum FILE` prints it."
        )
    name = PurePosixPath(unquote(address.path)).name
    name = name if _SAFE_NAME.fullmatch(name) else "weights"
    return WeightFile(said, "url", (home() / sha256 / name,), url=url, sha256=sha256, by_position=by_position)


def _fragment(said: str, fragment: str) -> tuple[str | None, bool]:
    """Parse the text after `#`: the expected SHA-256, and whether tensors are matched by order."""
    stated = dict(parse_qsl(fragment, keep_blank_values=True))
    sha256, names = stated.pop("sha256", None), stated.pop("names", "name")
    if stated or names not in ("name", "position") or (fragment and "=" not in fragment):
        raise InputError(
            f"{said}: the text after # is not valid.\n"
            "  Write #sha256=… and, to match tensors by order instead of by name, &names=position."
        )
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise InputError(f"{said}: a SHA-256 has 64 lower-case hexadecimal digits.")
    return sha256, names == "position"
