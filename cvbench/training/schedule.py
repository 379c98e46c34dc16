"""The learning rate over a training, as a function of how much of it is done."""

from __future__ import annotations

import math

from cvbench.spec.cell import TrainRecipe


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
