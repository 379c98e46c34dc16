"""Each YOLO can learn: a narrow one learns a handful of scenes by heart, and finds what is in them.

`test_overfitting` lets one of them learn in every run.
"""

import pytest
import torch

from cvbench.data.datasets.fashion_scenes import fashion_scenes
from cvbench.metrics.coco.metric import CocoBoxAP
from cvbench.models.yolo.yolo9000 import yolo9000
from cvbench.models.yolo.yolo_v1 import yolo_v1, yolo_v1_darknet, yolo_v1_tiny
from cvbench.models.yolo.yolo_v2 import yolo_v2, yolo_v2_original
from cvbench.models.yolo.yolo_v3 import yolo_v3, yolo_v3_tiny
from cvbench.spec.catalogue.yolo import YOLO
from tests.models.learning import decoded, learn

SIZE = 64
SIX = ((26, 10), (11, 26), (26, 15), (17, 25), (27, 22), (23, 29))
NINE = ((9, 9), (14, 9), (9, 14), *SIX)
# Garments are of two kinds: 0 to 9 are Fashion-MNIST's classes in order, as leaves below these.
GARMENTS = "worn -1\ncarried -1\n" + "".join(f"garment{k} {int(k == 8)}\n" for k in range(10))


def with_words(tmp_path):
    (tmp_path / "garments.tree").write_text(GARMENTS)
    return yolo9000(10, size=SIZE, width=0.125, tree=str(tmp_path / "garments.tree"), anchors=SIX[1::2])


BUILDERS = {
    "yolo_v1": (lambda _: yolo_v1(10, size=2 * SIZE, width=0.125, dropout=0.0), 1e-3),
    "yolo_v1_darknet": (lambda _: yolo_v1_darknet(10, size=2 * SIZE, width=0.125, dropout=0.0), 1e-3),
    "yolo_v1_tiny": (lambda _: yolo_v1_tiny(10, size=2 * SIZE, width=0.125), 2e-3),  # its stride is 64
    "yolo_v2": (lambda _: yolo_v2(10, size=SIZE, width=0.125, anchors=SIX[:5]), 5e-3),
    "yolo_v2_original": (lambda _: yolo_v2_original(10, size=SIZE, width=0.125, anchors=SIX[:5]), 5e-3),
    "yolo9000": (with_words, 5e-3),
    "yolo_v3": (lambda _: yolo_v3(10, size=SIZE, width=0.125, anchors=NINE), 3e-3),
    "yolo_v3_tiny": (lambda _: yolo_v3_tiny(10, size=SIZE, width=0.125, anchors=SIX), 5e-3),
}


QUICK = {"yolo_v1_tiny", "yolo_v2", "yolo9000", "yolo_v3_tiny"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.full if name in QUICK else pytest.mark.slow) for name in BUILDERS],
)
def test_it_learns_four_scenes_of_garments_by_heart(name, tmp_path):
    torch.manual_seed(0)
    build, lr = BUILDERS[name]
    model = build(tmp_path)
    size = model.preprocessing.size[0]
    data = fashion_scenes(task="detection", split="train", size=size, train=4, occlusion=0.0)
    samples = [data[index] for index in range(4)]
    images = torch.stack([sample.image for sample in samples]).float() / 255
    truths = [sample.truth for sample in samples]

    learn(model, images, truths, steps=150, lr=lr)

    metric = CocoBoxAP(data.classes)
    metric.update([sample.id for sample in samples], decoded(model, images), truths)
    figures = {figure.name: figure.value for figure in metric.compute()}
    assert figures["AP50"] >= 0.95


def test_no_yolo_is_left_out():
    assert set(BUILDERS) == {card.name for card in YOLO}
