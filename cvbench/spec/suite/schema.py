"""The keys of a suite file, their types and descriptions: the source of the JSON Schema.

Short forms (a name for a mapping, a value for a list of one) are written out before the types are checked.
The JSON Schema accepts both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import Field, GetJsonSchemaHandler, NonNegativeInt, PositiveInt
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cvbench.spec.canonical import Frozen
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, Catalogue
from cvbench.spec.cell import (
    Compile,
    CudaGraphs,
    DataSpec,
    Device,
    Duration,
    Engine,
    Fraction,
    Layout,
    ModelSpec,
    Precision,
    TimingPlan,
    TrainRecipe,
)
from cvbench.spec.expectations import Published

SCHEMA = 1
"""The supported version of the file format."""
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class CatalogueName:
    """JSON Schema of a name: of the catalogue (editors complete it), of a family, or an import path."""

    catalogue: Catalogue[Any]

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        address = {**handler(core), "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"}
        patterns = [f"^{prefix}/[\\w.-]+$" for prefix in self.catalogue.families]
        families = [{**handler(core), "pattern": pattern} for pattern in patterns]
        return {"anyOf": [{"enum": self.catalogue.spellings}, *families, address]}


@dataclass(frozen=True, eq=False)
class OrName:
    """JSON Schema of a mapping, or only its `name`."""

    catalogue: Catalogue[Any]
    inherits: bool = False
    """Whether the mapping may omit the name and take the suite's."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = handler(core)
        full = handler.resolve_ref_schema(mapping)
        if self.inherits:
            mapping = {**full, "required": []}
        return {"anyOf": [*full["properties"]["name"]["anyOf"], mapping]}


class OrOne:
    """JSON Schema of a list, or its only item."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        several = handler(core)
        return {"anyOf": [several["items"], several]}


Several: TypeAlias = Annotated[tuple[T, ...], Field(min_length=1), OrOne()]


class DataForm(DataSpec):
    """The dataset, its folder, and the split that is scored."""

    name: Annotated[str, CatalogueName(DATASETS)]
    """A name from `cvbench list datasets`, or your own dataset by import path. Optional in a model's data."""


class RuntimeForm(Frozen):
    """How models run. Each field may be a list; each combination is one cell."""

    device: Several[Device] = ("auto",)
    """`auto` uses the first GPU, or the CPU if there is none."""
    precision: Several[Precision] = ("fp32",)
    layout: Several[Layout] = ("channels_last",)
    compile: Several[Compile] = (False,)
    """Whether to use torch.compile, or its mode."""
    threads: Several[PositiveInt | None] = (None,)
    """CPU threads (default: all CPUs that the process may use)."""
    batch: Several[PositiveInt] = (32,)
    """Batch size for scoring."""
    engine: Several[Engine] = (None,)
    """Inference engine: `torch`, `onnx` (onnxruntime) or `openvino`, for both scoring and timing."""
    cuda_graphs: Several[CudaGraphs] = (None,)
    """Whether to capture the network in a CUDA graph and replay it; GPU only."""


class Settings(Frozen):
    """Settings of the suite, for all models, or of one model."""

    data: Annotated[DataForm, OrName(DATASETS)] | None = None
    """The dataset for training and scoring."""
    train: TrainRecipe | None = None
    """Training recipe of models without weights."""
    metrics: tuple[Annotated[str, CatalogueName(METRICS)], ...] | None = None
    """Names from `cvbench list metrics` (default: depends on the task). An empty list: no scoring."""
    time: TimingPlan | None = TimingPlan()
    """Which timings to measure; null: none."""
    runtime: RuntimeForm = RuntimeForm()
    """How models run, for both scoring and timing."""
    seed: Several[NonNegativeInt] = (0,)
    """Random seed of the initial weights, the order of images and the augmentation; a list runs each seed."""


class ModelForm(Settings, ModelSpec):
    """One model and its own settings, which override the suite's field by field."""

    name: Annotated[str, CatalogueName(MODELS)]
    """A name from `cvbench list models`, or your own model by import path (`package.module:callable`)."""
    data: Annotated[DataForm, OrName(DATASETS, inherits=True)] | None = None
    """The dataset of this model. A different dataset than the suite's inherits none of its settings."""
    published: Mapping[str, Published] = Field(default_factory=dict)
    """Metric → its published value and tolerance, checked in runs over all images (not with `--limit`)."""


class SuiteFile(Settings):
    """A suite: models, their data, metrics and timings. Each combination of the lists is one cell."""

    schema_version: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    """Version of the file format."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Name of the results folder (default: the file's name without its extension)."""
    models: Annotated[tuple[Annotated[ModelForm, OrName(MODELS)], ...], Field(min_length=1)]
    """The models to compare: names, or mappings for models with their own options or settings."""
    timeout: Duration = 3600.0
    """Time limit per cell."""
    expect: Mapping[str, Mapping[str, Fraction]] = Field(default_factory=dict)
    """Floors: model → metric → the lowest value that passes, from 0 to 1."""


def suite_schema() -> dict[str, Any]:
    """The JSON Schema of suite files, for completion and checks in editors."""
    schema = SuiteFile.model_json_schema()
    schema["required"].remove("name")  # it defaults to the file's name
    for name in Settings.model_fields:
        schema["$defs"]["ModelForm"]["properties"][name].pop("default")  # it is the suite's setting
    return schema
