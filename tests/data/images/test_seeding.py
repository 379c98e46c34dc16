import torch

from cvbench.data.images.augmentation import seed_of, seeded_generator


def test_seeds_are_the_same_on_every_machine_for_ever():
    assert seed_of("order", 0, 1) == 6190714797572888661
    assert seed_of("order", 1, 0) != seed_of("order", 0, 1)
    assert seed_of("order", 1, 12) != seed_of("order", 11, 2)
    assert seed_of("order", 1) != seed_of("augmentation", 1)


def test_a_generator_gives_its_numbers_whatever_else_is_drawn():
    first = torch.rand(3, generator=seeded_generator("order", 1))
    torch.rand(5)
    assert torch.equal(first, torch.rand(3, generator=seeded_generator("order", 1)))
