import pytest
import torch
from torch import nn, tensor

from cvbench.errors import InputError
from cvbench.models.labels import build_for
from cvbench.spec.catalogue.label_spaces import (
    COCO_CATEGORIES,
    VOC_CLASSES,
    imagenet_classes,
)
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import ModelSpec
from cvbench.values import ClassScores, Detections, LabelMap, Preprocessing

COCO = tuple(COCO_CATEGORIES.values())
IMAGENET = tuple(one.name for one in imagenet_classes())


class Says(nn.Module):
    """A model that decodes to given predictions."""

    preprocessing = Preprocessing((8, 8))

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, images):
        return images

    def loss(self, outputs, truths):
        return {}

    def decode(self, outputs):
        return outputs


def says(classes):
    return Says(classes)


def fitted(classes, labels=None, task="detection", weights="w.pth"):
    spec = ModelSpec(name="tests.models.test_labels:says", task=task, labels=labels, weights=weights)
    return build_for(spec, classes)


def found(*labels):
    n = len(labels)
    return Detections(torch.rand(n, 4), tensor(labels), torch.rand(n))


def test_the_same_classes_in_the_same_order_need_no_table():
    for classes, labels in ((COCO, "coco"), (VOC_CLASSES, "voc"), (IMAGENET, "imagenet")):
        model, table = fitted(classes, labels)
        assert table is None
        assert model.classes == len(classes)


def test_vocs_classes_are_found_among_cocos_by_what_they_are():
    model, table = fitted(VOC_CLASSES, "coco")
    assert model.classes == 80
    assert table["airplane"] == COCO.index("airplane")  # VOC says aeroplane
    assert list(table.values())[VOC_CLASSES.index("sofa")] == COCO.index("couch")
    [moved] = model.decode([found(COCO.index("couch"), COCO.index("kite"), COCO.index("person"))])
    assert [VOC_CLASSES[k] for k in moved.labels] == ["sofa", "person"]
    assert len(moved.boxes) == len(moved.scores) == 2


def test_a_few_folders_of_imagenet_take_their_own_outputs():
    wnids = ("n02123045", "n07920052")  # tabby, espresso
    model, table = fitted(wnids, "imagenet", "classification")
    assert model.classes == 1000
    assert [IMAGENET[k] for k in table.values()] == ["tabby", "espresso"]
    scores = torch.zeros(1000)
    scores[967] = 0.9
    assert model.decode([ClassScores(scores)])[0].scores.tolist() == [0.0, pytest.approx(0.9)]


def test_a_map_of_classes_keeps_its_background():
    classes = ("background", "sofa", "aeroplane")
    model, _ = fitted(classes, "voc", "segmentation")
    assert model.classes == 21
    theirs = tensor([[0, 1 + VOC_CLASSES.index("sofa"), 1 + VOC_CLASSES.index("cat")]], dtype=torch.uint8)
    assert model.decode([LabelMap(theirs)])[0].labels.tolist() == [[0, 1, 0]]


def test_classes_that_weights_do_not_know_are_refused():
    with pytest.raises(InputError) as caught:
        fitted(("person", "T-shirt", "trouser"), "coco")
    assert "the weights predict the 80 classes of coco, but 2 of the dataset's 3" in str(caught.value)
    assert "'T-shirt'" in str(caught.value)


def test_without_weights_the_classes_are_the_data_sets():
    model, table = fitted(("a", "b"), None, weights=None)
    assert (model.classes, table) == (2, None)


@pytest.mark.parametrize(
    ("name", "weights", "labels"),
    [
        ("torchvision/resnet50", "ResNet50_Weights.IMAGENET1K_V1", "imagenet"),
        ("faster_rcnn_resnet50_fpn", "FasterRCNN_ResNet50_FPN_Weights.COCO_V1", "coco"),
        ("torchvision/fcn_resnet50", "FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1", "voc"),
        ("timm/resnet50", "a1_in1k", "imagenet"),
        ("timm/convnext_tiny", "fb_in22k", None),
        ("resnet50", "mine.pth", None),
    ],
)
def test_published_weights_tell_their_classes(name, weights, labels):
    assert weight_file(ModelSpec(name=name, weights=weights)).labels == labels
