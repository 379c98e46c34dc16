"""Each form can learn: a narrow one learns a handful of scenes by heart, and finds what is in them."""

import pytest
import torch

from cvbench.data.datasets.fashion_scenes import fashion_scenes
from cvbench.metrics.coco.metric import CocoBoxAP
from cvbench.models.faster_rcnn import faster_rcnn_resnet18_fpn, faster_rcnn_resnet50_fpn, faster_rcnn_vgg16
from tests.models.learning import decoded, learn


def on_pyramid():
    return faster_rcnn_resnet18_fpn(10, size=64, width=0.125, scales=(8, 16, 32, 64, 128))


def on_large_pyramid():
    return faster_rcnn_resnet50_fpn(10, size=64, width=0.125, scales=(8, 16, 32, 64, 128), norm="batch")


def on_vgg(pooling):
    # one map of stride 16, so the scenes are larger; garments touch more than the paper's NMS allows
    options = {"scales": (36, 72, 144), "across_border": True, "dropout": 0.0, "nms_threshold": 0.5}
    return faster_rcnn_vgg16(10, size=192, width=0.125, pooling=pooling, **options)


@pytest.mark.parametrize(
    ("build", "steps", "lr"),
    [
        pytest.param(on_pyramid, 70, 5e-3, id="resnet18_fpn", marks=pytest.mark.full),
        pytest.param(on_large_pyramid, 110, 5e-3, id="resnet50_fpn", marks=pytest.mark.slow),
        pytest.param(lambda: on_vgg("pool"), 150, 1e-3, id="vgg16, pool", marks=pytest.mark.slow),
        pytest.param(lambda: on_vgg("align"), 150, 1e-3, id="vgg16, align", marks=pytest.mark.slow),
    ],
)
def test_it_learns_three_scenes_of_garments_by_heart(build, steps, lr):
    torch.manual_seed(0)
    model = build()
    size = model.preprocessing.size[0]
    data = fashion_scenes(task="detection", split="train", size=size, train=3, occlusion=0.0)
    samples = [data[index] for index in range(3)]
    images = torch.stack([sample.image for sample in samples]).float() / 255
    truths = [sample.truth for sample in samples]

    learn(model, (images - 0.45) / 0.225, truths, steps=steps, lr=lr)

    metric = CocoBoxAP(data.classes)
    found = decoded(model, (images - 0.45) / 0.225)
    metric.update([sample.id for sample in samples], found, truths)
    figures = {figure.name: figure.value for figure in metric.compute()}
    assert figures["AP50"] >= 0.95
