"""From a publisher's files to figures, and every convention broken once: each must change a figure.

The model sees: it finds red and blue blocks, labels their pixels, or knows an image by its pixels, as
Pillow prepares them. So the figures hang on how the files are read, and on nothing that was trained.
"""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cvbench.data.datasets import coco_detection, folder, masks, open_dataset, voc
from cvbench.data.images import geometry
from cvbench.runner.evaluation import evaluate
from cvbench.runner.inference import Inference
from cvbench.spec.catalogue import METRICS
from cvbench.spec.catalogue.label_spaces import VOC_CLASSES
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, Runtime
from cvbench.values import ClassScores, Detections, LabelMap, Preprocessing
from tests.data.datasets.trees import coco as coco_tree
from tests.data.datasets.trees import imagenet as imagenet_tree
from tests.data.datasets.trees import voc as voc_tree

HEIGHT, WIDTH = 24, 32
RED, BLUE = (230, 20, 20), (20, 20, 230)


class Seer(nn.Module):
    """Says what `see` makes of each prepared image; pixels go from 0 to 1."""

    def __init__(self, see, preprocessing):
        super().__init__()
        self.see, self.preprocessing = see, preprocessing

    def forward(self, images):
        return images

    def loss(self, outputs, truths):
        raise NotImplementedError

    def decode(self, outputs):
        return [self.see(image) for image in outputs]


@pytest.fixture(autouse=True)
def _hardly_any_interval(monkeypatch):
    """Intervals are not what is looked at, and a thousand resamples of 80 classes take their time."""
    monkeypatch.setattr("cvbench.metrics.coco.metric.resamples", lambda matches: 2)


def figures(name, root, task, see, metrics, *, split, preprocessing=None, **options):
    """Every figure of a data set, scored as a cell is."""
    spec = DataSpec(name=name, root=str(root), split=split, options={"subset": True, **options})
    data = open_dataset(spec, task=task)
    model = Seer(see, preprocessing or Preprocessing(size=(HEIGHT, WIDTH)))
    runtime = Runtime(device="cpu", batch=3)
    found = evaluate(
        Inference.of(model, runtime, torch.device("cpu")),
        data,
        [METRICS.load(metric)(data.classes) for metric in metrics],
        cell=Cell(model=ModelSpec(name="a:b", task=task), data=spec, runtime=runtime),
        on_step=lambda progress: None,
    )
    return {(one.name, one.protocol): one.value for one in found.measurements}


def blocks(*parts) -> bytes:
    """A JPEG of coloured blocks (colour, left, top, right, bottom) on grey."""
    pixels = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for color, left, top, right, bottom in parts:
        pixels[top:bottom, left:right] = color
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=98, subsampling=0)
    return content.getvalue()


def colors(image):
    """Where an image is red, and where it is blue."""
    return image[0] - image[2] > 0.4, image[2] - image[0] > 0.4


def finder(red: int, blue: int):
    """Finds one box of each colour, around its pixels."""

    def see(image):
        boxes, labels = [], []
        for label, where in zip((red, blue), colors(image), strict=True):
            rows, columns = where.any(1).nonzero(), where.any(0).nonzero()
            if len(rows):
                boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
                labels.append(label)
        found = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
        return Detections(found, torch.tensor(labels, dtype=torch.int64), torch.ones(len(labels)))

    return see


# --- VOC: a dog in red, a person in blue, and a difficult one that nothing shows


@pytest.fixture
def voc_root(tmp_path):
    objects = {
        "000001": [("dog", 0, 0, 3, 4, 14, 12), ("person", 0, 0, 17, 5, 28, 20)],
        "000002": [("dog", 0, 0, 9, 2, 20, 18), ("dog", 0, 1, 25, 20, 32, 24)],
    }
    voc_tree.write(tmp_path, objects=objects)
    folder = tmp_path / "VOCdevkit/VOC2007"
    (folder / "JPEGImages/000001.jpg").write_bytes(blocks((RED, 2, 3, 14, 12), (BLUE, 16, 4, 28, 20)))
    (folder / "JPEGImages/000002.jpg").write_bytes(blocks((RED, 8, 1, 20, 18)))
    for name, box in (("000001", (2, 3, 14, 12)), ("000002", (8, 1, 20, 18))):
        left, top, right, bottom = box
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        labels[max(top - 1, 0) : bottom + 1, left - 1 : right + 1] = 255
        labels[top:bottom, left:right] = VOC_CLASSES.index("dog") + 1
        if name == "000001":
            labels[4:20, 16:28] = VOC_CLASSES.index("person") + 1
        (folder / f"SegmentationClass/{name}.png").write_bytes(voc_tree.palette_png(labels))
    return tmp_path


SEEN = finder(VOC_CLASSES.index("dog"), VOC_CLASSES.index("person"))


def voc_figures(root):
    return figures("voc", root, "detection", SEEN, ["coco", "voc2007", "voc2012"], split="test")


def backwards(decode):
    return lambda *arguments: decode(*arguments).flip(0)


def not_difficult(sample_of):
    def sample(self, index):
        truth = sample_of(self, index)
        return replace(truth, difficult=None)

    return sample


VOC_MUTANTS = {
    "BGR for RGB": lambda patch: patch.setattr(voc, "decode_image", backwards(voc.decode_image)),
    "pixels taken to count from 0": lambda patch: patch.setattr(voc, "HALF_OPEN", np.zeros(4)),
    "all four corners moved": lambda patch: patch.setattr(voc, "HALF_OPEN", np.ones(4)),
    "the last pixel left out": lambda patch: patch.setattr(voc, "HALF_OPEN", np.array([1, 1, 1, 1.0])),
    "difficult objects counted": lambda patch: patch.setattr(
        voc.Voc, "_detections", not_difficult(voc.Voc._detections)
    ),
    "classes in another order": lambda patch: patch.setattr(voc, "VOC_CLASSES", VOC_CLASSES[::-1]),
}


def test_whoever_sees_voc_scores_1(voc_root):
    found = voc_figures(voc_root)

    assert found["mAP", METRICS["voc2007"].protocol] == 1.0
    assert found["mAP", METRICS["voc2012"].protocol] == 1.0


@pytest.mark.full
@pytest.mark.parametrize("mutant", VOC_MUTANTS)
def test_a_convention_of_voc_that_is_broken_changes_a_figure(voc_root, monkeypatch, mutant):
    right = voc_figures(voc_root)
    VOC_MUTANTS[mutant](monkeypatch)

    assert voc_figures(voc_root) != right


def painter(image):
    red, blue = colors(image)
    labels = torch.zeros(image.shape[1:], dtype=torch.uint8)
    labels[red], labels[blue] = VOC_CLASSES.index("dog") + 1, VOC_CLASSES.index("person") + 1
    return LabelMap(labels)


def map_figures(root):
    return figures("voc", root, "segmentation", painter, ["miou"], split="test")


def border_as(label):
    def read(content, name):
        labels = decode(content, name)
        labels[labels == 255] = label
        return labels

    decode = masks.decode_labels
    return read


MAP_MUTANTS = {
    "255 counted as the background": lambda patch: patch.setattr(masks, "decode_labels", border_as(0)),
    "255 counted as a class": lambda patch: patch.setattr(masks, "decode_labels", border_as(12)),
    "BGR for RGB": lambda patch: patch.setattr(voc, "decode_image", backwards(voc.decode_image)),
}


@pytest.mark.parametrize("mutant", MAP_MUTANTS)
def test_a_convention_of_label_maps_that_is_broken_changes_a_figure(voc_root, monkeypatch, mutant):
    # the border is painted half, as by whoever is off by a pixel, so either way to count it costs
    file = voc_root / "VOCdevkit/VOC2007/JPEGImages/000002.jpg"
    file.write_bytes(blocks((RED, 7, 0, 21, 18)))
    right = map_figures(voc_root)
    MAP_MUTANTS[mutant](monkeypatch)

    assert right["mIoU", METRICS["miou"].protocol] == 1.0
    assert map_figures(voc_root) != right


# --- COCO: a dog (id 18) in red, a person in blue, a crowd that nothing shows, an image without objects


@pytest.fixture
def coco_root(tmp_path):
    annotations = (
        (139, 18, (2.0, 3.0, 12.0, 9.0), 0, [[2.0, 3.0, 14.0, 3.0, 14.0, 12.0, 2.0, 12.0]]),
        (139, 1, (16.0, 4.0, 12.0, 16.0), 0, [[16.0, 4.0, 28.0, 4.0, 28.0, 20.0, 16.0, 20.0]]),
        (632, 18, (8.0, 1.0, 12.0, 17.0), 0, [[8.0, 1.0, 20.0, 1.0, 20.0, 18.0, 8.0, 18.0]]),
        (632, 1, (0.0, 12.0, 32.0, 12.0), 1, coco_tree.CROWD),
    )
    coco_tree.write(tmp_path, annotations=coco_tree.document(annotations=annotations)["annotations"])
    for number, content in {
        139: blocks((RED, 2, 3, 14, 12), (BLUE, 16, 4, 28, 20)),
        285: blocks((RED, 4, 4, 20, 20)),  # a dog that the annotators deny: one false alarm
        632: blocks((RED, 8, 1, 20, 18), (BLUE, 22, 14, 30, 22)),  # someone in the crowd
        724: blocks(),
    }.items():
        (tmp_path / f"val2017/{number:012d}.jpg").write_bytes(content)
    return tmp_path


def coco_figures(root):
    return figures("coco", root, "detection", finder(16, 0), ["coco"], split="val")


def changed_index(**changes):
    read = coco_detection.read_index

    def index(path):
        there = read(path)
        return there._replace(**{name: change(there) for name, change in changes.items()})

    return index


def only_annotated(read):
    def index(path):
        there = read(path)
        kept = np.flatnonzero(np.diff(there.starts) > 0)
        return there._replace(
            image_id=there.image_id[kept],
            image_text=type(there.image_text).of(there.image_text[i] for i in kept.tolist()),
            height=there.height[kept],
            width=there.width[kept],
            file_name=type(there.file_name).of(there.file_name[i] for i in kept.tolist()),
            starts=np.append(there.starts[kept], there.starts[-1]),
        )

    return index


def mutated(**changes):
    return lambda patch: patch.setattr(coco_detection, "read_index", changed_index(**changes))


COCO_MUTANTS = {
    "BGR for RGB": lambda patch: patch.setattr(
        coco_detection, "decode_image", backwards(coco_detection.decode_image)
    ),
    "91 for 80 classes": mutated(label=lambda there: there.category_id[there.label] - 1),
    "categories in the order of the file": mutated(label=lambda there: 79 - there.label),
    "widths taken for corners": mutated(
        xywh=lambda there: np.concatenate([there.xywh[:, :2], there.xywh[:, 2:] - there.xywh[:, :2]], 1)
    ),
    "boxes off by one": mutated(xywh=lambda there: there.xywh + np.array([1.0, 1.0, 0.0, 0.0])),
    "the last pixel counted": mutated(xywh=lambda there: there.xywh + np.array([0.0, 0.0, 1.0, 1.0])),
    "crowds counted": mutated(crowd=lambda there: np.zeros_like(there.crowd)),
    "images without objects left out": lambda patch: patch.setattr(
        coco_detection, "read_index", only_annotated(coco_detection.read_index)
    ),
    "areas of boxes for areas of masks": mutated(area=lambda there: there.area * 1000),
}


def test_whoever_sees_coco_scores_what_pycocotools_says(coco_root):
    """Of three dogs that were found, all with one score, the one that comes second is false.

    In the order of the images: hit, false, hit: at the recalls to 0.5 the precision is 1, above 2/3; so
    the AP of dogs is (51 + 50 * 2/3) / 101, and people's is 1.
    """
    found = coco_figures(coco_root)
    dogs = (51 + 50 * 2 / 3) / 101

    assert found["AP50", METRICS["coco"].protocol] == pytest.approx((dogs + 1) / 2, abs=1e-12)
    assert found["AP", METRICS["coco"].protocol] == pytest.approx((dogs + 1) / 2, abs=1e-12)


@pytest.mark.full
@pytest.mark.parametrize("mutant", COCO_MUTANTS)
def test_a_convention_of_coco_that_is_broken_changes_a_figure(coco_root, monkeypatch, mutant):
    right = coco_figures(coco_root)
    COCO_MUTANTS[mutant](monkeypatch)

    assert coco_figures(coco_root) != right


def masker(image):
    """As the finder, with the coloured pixels as masks."""
    boxes = finder(16, 0)(image)
    red, blue = colors(image)
    masks = [red if label == 16 else blue for label in boxes.labels.tolist()]
    stacked = torch.stack(masks) if masks else torch.zeros(0, *image.shape[1:], dtype=torch.bool)
    return replace(boxes, masks=stacked)


def mask_figures(root):
    return figures("coco", root, "detection", masker, ["coco-segm"], split="val", masks=True)


def test_masks_are_scored_from_files_to_figures(coco_root, monkeypatch):
    right = mask_figures(coco_root)
    monkeypatch.setattr(coco_detection.Instances, "_mask", lambda self, at, size: moved(mask(self, at, size)))

    assert right["AP50", METRICS["coco-segm"].protocol] > 0.9
    assert mask_figures(coco_root) != right


mask = coco_detection.Instances._mask


def moved(plane):
    return plane.roll((2, 2), (0, 1))


# --- ImageNet: an image is known by its pixels, resized and cut as Pillow does it


PREPARED = Preprocessing(size=(20, 20), resize="crop", shorter=22)


def known(root):
    """Knows an image that comes within two grey levels of Pillow's; takes every other for class 1."""
    files = sorted((root / "val").glob("*.JPEG"))
    templates = torch.stack([_by_pillow(file) for file in files])

    def see(image):
        distance = (templates - 255 * image).abs().amax((1, 2, 3))
        best = int(distance.argmin())
        return ClassScores.of(imagenet_tree.LABELS[best] if distance[best] <= 2 else 1, 1000)

    return see


def _by_pillow(file):
    picture = Image.open(file).convert("RGB").resize((29, 22), Image.Resampling.BILINEAR)
    left, top = round((29 - 20) / 2), round((22 - 20) / 2)
    cut = np.asarray(picture.crop((left, top, left + 20, top + 20)))
    return torch.from_numpy(cut.copy()).permute(2, 0, 1).float()


@pytest.fixture
def imagenet_root(tmp_path):
    """Fine stripes, which differ most with and without antialiasing, on the devkit's flat folder."""
    imagenet_tree.devkit(imagenet_tree.flat(tmp_path))
    draw = np.random.default_rng(0)
    for file in sorted((tmp_path / "val").iterdir()):
        noise = draw.integers(0, 256, (60, 80, 3), np.uint8)
        noise[..., 2] //= 2
        Image.fromarray(noise).save(file, "JPEG", quality=95)
    return tmp_path


def imagenet_figures(root):
    see = known(root)
    return figures("imagenet", root, "classification", see, ["topk"], split="val", preprocessing=PREPARED)


def without_antialias(patch):
    resize = geometry.F.interpolate
    patch.setattr(geometry.F, "interpolate", lambda *a, **k: resize(*a, **{**k, "antialias": False}))


IMAGENET_MUTANTS = {
    "BGR for RGB": lambda patch: patch.setattr(folder, "decode_image", backwards(folder.decode_image)),
    "ILSVRC ids taken for sorted places": lambda patch: patch.setattr(
        "cvbench.data.datasets.imagenet.labels_by_ilsvrc", lambda: tuple(range(1000))
    ),
    "labels counted from 1": lambda patch: patch.setattr(
        "cvbench.data.datasets.imagenet.read_truth",
        lambda root, numbers: [label + 1 for label in imagenet_tree.LABELS],
    ),
    "files in another order than the list": lambda patch: patch.setattr(
        "cvbench.data.datasets.imagenet.read_truth", lambda root, numbers: list(imagenet_tree.LABELS[::-1])
    ),
    "no antialiasing": without_antialias,
}


def test_whoever_knows_imagenet_scores_1(imagenet_root):
    assert imagenet_figures(imagenet_root)["top1", METRICS["topk"].protocol] == 1.0


@pytest.mark.full
@pytest.mark.parametrize("mutant", IMAGENET_MUTANTS)
def test_a_convention_of_imagenet_that_is_broken_changes_a_figure(imagenet_root, monkeypatch, mutant):
    right = imagenet_figures(imagenet_root)
    IMAGENET_MUTANTS[mutant](monkeypatch)

    assert imagenet_figures(imagenet_root) != right
