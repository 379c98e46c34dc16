"""The optimizer that a recipe asks for."""

from __future__ import annotations

import torch
from torch import nn

from cvbench.spec.cell import TrainRecipe


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
