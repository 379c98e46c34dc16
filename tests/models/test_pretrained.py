import torch

from cvbench.models.building import build_model
from cvbench.models.labels import COCO_IDS
from cvbench.spec.cell import ModelSpec
from cvbench.values import Preprocessing


def built(name, weights, classes, **options):
    with torch.device("meta"):
        return build_model(ModelSpec(name=name, weights=weights, options=options), classes)


def test_a_classifier_of_ours_sees_images_as_the_weights_that_it_takes_were_scored():
    model = built("resnet50", "ResNet50_Weights.IMAGENET1K_V2", 1000)
    assert (model.preprocessing.shorter, model.preprocessing.size) == (232, (224, 224))
    older = built("resnet50", "ResNet50_Weights.IMAGENET1K_V1", 1000)
    assert older.preprocessing.shorter == 256


def test_its_normalisation_stays_its_own():
    model = built("googlenet", "GoogLeNet_Weights.IMAGENET1K_V1", 1000)
    assert model.preprocessing.shorter == 256
    assert model.preprocessing.mean == built("googlenet", None, 1000).preprocessing.mean


def test_who_says_how_images_come_in_gets_that():
    model = built("resnet50", "ResNet50_Weights.IMAGENET1K_V2", 1000, size=160)
    assert model.preprocessing == built("resnet50", None, 1000, size=160).preprocessing


def test_torchvisions_preprocessing_is_that_of_the_weights_named():
    model = built("torchvision/resnet50", "ResNet50_Weights.IMAGENET1K_V1", 1000)
    assert model.preprocessing.shorter == 256
    assert built("torchvision/resnet50", None, 1000).preprocessing.shorter == 232  # the newest


def test_weights_of_coco_bring_their_outputs_their_norms_and_their_sizes():
    model = built("faster_rcnn_resnet50_fpn", "FasterRCNN_ResNet50_FPN_Weights.COCO_V1", len(COCO_IDS))
    assert model.roi_heads.box_predictor.cls_score.out_features == 91
    assert {m.eps for m in model.modules() if type(m).__name__ == "FrozenBatchNorm"} <= {0.0}
    preprocessing: Preprocessing = model.preprocessing
    assert (preprocessing.shorter, preprocessing.longer, preprocessing.multiple) == (800, 1333, 32)
    assert preprocessing.mean == (0.485, 0.456, 0.406)
