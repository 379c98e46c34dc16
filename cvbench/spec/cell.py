"""What to do: a Cell and its parts. Equal cells are the same experiment, whoever runs them, where.

A cell's `key` is the short hash of its canonical JSON. What only says *where* (a data set's folder)
or is not set is left out of it, so a later field that nobody sets changes no key; numbers
are written the shortest way, so 1 and 1.0 are one value. A golden test pins keys for ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from cvbench import units
from cvbench.spec.canonical import UNSET, Frozen, canonical_of, short_hash

TaskName: TypeAlias = Literal["classification", "detection", "segmentation"]
LabelsName: TypeAlias = Literal["imagenet", "coco", "voc"]
Precision: TypeAlias = Literal["fp32", "tf32", "bf16", "fp16"]
Layout: TypeAlias = Literal["contiguous", "channels_last"]
Device: TypeAlias = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
CompileMode: TypeAlias = Literal["reduce-overhead", "max-autotune"]
Compile: TypeAlias = Annotated[
    bool | CompileMode,
    BeforeValidator(
        lambda value: True if value == "default" else value,
        json_schema_input_type=bool | Literal["default"] | CompileMode,
    ),
]
"""Whether torch.compile is used, and in which mode; `default` is the same as `true`."""
Engine: TypeAlias = Annotated[
    Literal["onnx", "openvino"] | None,
    BeforeValidator(
        lambda value: None if value == "torch" else value,
        json_schema_input_type=Literal["torch", "onnx", "openvino"] | None,
    ),
]
"""Who runs the net, where it is not torch itself."""
CudaGraphs: TypeAlias = Annotated[
    Literal[True] | None,
    BeforeValidator(lambda value: None if value is False else value, json_schema_input_type=bool | None),
]
"""Whether the net's launches are recorded once and replayed; unset is the same as `false`."""
Duration: TypeAlias = Annotated[
    PositiveFloat, BeforeValidator(units.seconds, json_schema_input_type=PositiveFloat | str)
]
"""Seconds; written as 30s, 5m or a plain number."""
Atom: TypeAlias = bool | int | float | str
Option: TypeAlias = Atom | tuple[Atom, ...] | tuple[tuple[Atom, ...], ...]
"""An argument as YAML can write it: a plain value, a list, or a list of lists."""
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0, le=1)]


_SHORTEST_KEY = 4


class PreprocessingSpec(Frozen):
    """How an image becomes the input of your own network; what is not given keeps its task's default.

    Classification: 224 x 224, stretched, ImageNet's mean and deviation. Segmentation: the same at 512 x 512.
    Detection: a letterbox of 640 x 640, values 0 to 1.
    """

    size: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None
    """Side of the square input, or its height and width."""
    resize: Literal["stretch", "letterbox", "crop", "scale"] | None = None
    """`crop` cuts the middle after the shorter side became `shorter`; `letterbox` keeps the aspect and fills
    the rest; `scale` keeps the aspect, with sizes that differ between images."""
    shorter: PositiveInt | None = None
    """Pixels of the shorter side, for `crop` and `scale`."""
    longer: PositiveInt | None = None
    """The most pixels of the longer side, for `scale`."""
    mean: tuple[float, float, float] | None = None
    """Per channel, in the network's channel order; of values from 0 to 1."""
    std: tuple[float, float, float] | None = None
    """Standard deviation per channel, in the network's channel order."""
    interpolation: Literal["bilinear", "bicubic"] | None = None
    antialias: bool | None = None
    fill: Annotated[int, Field(ge=0, le=255)] | None = None
    """Gray level of a letterbox's bars."""
    color: Literal["rgb", "bgr"] | None = None
    """The network's channel order; `rgb` by default."""


class ModelSpec(Frozen):
    """Which network, in which form, with which weights."""

    name: str
    """A name of `cvbench list models`, or the address `package.module:callable` of one's own."""
    task: TaskName | None = None
    """Needed for an address only; a catalogue's model knows its task."""
    options: Mapping[str, Option] = Field(default_factory=dict)
    """Arguments of the model's builder, such as `width: 0.5`; `cvbench show NAME` lists them."""
    weights: str | None = None
    """A file to load, `FILE#sha256=…`, a fetched `https://…#sha256=…`, torchvision's
    `ResNet50_Weights.IMAGENET1K_V2`, or a tag of timm's; without it the suite's recipe trains the model."""
    labels: LabelsName | None = None
    """Which classes the weights count, where those are not the data set's own and the weights do not tell.
    Classes are mapped by what they are, and the record has the table."""
    preprocessing: PreprocessingSpec | None = None
    """How images come into a plain network by import path; models of the catalogue have options instead."""
    title: Annotated[str, Field(pattern=r"^\S([^\x00-\x1f\x7f]{0,78}\S)?$")] | None = None
    """What tables call the model, at most 80 characters; by default its name and options. No part of a cell's
    key: a new title measures nothing again."""


class DataSpec(Frozen):
    """Which images: a data set, where it lies, and which part of it is scored."""

    name: str
    """A name of `cvbench list datasets`, or the address of one's own."""
    root: str | None = None
    """The folder of one's own copy. Says where, not what: it is no part of a cell's key."""
    split: str = "test"
    """The split that is scored; training always uses `train`."""
    limit: PositiveInt | None = None
    """Score N images only, drawn evenly over the split with the cell's seed; the record says how."""
    options: Mapping[str, Option] = Field(default_factory=dict)
    """Arguments of the data set's opener, such as `size: 128`."""
    undecodable: Literal["fail", "skip"] = "fail"
    """What to do about an image or label that cannot be decoded; skips are counted in the record."""
    workers: NonNegativeInt | None = None
    """Processes that load images while they are scored; none by default. Every figure is the same for any
    number: it says how, not what, and is no part of a cell's key."""


class Augment(Frozen):
    """What a training image goes through; boxes and masks move along."""

    mirror: bool = True
    """Flip left-right in half of the cases."""
    scale: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)
    """Resize by a factor drawn log-uniformly from this range, then cut or pad back to size."""
    shift: Fraction = 0.0
    """Move by up to this share of each side."""
    aspect: PositiveFloat | None = Field(default=None, ge=1)
    """Stretch one side against the other by up to this factor."""
    area: tuple[PositiveFraction, PositiveFraction] | None = None
    """Cut out a part anywhere in the image, of a share of its area drawn evenly from this range, and resize
    it to the input; in place of `scale` and `shift`, and with `aspect` it is stretched. GoogLeNet's:
    `{area: [0.08, 1], aspect: 1.333}`."""
    elastic: PositiveFloat | None = None
    """Bend the image smoothly, by normal displacements of this deviation, in pixels of the input, at 3 x 3
    places and bicubic ones between; 10 is U-Net's."""
    hue: float | None = Field(default=None, ge=0, le=0.5)
    """Turn all hues by up to this share of the circle."""
    saturation: float | None = Field(default=None, ge=1)
    """Multiply or divide saturations by a factor drawn from 1 to this."""
    exposure: float | None = Field(default=None, ge=1)
    """Multiply or divide brightness by a factor drawn from 1 to this."""
    lighting: NonNegativeFloat | None = None
    """Shift all colours along ImageNet's principal components, by normal draws of this deviation; 0.1 is
    AlexNet's."""

    @field_validator("scale", "area")
    @classmethod
    def _ordered(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and ends[0] > ends[1]:
            raise ValueError(f"the range {list(ends)} runs backwards; write [{ends[1]}, {ends[0]}]")
        return ends

    @model_validator(mode="after")
    def _cut_or_moved(self) -> Augment:
        if self.area is not None and (self.scale != (1, 1) or self.shift != 0):
            raise ValueError("area says both how large a part is shown and where; leave scale and shift out")
        return self


class TrainRecipe(Frozen):
    """How to train from scratch; the defaults are those of the plain ImageNet recipe, shortened."""

    epochs: PositiveInt = 10
    batch: PositiveInt = 64
    limit: PositiveInt | None = None
    """Train on N images only, drawn evenly over the split with the cell's seed."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: PositiveFloat = 0.1
    """The peak learning rate."""
    momentum: Fraction = 0.9
    """Of SGD; AdamW uses (momentum, 0.999)."""
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 1e-4
    """On weights of two or more dimensions; biases and norms are left alone."""
    schedule: Literal["constant", "step", "cosine"] = "cosine"
    milestones: tuple[Fraction, ...] = (0.5, 0.75)
    """Of `step`: the shares of the training at which the rate is multiplied by `gamma`."""
    gamma: PositiveFloat = 0.1
    warmup: Fraction = 0.0
    """The share of the training over which the rate rises linearly from near 0."""
    clip: PositiveFloat | None = None
    """The largest L2 norm of the whole gradient."""
    precision: Precision = "fp32"
    """Of the forward and backward pass (autocast); weights stay fp32."""
    layout: Layout = "channels_last"
    augment: Augment = Augment()
    sizes: tuple[PositiveInt, PositiveInt] | None = None
    """Multi-scale training: every ten steps another side of the input, drawn from this range. For models
    that take inputs of several sizes, such as YOLOv2 and YOLOv3 those that are multiples of 32."""
    also: DataSpec | None = None
    """A classification data set whose training images are learnt from too: they have a class and no boxes.
    For YOLO9000 and YOLOv2; its classes are found by name among those of the boxes."""
    workers: NonNegativeInt = 0
    """Loader processes; 0 loads in the training process."""

    @property
    def identity(self) -> dict[str, Any]:
        """What of it decides the weights, as plain values: not where data lie, nor how they are loaded."""
        return self.model_dump(mode="json", exclude={"workers": True, "also": {"root", "workers"}})

    @model_validator(mode="after")
    def _possible(self) -> TrainRecipe:
        if self.sizes is not None and self.sizes[0] > self.sizes[1]:
            raise ValueError(f"the range {list(self.sizes)} runs backwards; write {list(self.sizes[::-1])}")
        if self.nesterov and self.optimizer == "sgd" and self.momentum == 0:
            raise ValueError("nesterov looks ahead along the momentum; set momentum above 0, such as 0.9")
        if self.optimizer == "adamw" and self.momentum == 1:
            raise ValueError("the momentum of adamw must be below 1, such as 0.9")
        return self


class LatencyPlan(Frozen):
    """One batch at a time, each waited for."""

    batch: PositiveInt = 1
    warmup: Duration = 1.0
    duration: Duration = 5.0
    """Stop after so long …"""
    iterations: PositiveInt = 200
    """… or so many, whichever comes first, but never below 10."""


class ThroughputPlan(Frozen):
    """Batches back to back, waited for at the end of each window only."""

    batch: tuple[PositiveInt, ...] = (32,)
    up_to: PositiveInt | None = None
    """Besides these: 1, 2, 4 … up to so many images at once, as far as memory goes."""
    warmup: Duration = 1.0
    window: Duration = 1.0
    windows: PositiveInt = 5

    @property
    def batches(self) -> tuple[int, ...]:
        """All batches that are asked for, each once, ascending where there is a sweep."""
        if self.up_to is None:
            return tuple(dict.fromkeys(self.batch))
        return tuple(sorted({*self.batch, *(1 << power for power in range(self.up_to.bit_length()))}))


class EndToEndPlan(Frozen):
    """From what lies on the disk to results in the host's memory."""

    batch: PositiveInt = 32
    workers: NonNegativeInt = 0
    """Loader processes; 0 loads in the process that runs the model."""
    window: Duration = 1.0
    windows: PositiveInt = 5


class TrainStepPlan(Frozen):
    """Steps of training back to back: forward, loss, backward and the optimizer's update."""

    batch: PositiveInt = 32
    warmup: Duration = 1.0
    window: Duration = 1.0
    windows: PositiveInt = 10


class EnergyPlan(Frozen):
    """Joules an image, where the machine has a counter of them."""

    batch: PositiveInt = 32
    warmup: Duration = 1.0
    window: Annotated[Duration, Field(ge=1)] = 10.0
    """Sensors look seldom: below 10 s a figure says little."""
    windows: PositiveInt = 5


class TimingPlan(Frozen):
    """What to time."""

    latency: LatencyPlan | None = LatencyPlan()
    throughput: ThroughputPlan | None = ThroughputPlan()
    end_to_end: EndToEndPlan | None = None
    """With loading, decoding and the way back; unset, it is left out."""
    train_step: TrainStepPlan | None = None
    """A step of training by the cell's recipe, or by the default one; unset, it is left out."""
    energy: EnergyPlan | None = None
    """Joules an image; unset, it is left out."""
    rounds: PositiveInt | None = None
    """How many fresh processes time the cell, each serving the whole suite in an order of its own. Unset,
    the process that scored it times it too, once."""
    budget: Duration | None = None
    """Instead of fixed numbers of iterations: go on until the 95 % interval of a figure is within 1 % of it
    on a GPU and 2 % on a CPU, or so much time has gone into the cell. Rounds are added for that too."""


class Runtime(Frozen):
    """How the model is run when it is scored and timed: the same for both."""

    device: Device = "auto"
    """`auto` takes the first GPU, or the CPU where there is none."""
    precision: Precision = "fp32"
    layout: Layout = "channels_last"
    """Of images and weights; an engine gets its images contiguous and lays out the rest as it likes."""
    compile: Compile = False
    threads: PositiveInt | None = None
    """CPU threads; by default as many as the process may use."""
    batch: PositiveInt = 32
    """The batch in which images are scored."""
    engine: Engine = None
    """`onnx` (onnxruntime) or `openvino`: the net with its weights is exported, and what was exported is
    scored and timed. Decoding stays in torch."""
    cuda_graphs: CudaGraphs = None
    """Record the net's launches once for each shape of its input, and replay them; on a GPU only."""

    @model_validator(mode="before")
    @classmethod
    def _contiguous_for_an_engine(cls, given: Any) -> Any:
        """So that no two cells differ in a layout that is none."""
        if isinstance(given, Mapping) and given.get("engine") not in (None, "torch"):
            return {**given, "layout": "contiguous"}
        return given


class Cell(Frozen):
    """One experiment: a model, trained or loaded, on one data set, scored and timed."""

    model: ModelSpec
    data: DataSpec
    train: TrainRecipe | None = None
    metrics: tuple[str, ...] = ()
    time: TimingPlan | None = None
    runtime: Runtime = Runtime()
    seed: NonNegativeInt = 0

    @property
    def key(self) -> str:
        """16 hexadecimal digits that name this experiment on every machine."""
        # Where the data lies says nothing about what is done with it.
        where = {"root", "workers"}
        left_out: dict[str, Any] = {"data": where, "train": {"also": where}, "model": {"title"}}
        parts = {
            name: canonical_of(
                part.model_dump_json(exclude=left_out.get(name))
                if isinstance(part, BaseModel)
                else json.dumps(part)
            )
            for name, part in sorted(self)
        }
        whole = ",".join(f'"{name}":{text}' for name, text in parts.items() if text not in UNSET)
        return short_hash(f"{{{whole}}}")

    @property
    def title(self) -> str:
        """What a person calls it: the suite's title for the model, else `described`."""
        return self.model.title or self.described

    @property
    def described(self) -> str:
        """The model, and the plain options asked of it; lists are left out."""
        plain = {name: value for name, value in self.model.options.items() if not isinstance(value, tuple)}
        return " ".join([self.model.name, *(f"{name}={value}" for name, value in plain.items())])

    def matches(self, pattern: str) -> bool:
        """Whether the pattern of `--only` names this cell: by its model, its title, or its key.

        `*` and `?` stand for any text and any letter, as in a shell; of a key, the first four digits
        are enough.
        """
        if len(pattern) >= _SHORTEST_KEY and self.key.startswith(pattern):
            return True
        return any(fnmatchcase(name, pattern) for name in (self.model.name, self.title, self.described))
