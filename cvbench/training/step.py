"""One step of a training, and all that changes with it."""

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
    """Autocast to bf16 or fp16 for as long as it is entered; nothing for fp32 and tf32."""
    dtype = _HALF.get(precision)
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


def widened(outputs: Any) -> Any:
    """The same outputs with half-precision tensors in fp32: losses are computed in fp32.

    A box coordinate in bf16 has eight bits, so it could not tell neighbouring pixels apart.
    """
    return tree_map_only(Tensor, _widened, outputs)


@contextmanager
def arithmetic(precision: Precision) -> Iterator[None]:
    """Process-wide switches while a training lasts: TF32 only where asked for, cuDNN free to measure."""
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
    """The learning rate when a share `progress` of all steps is done, 0 to 1.

    Over the first `recipe.warmup` it rises linearly from 0. After that, `constant` stays at
    `recipe.lr`; `step` multiplies it by `gamma` at each milestone passed, milestones being shares of
    the whole training; `cosine` falls to 0 along half a wave over what remains after the warm-up.

    The engine asks at the middle of each step, so no step is taken at a rate of 0.

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
    """SGD or AdamW over the trainable parameters, in two groups: those that decay and the others.

    Weights of two or more dimensions decay. Biases and the scales of norms do not: pulling them to 0
    regularises nothing and costs accuracy (He et al. 2018, Bag of Tricks, section 3.1).
    One fused kernel updates many tensors: small nets are bound by launches otherwise, and on a CPU
    AdamW's step takes a third of the time.
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
    """A network, its optimizer and its losses on one device, moving forward step by step."""

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
        """Descend once, on step number `number` of the training, the first being 0."""
        lr = rate(self._recipe, (number + 0.5) / self._order.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        terms = self.forward(batch)
        self.losses.add(number, lr, terms)
        self.backward(terms)
        self.update()

    def forward(self, batch: TrainingBatch) -> Mapping[str, Tensor]:
        """The terms of the loss."""
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
        """The gradient of the terms' sum."""
        self._optimizer.zero_grad(set_to_none=True)
        loss = torch.stack(list(terms.values())).sum()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Change the weights by the gradient, which is clipped where the recipe says so."""
        if self._recipe.clip is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self.net.parameters(), self._recipe.clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()

    def finish(self) -> None:
        """Leave the network in evaluation mode; raises Diverged where a weight is no number.

        The last step's gradient has been in no loss yet, so the weights themselves are looked at.
        """
        self.losses.look()
        floats = [(k, v) for k, v in self.net.state_dict().items() if v.is_floating_point()]
        sound = torch.stack([tensor.isfinite().all() for _, tensor in floats]).tolist()
        for (name, _), good in zip(floats, sound, strict=True):
            if not good:
                raise Diverged(
                    f"{name} holds values that are no numbers after the last step, number "
                    f"{self._order.steps}.\n  {remedy(self._recipe)}"
                )
        self.net.eval()

    def tensors(self) -> dict[str, Tensor]:
        """Weights, buffers, the optimizer's memory and the random numbers to come."""
        found = {f"net.{name}": tensor for name, tensor in self.net.state_dict().items()}
        for index, fields in self._optimizer.state_dict()["state"].items():
            found |= {f"optimizer.{index}.{k}": v for k, v in fields.items() if isinstance(v, Tensor)}
        found["random.cpu"] = torch.get_rng_state()
        if self._device.type == "cuda":
            found["random.cuda"] = torch.cuda.get_rng_state(self._device)
        return found

    def notes(self) -> dict[str, Any]:
        """The rest of the state, as plain values."""
        return {
            "scaler": self._scaler.state_dict(),
            "losses": self.losses.state(),
            "shadowed": shadowed_objects(self.net),
        }

    def restore(self, tensors: Mapping[str, Tensor], notes: Mapping[str, Any], *, path: Path) -> None:
        """Go on from what `tensors` and `notes` gave; raises InputError for those of another network."""
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
                # In the parameter's own layout: fused kernels walk through both side by side.
                memory = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
            state.setdefault(int(index), {})[field] = memory
        self._optimizer.load_state_dict(
            {"state": state, "param_groups": self._optimizer.state_dict()["param_groups"]}
        )


def shadowed_objects(net: object) -> int | None:
    """How many objects, over all steps, were learnt by nobody as another one held their place.

    None for a net that does not count them, in its `shadowed`: most have room for every object.
    """
    counted = getattr(net, "shadowed", None)
    return int(counted) if isinstance(counted, Tensor) else None


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
