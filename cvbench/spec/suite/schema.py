"""What a suite file may hold: its keys, their types and their meaning. The JSON Schema comes from here.

The file's short forms (a mere name for a mapping, one value for a list of one) are written in full
before they meet these types; in the schema they stand beside the full ones.
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
"""The version of the file format that this program reads."""
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class CatalogueName:
    """In the schema: a name of a catalogue, which editors offer, of a family, or an address of one's own."""

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
    """In the schema: a mapping, or its `name` alone."""

    catalogue: Catalogue[Any]
    inherits: bool = False
    """Whether the mapping may leave the name to the suite."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = handler(core)
        full = handler.resolve_ref_schema(mapping)
        if self.inherits:
            mapping = {**full, "required": []}
        return {"anyOf": [*full["properties"]["name"]["anyOf"], mapping]}


class OrOne:
    """In the schema: a list, or its one item alone."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        several = handler(core)
        return {"anyOf": [several["items"], several]}


Several: TypeAlias = Annotated[tuple[T, ...], Field(min_length=1), OrOne()]


class DataForm(DataSpec):
    """Which images: a data set, where it lies, and which part of it is scored."""

    name: Annotated[str, CatalogueName(DATASETS)]
    """A name of `cvbench list datasets`, or an address. A model's own `data` may leave it out."""


class RuntimeForm(Frozen):
    """How models are run; each field may be a list, and then every combination is a cell."""

    device: Several[Device] = ("auto",)
    """`auto` takes the first GPU, or the CPU where there is none."""
    precision: Several[Precision] = ("fp32",)
    layout: Several[Layout] = ("channels_last",)
    compile: Several[Compile] = (False,)
    """Whether the network goes through torch.compile, or the mode in which it does."""
    threads: Several[PositiveInt | None] = (None,)
    """CPU threads; by default as many as the process may use."""
    batch: Several[PositiveInt] = (32,)
    """The batch in which images are scored."""
    engine: Several[Engine] = (None,)
    """Who runs the net: `torch`, `onnx` (onnxruntime) or `openvino`; what is scored is what is timed."""
    cuda_graphs: Several[CudaGraphs] = (None,)
    """Whether the net's launches are recorded once and replayed; on a GPU only."""


class Settings(Frozen):
    """What a suite says for all its models, and a model for itself."""

    data: Annotated[DataForm, OrName(DATASETS)] | None = None
    """What is trained and scored on."""
    train: TrainRecipe | None = None
    """How models without weights are trained."""
    metrics: tuple[Annotated[str, CatalogueName(METRICS)], ...] | None = None
    """Names of `cvbench list metrics`; by default those of the model's task. An empty list scores nothing."""
    time: TimingPlan | None = TimingPlan()
    """What is timed; null for nothing."""
    runtime: RuntimeForm = RuntimeForm()
    """How models are run when they are scored and timed."""
    seed: Several[NonNegativeInt] = (0,)
    """Of the first weights, the order of images and the augmentation; a list runs each."""


class ModelForm(Settings, ModelSpec):
    """One model, and whatever it wants otherwise than the suite: merged over it, field by field."""

    name: Annotated[str, CatalogueName(MODELS)]
    """A name of `cvbench list models`, or the address `package.module:callable` of one's own."""
    data: Annotated[DataForm, OrName(DATASETS, inherits=True)] | None = None
    """What is trained and scored on; another data set than the suite's takes over nothing of that one."""
    published: Mapping[str, Published] = Field(default_factory=dict)
    """Figure → what is published of it; a run over all images has to come near it. Not asked of `--limit`."""


class SuiteFile(Settings):
    """A suite: models, compared on data by metrics and timings. The product of all lists is run."""

    schema_version: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    """The version of the file format."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Names the folder of its results; by default the file's name without its ending."""
    models: Annotated[tuple[Annotated[ModelForm, OrName(MODELS)], ...], Field(min_length=1)]
    """What is compared: names, or mappings where a model is to have options or settings of its own."""
    timeout: Duration = 3600.0
    """How long one cell may take."""
    expect: Mapping[str, Mapping[str, Fraction]] = Field(default_factory=dict)
    """Floors: model → figure → the least value that passes, a fraction of 1."""


def suite_schema() -> dict[str, Any]:
    """The JSON Schema of suite files: what editors complete and check against."""
    schema = SuiteFile.model_json_schema()
    schema["required"].remove("name")  # the file's name stands in for it
    for name in Settings.model_fields:
        schema["$defs"]["ModelForm"]["properties"][name].pop("default")  # it is whatever the suite says
    return schema
