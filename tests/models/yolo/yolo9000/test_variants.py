import pytest
import torch

from cvbench.errors import InputError
from cvbench.models.yolo.yolo9000 import yolo9000
from cvbench.values import ClassScores, Detections

ANIMALS = "animal -1\nthing -1\ndog 0\ncat 0\nterrier 2\nhound 2\nchair 1\n"


@pytest.fixture
def tree(tmp_path):
    path = tmp_path / "words.tree"
    path.write_text(ANIMALS)
    return str(path)


def detector(classes, **options):
    torch.manual_seed(0)
    return yolo9000(classes, size=64, width=0.125, **options)


def test_it_has_an_output_for_each_node(tree):
    model = detector(4, tree=tree)
    with torch.inference_mode():
        (raw,) = model(torch.zeros(1, 3, 64, 64))
    assert raw.shape == (1, 3 * (5 + 7), 2, 2)


def test_classes_are_all_nodes_or_all_leaves_or_those_of_a_map(tree, tmp_path):
    (tmp_path / "pets.map").write_text("2\n3\n")
    assert detector(7, tree=tree).classes.nodes.tolist() == list(range(7))
    assert detector(4, tree=tree).classes.nodes.tolist() == [3, 4, 5, 6]
    assert detector(2, tree=tree, map=str(tmp_path / "pets.map")).classes.nodes.tolist() == [2, 3]


def test_a_number_of_classes_that_fits_nothing_is_refused(tree, tmp_path):
    with pytest.raises(InputError, match="7 nodes, 4 of them leaves, and the dataset has 5 classes"):
        detector(5, tree=tree)
    (tmp_path / "pets.map").write_text("2\n3\n")
    with pytest.raises(InputError, match=r"pets.map: it maps 2 classes, and the dataset has 3"):
        detector(3, tree=tree, map=str(tmp_path / "pets.map"))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"tree": 7}, "the name of a file"),
        ({"report": "all"}, "classes or path"),
        ({"path_threshold": 2.0}, "between 0 and 1"),
    ],
)
def test_unusable_options_are_refused(options, wanted):
    with pytest.raises(InputError, match=wanted):
        detector(3, **options)


def test_boxes_and_classes_are_learnt_together(tree):
    model = detector(4, tree=tree).train()
    outputs = model(torch.randn(2, 3, 64, 64))
    boxes = Detections(torch.tensor([[8.0, 8, 40, 40]]), torch.tensor([1]), torch.ones(1))
    terms = model.loss(outputs, [boxes, ClassScores.of(3, 4)])
    sum(terms.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    assert model.seen == 2


def test_the_papers_net_has_yolov2s_passthrough():
    with torch.device("meta"):
        plain, passing = yolo9000(3), yolo9000(3, passthrough=True)
    assert len(list(passing.parameters())) - len(list(plain.parameters())) == 4 * 3
