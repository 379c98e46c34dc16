"""One training step: forward, loss, backward, update."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from cvbench.data.images.color import normalize
from cvbench.errors import Diverged
from cvbench.models.weights.tensors import adopt
from cvbench.spec.cell import Precision, TrainRecipe
from cvbench.training.batches import Order, TrainingBatch
from cvbench.training.losses import Losses, check_terms, remedy
from cvbench.values import Preprocessing

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def casting(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Context of autocast to bf16 or fp16; does nothing for fp32 and tf32."""
    dtype = _HALF.get(precision)
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


def widened(outputs: Any) -> Any:
    """The outputs with half-precision tensors converted to fp32, in which losses are computed.

    bf16 has eight significant bits, too few for box coordinates in pixels.
    """
    return tree_map_only(Tensor, _widened, outputs)


@contextmanager
def arithmetic(precision: Precision) -> Iterator[None]:
    """Process-wide switches during a training: TF32 only if requested, cuDNN benchmarking on."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    matmul.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
    cudnn.benchmark = True
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in _HALF.values() else tensor


def rate(recipe: TrainRecipe, progress: float) -> float:
    """The learning rate at `progress`, the completed fraction of all steps, 0 to 1.

    During the first `recipe.warmup` it rises linearly from 0. Then `constant` keeps `recipe.lr`; `step`
    multiplies it by `gamma` at each milestone, given as a fraction of all steps; `cosine` decays it to
    0 over the rest of the training.

    The engine evaluates it at the middle of each step, so no step has a rate of 0.

    Source of the cosine: SGDR (Loshchilov and Hutter 2016), equation 5, one period.
    """
    if progress < recipe.warmup:
        return recipe.lr * progress / recipe.warmup
    if recipe.schedule == "step":
        passed = sum(progress >= milestone for milestone in recipe.milestones)
        return recipe.lr * recipe.gamma**passed
    if recipe.schedule == "cosine" and recipe.warmup < 1:
        share = (progress - recipe.warmup) / (1 - recipe.warmup)
        return recipe.lr * (1 + math.cos(math.pi * share)) / 2
    return recipe.lr


def optimizer_of(net: nn.Module, recipe: TrainRecipe) -> torch.optim.Optimizer:
    """SGD or AdamW over the trainable parameters, in two groups: with weight decay and without.

    Weights with two or more dimensions decay. Biases and norm scales do not: decaying them does not
    regularize and costs accuracy (He et al. 2018, Bag of Tricks, section 3.1).
    Fused kernels update many tensors at a time: small networks are otherwise bound by launches, and on
    a CPU AdamW's step takes a third of the time.
    """
    weights = [p for p in net.parameters() if p.requires_grad and p.ndim >= 2]
    others = [p for p in net.parameters() if p.requires_grad and p.ndim < 2]
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), fused=True)
    return torch.optim.SGD(
        groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True
    )


class Trainer:
    """A network, its optimizer and its losses on one device."""

    def __init__(self, net: nn.Module, recipe: TrainRecipe, order: Order, device: torch.device) -> None:
        self._recipe = recipe
        self._order = order
        self._device = device
        self._format = torch.channels_last if recipe.layout == "channels_last" else torch.contiguous_format
        self.net: Any = net.to(device).to(memory_format=self._format).train()
        self.losses = Losses(recipe, order, device)
        self._optimizer = optimizer_of(net, recipe)
        self._scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")

    def step(self, number: int, batch: TrainingBatch) -> None:
        """Run one optimizer step, number `number` of the training, counted from 0."""
        lr = rate(self._recipe, (number + 0.5) / self._order.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        terms = self.forward(batch)
        self.losses.add(number, lr, terms)
        self.backward(terms)
        self.update()

    def forward(self, batch: TrainingBatch) -> Mapping[str, Tensor]:
        """The loss terms of a batch."""
        assert batch.truths is not None
        images = batch.images.to(self._device, non_blocking=True).to(memory_format=self._format)
        truths = batch.truths.to(self._device).unpacked()
        preprocessing: Preprocessing = self.net.preprocessing
        with casting(self._recipe.precision, self._device):
            outputs = self.net(normalize(images, preprocessing))
        terms: Mapping[str, Tensor] = self.net.loss(widened(outputs), truths)
        check_terms(terms)
        return terms

    def backward(self, terms: Mapping[str, Tensor]) -> None:
        """Compute the gradient of the sum of the terms."""
        self._optimizer.zero_grad(set_to_none=True)
        loss = torch.stack(list(terms.values())).sum()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Apply the optimizer, with gradient clipping if the recipe sets `clip`."""
        if self._recipe.clip is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self.net.parameters(), self._recipe.clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()

    def finish(self) -> None:
        """Put the network in evaluation mode; raises Diverged if a weight is NaN or infinite.

        No loss has seen the last update yet, so the weights themselves are checked.
        """
        self.losses.look()
        floats = [(k, v) for k, v in self.net.state_dict().items() if v.is_floating_point()]
        sound = torch.stack([tensor.isfinite().all() for _, tensor in floats]).tolist()
        for (name, _), good in zip(floats, sound, strict=True):
            if not good:
                raise Diverged(
                    f"{name} has NaN or infinite values after the last step, number "
                    f"{self._order.steps}.\n  {remedy(self._recipe)}"
                )
        self.net.eval()

    def tensors(self) -> dict[str, Tensor]:
        """The tensors of a checkpoint: weights, buffers, optimizer state and random number generators."""
        found = {f"net.{name}": tensor for name, tensor in self.net.state_dict().items()}
        for index, fields in self._optimizer.state_dict()["state"].items():
            found |= {f"optimizer.{index}.{k}": v for k, v in fields.items() if isinstance(v, Tensor)}
        found["random.cpu"] = torch.get_rng_state()
        if self._device.type == "cuda":
            found["random.cuda"] = torch.cuda.get_rng_state(self._device)
        return found

    def notes(self) -> dict[str, Any]:
        """The rest of a checkpoint, as plain values."""
        return {
            "scaler": self._scaler.state_dict(),
            "losses": self.losses.state(),
            "shadowed": shadowed_objects(self.net),
        }

    def restore(self, tensors: Mapping[str, Tensor], notes: Mapping[str, Any], *, path: Path) -> None:
        """Resume from the results of `tensors` and `notes`; raises InputError if the network differs."""
        adopt(self.net.state_dict(), _below("net.", tensors), path=path)
        self._restore_optimizer(_below("optimizer.", tensors))
        self._scaler.load_state_dict(notes["scaler"])
        self.losses.restore(notes["losses"])
        if notes.get("shadowed") is not None:
            self.net.shadowed.fill_(notes["shadowed"])
        torch.set_rng_state(tensors["random.cpu"])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], self._device)

    def _restore_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        groups = self._optimizer.param_groups
        parameters = [parameter for group in groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            index, _, field = name.partition(".")
            parameter = parameters[int(index)]
            memory = tensor
            if tensor.shape == parameter.shape:
                # Same memory layout as the parameter: fused kernels iterate over both together.
                memory = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
            state.setdefault(int(index), {})[field] = memory
        self._optimizer.load_state_dict(
            {"state": state, "param_groups": self._optimizer.state_dict()["param_groups"]}
        )


def shadowed_objects(net: object) -> int | None:
    """How many objects were not learned, over all steps, because another object used their predictor.

    None if the model does not count them (in a tensor `shadowed`); most models learn every object.
    """
    counted = getattr(net, "shadowed", None)
    return int(counted) if isinstance(counted, Tensor) else None


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
