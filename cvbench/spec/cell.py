"""A Cell and its parts: one experiment. Equal cells are the same experiment on every machine.

A cell's `key` is the short hash of its canonical JSON. The hash omits fields that say only where the data is
stored (a dataset's folder) and fields that are not set, so a new optional field changes no key. Numbers have
their shortest form, so 1 and 1.0 are equal. A golden test fixes the keys.
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
"""Whether to use torch.compile, and its mode; `default` is the same as `true`."""
Engine: TypeAlias = Annotated[
    Literal["onnx", "openvino"] | None,
    BeforeValidator(
        lambda value: None if value == "torch" else value,
        json_schema_input_type=Literal["torch", "onnx", "openvino"] | None,
    ),
]
"""The inference engine; None is torch."""
CudaGraphs: TypeAlias = Annotated[
    Literal[True] | None,
    BeforeValidator(lambda value: None if value is False else value, json_schema_input_type=bool | None),
]
"""Whether to capture the network in a CUDA graph and replay it; unset is the same as `false`."""
Duration: TypeAlias = Annotated[
    PositiveFloat, BeforeValidator(units.seconds, json_schema_input_type=PositiveFloat | str)
]
"""Seconds, as a number or as text with a unit: 30s, 5m."""
Atom: TypeAlias = bool | int | float | str
Option: TypeAlias = Atom | tuple[Atom, ...] | tuple[tuple[Atom, ...], ...]
"""The value of an option in YAML: a scalar, a list, or a list of lists."""
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0, le=1)]


_SHORTEST_KEY = 4


class PreprocessingSpec(Frozen):
    """The preprocessing of your own model; a field that is not set keeps the default of the task.

    Classification: stretched to 224 x 224, ImageNet mean and standard deviation. Segmentation: the same at
    512 x 512. Detection: letterboxed to 640 x 640, values from 0 to 1.
    """

    size: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None
    """Input size in pixels: the side of a square, or [height, width]."""
    resize: Literal["stretch", "letterbox", "crop", "scale"] | None = None
    """`stretch` ignores the aspect ratio; `letterbox` keeps it and pads; `crop` resizes the shorter side to
    `shorter` and takes the center; `scale` keeps the aspect ratio without padding: sizes differ by image."""
    shorter: PositiveInt | None = None
    """Length of the shorter side in pixels after resizing, for `crop` and `scale`."""
    longer: PositiveInt | None = None
    """Maximum length of the longer side in pixels, for `scale`."""
    mean: tuple[float, float, float] | None = None
    """Mean per channel, in the network's channel order, of values from 0 to 1."""
    std: tuple[float, float, float] | None = None
    """Standard deviation per channel, in the network's channel order."""
    interpolation: Literal["bilinear", "bicubic"] | None = None
    antialias: bool | None = None
    fill: Annotated[int, Field(ge=0, le=255)] | None = None
    """Gray level of the letterbox padding, 0 to 255."""
    color: Literal["rgb", "bgr"] | None = None
    """The network's channel order (default: `rgb`)."""


class ModelSpec(Frozen):
    """The architecture, its options and its weights."""

    name: str
    """A name from `cvbench list models`, or your own model by import path (`package.module:callable`)."""
    task: TaskName | None = None
    """Required for a model by import path; models of the catalogue have their own."""
    options: Mapping[str, Option] = Field(default_factory=dict)
    """Arguments of the model's builder, such as `width: 0.5`; `cvbench show NAME` lists them."""
    weights: str | None = None
    """A file, `FILE#sha256=…`, a fetched `https://…#sha256=…`, a torchvision name such as
    `ResNet50_Weights.IMAGENET1K_V2`, or a timm tag. Without it, the suite's recipe trains the model."""
    labels: LabelsName | None = None
    """The label space of the weights, where it differs from the dataset's and the weights do not state it.
    Classes are mapped by name or id; the record stores the mapping."""
    preprocessing: PreprocessingSpec | None = None
    """Preprocessing of a model by import path; models of the catalogue have options instead."""
    title: Annotated[str, Field(pattern=r"^\S([^\x00-\x1f\x7f]{0,78}\S)?$")] | None = None
    """Name of the model in tables, at most 80 characters (default: its name and options). It is not part of
    the cell's key, so a new title needs no new measurement."""


class DataSpec(Frozen):
    """The dataset, its folder, and the split that is scored."""

    name: str
    """A name from `cvbench list datasets`, or your own dataset by import path (`package.module:callable`)."""
    root: str | None = None
    """The folder of your copy. It is not part of the cell's key."""
    split: str = "test"
    """The split to score; training always uses `train`."""
    limit: PositiveInt | None = None
    """Score only N images, sampled evenly over the split with the cell's seed."""
    options: Mapping[str, Option] = Field(default_factory=dict)
    """Options of the dataset, such as `size: 128`; `cvbench show NAME` lists them."""
    undecodable: Literal["fail", "skip"] = "fail"
    """How to treat a corrupt image or label: `fail`, or `skip` it and count it in the record."""
    workers: NonNegativeInt | None = None
    """Data-loader workers for scoring (default: 0, load in the main process). Results do not depend on it; it
    is not part of the cell's key."""


class Augment(Frozen):
    """Augmentation of training images; boxes and masks are transformed with the image."""

    mirror: bool = True
    """Flip left-right with probability 0.5."""
    scale: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)
    """Resize by a random factor, log-uniform in this range, then crop or pad back to size."""
    shift: Fraction = 0.0
    """Translate by up to this fraction of each side."""
    aspect: PositiveFloat | None = Field(default=None, ge=1)
    """Change the aspect ratio by up to this factor."""
    area: tuple[PositiveFraction, PositiveFraction] | None = None
    """Random resized crop: crop a part whose fraction of the image area is uniform in this range, and resize
    it to the input. Replaces `scale` and `shift`; `aspect` varies its aspect ratio. GoogLeNet's recipe:
    `{area: [0.08, 1], aspect: 1.333}`."""
    elastic: PositiveFloat | None = None
    """Elastic deformation: standard deviation of the displacements in input pixels, on a 3 x 3 grid with
    bicubic interpolation. U-Net uses 10."""
    hue: float | None = Field(default=None, ge=0, le=0.5)
    """Shift the hue by up to this fraction of the color circle."""
    saturation: float | None = Field(default=None, ge=1)
    """Multiply or divide the saturation by a random factor from 1 to this value."""
    exposure: float | None = Field(default=None, ge=1)
    """Multiply or divide the brightness by a random factor from 1 to this value."""
    lighting: NonNegativeFloat | None = None
    """PCA lighting noise: standard deviation of the shift along the principal components of ImageNet's
    colors. AlexNet uses 0.1."""

    @field_validator("scale", "area")
    @classmethod
    def _ordered(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and ends[0] > ends[1]:
            raise ValueError(f"the range {list(ends)} is reversed; write [{ends[1]}, {ends[0]}]")
        return ends

    @model_validator(mode="after")
    def _cut_or_moved(self) -> Augment:
        if self.area is not None and (self.scale != (1, 1) or self.shift != 0):
            raise ValueError("area replaces scale and shift; remove scale and shift")
        return self


class TrainRecipe(Frozen):
    """How to train from scratch; the defaults are the standard ImageNet recipe, shortened."""

    epochs: PositiveInt = 10
    batch: PositiveInt = 64
    limit: PositiveInt | None = None
    """Train on only N images, sampled evenly over the split with the cell's seed."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: PositiveFloat = 0.1
    """Peak learning rate."""
    momentum: Fraction = 0.9
    """Momentum of SGD; AdamW uses betas (momentum, 0.999)."""
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 1e-4
    """Weight decay of tensors with two or more dimensions; biases and norm layers have none."""
    schedule: Literal["constant", "step", "cosine"] = "cosine"
    milestones: tuple[Fraction, ...] = (0.5, 0.75)
    """For `schedule: step`: fractions of the training after which the rate is multiplied by `gamma`."""
    gamma: PositiveFloat = 0.1
    warmup: Fraction = 0.0
    """Fraction of the training with linear warmup of the learning rate from near 0."""
    clip: PositiveFloat | None = None
    """Clip the gradient to this global L2 norm."""
    precision: Precision = "fp32"
    """Precision of the forward and backward pass (autocast); weights stay fp32."""
    layout: Layout = "channels_last"
    augment: Augment = Augment()
    sizes: tuple[PositiveInt, PositiveInt] | None = None
    """Multi-scale training: every ten steps a new random input size from this range, in pixels. For models
    that accept several input sizes; YOLOv2 and YOLOv3 need multiples of 32."""
    also: DataSpec | None = None
    """Joint training: a classification dataset whose training images are used too, without boxes. For
    YOLO9000 and YOLOv2; its classes are matched by name with the detection classes."""
    workers: NonNegativeInt = 0
    """Data-loader workers; 0 loads in the training process."""

    @property
    def identity(self) -> dict[str, Any]:
        """The fields that decide the trained weights, as plain values: no folders, no worker counts."""
        return self.model_dump(mode="json", exclude={"workers": True, "also": {"root", "workers"}})

    @model_validator(mode="after")
    def _possible(self) -> TrainRecipe:
        if self.sizes is not None and self.sizes[0] > self.sizes[1]:
            raise ValueError(f"the range {list(self.sizes)} is reversed; write {list(self.sizes[::-1])}")
        if self.nesterov and self.optimizer == "sgd" and self.momentum == 0:
            raise ValueError("nesterov needs momentum; set momentum above 0, such as 0.9")
        if self.optimizer == "adamw" and self.momentum == 1:
            raise ValueError("with adamw, momentum must be below 1, such as 0.9")
        return self


class LatencyPlan(Frozen):
    """Latency: one batch at a time, synchronized after each call."""

    batch: PositiveInt = 1
    warmup: Duration = 1.0
    duration: Duration = 5.0
    """Maximum measuring time."""
    iterations: PositiveInt = 200
    """Maximum number of calls; measuring stops at `duration` or `iterations`, but never before 10 calls."""


class ThroughputPlan(Frozen):
    """Throughput: batches back to back, synchronized only at the end of each window."""

    batch: tuple[PositiveInt, ...] = (32,)
    """One batch size, or a list."""
    up_to: PositiveInt | None = None
    """Also measure batch sizes 1, 2, 4 … up to this one, as far as memory allows."""
    warmup: Duration = 1.0
    window: Duration = 1.0
    windows: PositiveInt = 5

    @property
    def batches(self) -> tuple[int, ...]:
        """The batch sizes to measure, without duplicates; in ascending order if `up_to` is set."""
        if self.up_to is None:
            return tuple(dict.fromkeys(self.batch))
        return tuple(sorted({*self.batch, *(1 << power for power in range(self.up_to.bit_length()))}))


class EndToEndPlan(Frozen):
    """End-to-end throughput: from files on disk to results in host memory."""

    batch: PositiveInt = 32
    workers: NonNegativeInt = 0
    """Data-loader workers; 0 loads in the process that runs the model."""
    window: Duration = 1.0
    windows: PositiveInt = 5


class TrainStepPlan(Frozen):
    """Training steps back to back: forward, loss, backward and optimizer update."""

    batch: PositiveInt = 32
    warmup: Duration = 1.0
    window: Duration = 1.0
    windows: PositiveInt = 10


class EnergyPlan(Frozen):
    """Energy per image, on machines with an energy counter."""

    batch: PositiveInt = 32
    warmup: Duration = 1.0
    window: Annotated[Duration, Field(ge=1)] = 10.0
    """Energy sensors update slowly: shorter windows than 10 s give coarse values."""
    windows: PositiveInt = 5


class TimingPlan(Frozen):
    """Which timings to measure."""

    latency: LatencyPlan | None = LatencyPlan()
    throughput: ThroughputPlan | None = ThroughputPlan()
    end_to_end: EndToEndPlan | None = None
    """Throughput with loading, decoding and transfers; not measured if unset."""
    train_step: TrainStepPlan | None = None
    """Training step with the cell's recipe, or the default recipe; not measured if unset."""
    energy: EnergyPlan | None = None
    """Energy per image; not measured if unset."""
    rounds: PositiveInt | None = None
    """Number of timing rounds. Each round times all cells of the suite in new processes, in a shuffled order.
    Unset: the process that scores the cell also times it, once."""
    budget: Duration | None = None
    """Replaces fixed numbers of iterations: measure until the 95 % interval is within ±1 % on a GPU or ±2 %
    on a CPU, at most for this time per cell. Rounds are added if needed."""


class Runtime(Frozen):
    """How the model runs, for both scoring and timing."""

    device: Device = "auto"
    """`auto` uses the first GPU, or the CPU if there is none."""
    precision: Precision = "fp32"
    layout: Layout = "channels_last"
    """Memory layout of images and weights; other engines than torch get contiguous images."""
    compile: Compile = False
    threads: PositiveInt | None = None
    """CPU threads (default: all CPUs that the process may use)."""
    batch: PositiveInt = 32
    """Batch size for scoring."""
    engine: Engine = None
    """`onnx` (onnxruntime) or `openvino`: the network is exported with its weights, and the exported model is
    scored and timed. Box decoding stays in torch."""
    cuda_graphs: CudaGraphs = None
    """Capture the network in a CUDA graph, once per input shape, and replay it; GPU only."""

    @model_validator(mode="before")
    @classmethod
    def _contiguous_for_an_engine(cls, given: Any) -> Any:
        """Engines ignore the layout, so cells that differ only in it must be equal."""
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
        """16 hexadecimal digits that identify this experiment on every machine."""
        # The folder of the data and the number of workers do not change the experiment.
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
        """The display name: the suite's title for the model, else `described`."""
        return self.model.title or self.described

    @property
    def described(self) -> str:
        """The model's name and its options, without list values."""
        plain = {name: value for name, value in self.model.options.items() if not isinstance(value, tuple)}
        return " ".join([self.model.name, *(f"{name}={value}" for name, value in plain.items())])

    def matches(self, pattern: str) -> bool:
        """Whether a pattern of `--only` matches the cell's model, title or key.

        `*` and `?` are wildcards, as in a shell. The first four digits of a key are enough.
        """
        if len(pattern) >= _SHORTEST_KEY and self.key.startswith(pattern):
            return True
        return any(fnmatchcase(name, pattern) for name in (self.model.name, self.title, self.described))
