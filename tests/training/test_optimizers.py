import pytest
import torch
from pydantic import ValidationError
from torch import nn

from cvbench.spec.cell import TrainRecipe
from cvbench.training.step import optimizer_of


def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_weights_decay_and_biases_and_norms_do_not():
    model = net()
    optimizer = optimizer_of(model, TrainRecipe(lr=1.0, momentum=0.0, weight_decay=0.5))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for old, new in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old / 2 if old.ndim >= 2 else old)


def test_a_frozen_parameter_is_left_out():
    model = net()
    model[0].weight.requires_grad_(False)
    groups = optimizer_of(model, TrainRecipe()).param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters())) - 1


def test_momentum_is_adamws_first_beta():
    optimizer = optimizer_of(net(), TrainRecipe(optimizer="adamw", momentum=0.8, lr=0.01))
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [group["betas"] for group in optimizer.param_groups] == [(0.8, 0.999)] * 2


def test_nesterov_looks_ahead():
    # One parameter 1, gradient 1, lr 1, momentum 0.5: v = 1, and Nesterov steps by 1 + 0.5 * 1.
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    optimizer = optimizer_of(layer, TrainRecipe(lr=1.0, momentum=0.5, nesterov=True, weight_decay=0.0))
    layer.weight.grad = torch.ones(1, 1)
    optimizer.step()
    assert layer.weight.item() == 1 - 1.5


def test_a_recipe_that_no_optimizer_can_follow_is_refused():
    with pytest.raises(ValidationError, match="set momentum above 0"):
        TrainRecipe(nesterov=True, momentum=0.0)
    with pytest.raises(ValidationError, match="must be below 1"):
        TrainRecipe(optimizer="adamw", momentum=1.0)
