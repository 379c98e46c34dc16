import math

import pytest
import torch

from cvbench.models.yolo.yolo9000 import WordTree
from cvbench.models.yolo.yolo9000.hierarchy import Hierarchy

# animal and thing are roots; dog and cat are animals; terrier and hound are dogs; a chair is a thing
TREE = WordTree(("animal", "thing", "dog", "cat", "terrier", "hound", "chair"), (-1, -1, 0, 0, 2, 2, 1))
# P(animal) 3/4; P(dog | animal) 4/5; P(terrier | dog) 2/3; a chair is the only thing
LOGITS = torch.tensor([math.log(3), 0, math.log(4), 0, math.log(2), 0, 7.0])
ABSOLUTE = [3 / 4, 1 / 4, 3 / 5, 3 / 20, 2 / 5, 1 / 5, 1 / 4]


def hierarchy(nodes=range(7), *, report="classes", threshold=0.5):
    return Hierarchy(TREE, nodes, report=report, threshold=threshold)


def test_probabilities_are_multiplied_from_the_root():
    scores = hierarchy().scores(LOGITS.expand(2, 3, 7))
    torch.testing.assert_close(scores, torch.tensor(ABSOLUTE).expand(2, 3, 7))


def test_the_loss_is_the_cross_entropy_of_the_softmaxes_on_the_way():
    loss = hierarchy().loss(LOGITS.expand(7, 7), torch.arange(7))
    torch.testing.assert_close(loss, -torch.tensor(ABSOLUTE).log())


def test_softmaxes_off_the_way_and_below_the_label_learn_nothing():
    logits = LOGITS[None].clone().requires_grad_()
    hierarchy().loss(logits, torch.tensor([2])).sum().backward()
    # animal and thing, dog and cat: probability minus target; terrier, hound and chair: nothing
    expected = torch.tensor([[3 / 4 - 1, 1 / 4, 4 / 5 - 1, 1 / 5, 0, 0, 0]])
    torch.testing.assert_close(logits.grad, expected)


def test_the_gradients_are_the_slopes():
    logits = torch.randn(4, 7, dtype=torch.float64, requires_grad=True)
    model, label = hierarchy(), torch.tensor([0, 4, 5, 6])
    assert torch.autograd.gradcheck(lambda x: model.loss(x, label), [logits])


@pytest.mark.parametrize(
    ("threshold", "end"),
    [(0.3, 4), (0.45, 2), (0.55, 2), (0.65, 0), (0.9, 0)],
)
def test_the_way_down_ends_where_the_product_is_not_above_the_threshold(threshold, end):
    # terrier 0.4, dog 0.6, animal 0.75; the best root is reached in any case
    scores = hierarchy(report="path", threshold=threshold).scores(LOGITS.double()[None, None])[0, 0]
    expected = torch.zeros(7, dtype=torch.float64)
    expected[end] = ABSOLUTE[end]
    torch.testing.assert_close(scores, expected)


def test_the_way_goes_to_the_best_child_though_another_branch_has_a_likelier_leaf():
    # chair 0.49 is likelier than any animal's leaf, but animal is the better root
    logits = torch.tensor([math.log(0.51 / 0.49), 0, 0, 0, 0, 0, 0])
    scores = hierarchy(report="path", threshold=0.1).scores(logits[None, None])[0, 0]
    assert scores.nonzero().tolist() == [[4]]  # among equal children the first


def test_an_end_between_classes_is_reported_as_the_class_above_it():
    # classes are thing, terrier and dog; the way ends at terrier, at dog, or at animal, which is none
    ends = [
        hierarchy((1, 4, 2), report="path", threshold=threshold).scores(LOGITS[None, None])[0, 0]
        for threshold in (0.3, 0.5, 0.7)
    ]
    torch.testing.assert_close(torch.stack(ends), torch.tensor([[0, 2 / 5, 0], [0, 0, 3 / 5], [0, 0, 0]]))
    without_leaf = hierarchy((1, 2), report="path", threshold=0.3).scores(LOGITS[None, None])[0, 0]
    torch.testing.assert_close(without_leaf, torch.tensor([0, 2 / 5]))


def test_classes_are_the_nodes_that_they_are_mapped_to():
    model = hierarchy((6, 2))
    torch.testing.assert_close(model.scores(LOGITS[None, None])[0, 0], torch.tensor([1 / 4, 3 / 5]))
    probability = model.probability(LOGITS[None], torch.tensor([1]))
    torch.testing.assert_close(probability, torch.tensor([3 / 5]))


def test_a_tree_of_roots_is_a_plain_softmax():
    logits = torch.randn(2, 3, 5)
    model = Hierarchy(WordTree.flat(5), range(5), report="classes", threshold=0.5)
    torch.testing.assert_close(model.scores(logits), logits.softmax(dim=-1))


def test_large_logits_overflow_nothing():
    scores = hierarchy().scores(100 * LOGITS[None, None])
    assert scores.isfinite().all()
