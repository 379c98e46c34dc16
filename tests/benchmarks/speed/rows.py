"""The rows of the speed table: work, data and contenders."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torchvision

from cvbench.boxes import iou, nms
from cvbench.boxes import match_coco as match_pairs
from cvbench.metrics.coco.evaluation import evaluate_coco, match_coco
from cvbench.metrics.coco.summary import resampled_figures, values
from cvbench.metrics.files.coco import read_coco
from cvbench.metrics.segmentation import MeanIoU
from cvbench.spec.catalogue import MODELS
from cvbench.statistics.bootstrap import bayesian_weights
from cvbench.values import LabelMap
from tests.benchmarks.speed import nets, pages
from tests.benchmarks.speed.box_sets import clustered, scattered
from tests.benchmarks.speed.comparing import comparing
from tests.benchmarks.speed.loading import decoding, loading, opening
from tests.benchmarks.speed.masks import with_masks
from tests.benchmarks.speed.pairs import paired
from tests.benchmarks.speed.peers import PROGRAMS, Absent, files_of, from_files, from_memory
from tests.benchmarks.speed.scenes import boxes_at_size

Contenders = Mapping[str, Callable[[], Any] | Absent]
"""Name → a call that does all the work and returns its result. Ours is `cvbench`."""


class Row(NamedTuple):
    work: str
    asked: str
    """The goal."""
    contenders: Callable[[], Contenders]
    """Makes the contenders when needed, because the data of all rows together can exceed memory."""
    rounds: int = 9
    once: tuple[str, ...] = ()
    """Contenders that take a minute and run only once."""
    atol: float = 0.0
    """Absolute tolerance of results, in addition to a relative one of 1e-6."""
    again: Callable[[], Contenders] | None = None
    """The same contenders built in another order, for the same number of additional rounds."""


def _boxes() -> Contenders:
    scene = boxes_at_size()
    files = files_of("boxes", scene)

    def ours() -> list[float | None]:
        found = evaluate_coco(scene.truth, scene.detections, classes=scene.classes)
        return list(values(found).values())

    return {"cvbench": ours} | {name: from_memory(name, files, "bbox") for name in PROGRAMS}


def _boxes_from_files() -> Contenders:
    files = files_of("boxes", boxes_at_size())

    def ours() -> list[float | None]:
        read = read_coco(files.results, files.truth, masks=False)
        found = evaluate_coco(read.truth, read.detections, classes=len(read.classes))
        return list(values(found).values())

    return {"cvbench": ours} | {name: from_files(name, files, "bbox") for name in PROGRAMS}


def _masks() -> Contenders:
    scene = boxes_at_size(found=36)
    masks = with_masks(scene)
    files = files_of("masks", scene, masks)

    def ours() -> list[float | None]:
        return list(values(evaluate_coco(*masks.arrays(), classes=scene.classes)).values())

    return {"cvbench": ours} | {name: from_memory(name, files, "segm") for name in PROGRAMS}


def _pairwise_iou() -> Contenders:
    a, b = scattered(5000, 0)[0], scattered(5000, 1)[0]
    return {"cvbench": lambda: iou(a, b), "torchvision": lambda: torchvision.ops.box_iou(a, b)}


def _nms(spread: Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]) -> Callable[[], Contenders]:
    def contenders() -> Contenders:
        boxes, scores = spread(5000, 0)
        return {
            "cvbench": lambda: nms(boxes, scores, 0.5),
            "torchvision": lambda: torchvision.ops.nms(boxes, scores, 0.5),
        }

    return contenders


def _batched_nms(spread: Callable[[int, int], tuple[torch.Tensor, torch.Tensor]]) -> Callable[[], Contenders]:
    def contenders() -> Contenders:
        boxes, scores = spread(20_000, 0)
        labels = torch.randint(80, (20_000,), generator=torch.Generator().manual_seed(0))
        return {
            "cvbench": lambda: nms(boxes, scores, 0.5, groups=labels),
            "torchvision": lambda: torchvision.ops.batched_nms(boxes, scores, labels, 0.5),
        }

    return contenders


def _on_gpu(contenders: Callable[[], Contenders], *peers: str) -> Callable[[], Contenders]:
    """The contenders, synchronized with the CUDA device; without one, all with the reason."""

    def waiting(call: Callable[[], Any]) -> Any:
        result = call()
        torch.cuda.synchronize()
        return result

    def there() -> Contenders:
        if not torch.cuda.is_available():
            return dict.fromkeys(("cvbench", *peers), Absent("no CUDA device here"))
        return {
            name: call if isinstance(call, Absent) else partial(waiting, call)
            for name, call in contenders().items()
        }

    return there


def _gpu_nms() -> Contenders:
    boxes, scores = (tensor.cuda() for tensor in clustered(128_000, 0))
    images = torch.arange(128_000, device="cuda") % 64
    of_images = [(images == image).nonzero()[:, 0] for image in range(64)]

    def one_by_one() -> Any:
        labels = torch.zeros(2000, dtype=torch.int64, device="cuda")
        kept = [
            those[torchvision.ops.batched_nms(boxes[those], scores[those], labels, 0.7)]
            for those in of_images
        ]
        return torch.cat(kept).sort().values.cpu()

    def ours() -> Any:
        return nms(boxes, scores, 0.7, groups=images).sort().values.cpu()

    return {"cvbench": ours, "torchvision, image by image": one_by_one}


def _gpu_iou() -> Contenders:
    a, b = (scattered(5000, seed)[0].cuda() for seed in (0, 1))
    return {
        "cvbench": lambda: iou(a, b).sum().item(),
        "torchvision": lambda: torchvision.ops.box_iou(a, b).sum().item(),
    }


def _gpu_matching() -> Contenders:
    draw = torch.Generator().manual_seed(0)
    overlaps = torch.rand(1000, 100, 16, generator=draw).square().double()
    crowd = torch.rand(1000, 16, generator=draw) < 0.02
    aside = crowd[:, None] | (torch.rand(1000, 4, 16, generator=draw) < 0.3)
    thresholds = torch.linspace(0.5, 0.95, 10, dtype=torch.float64)
    outside = torch.zeros(1000, 4, 100, dtype=torch.bool)

    def on(device: str) -> Callable[[], Any]:
        o, t, c, i, out = (side.to(device) for side in (overlaps, thresholds, crowd, aside, outside))
        return lambda: match_pairs(o, thresholds=t, crowd=c, ignored=i, outside=out).truth.sum().item()

    return {"cvbench": on("cuda"), "cvbench on the CPU": on("cpu")}


def _bootstrap() -> Contenders:
    scene = boxes_at_size()
    matches = match_coco(scene.truth, scene.detections, classes=scene.classes)

    def ours() -> float:
        return float(resampled_figures(matches, bayesian_weights(len(matches.numbers), 1000))["AP"].std())

    return {"cvbench": ours}


def label_maps() -> tuple[np.ndarray, np.ndarray]:
    """500 true and predicted label maps of 512 x 512, in patches of 16 pixels, similar to objects."""
    draw = np.random.default_rng(0)
    true = draw.integers(0, 21, (500, 32, 32), np.uint8)
    found = np.where(draw.random(true.shape) < 0.8, true, draw.integers(0, 21, true.shape, np.uint8))
    return true.repeat(16, 1).repeat(16, 2), np.roll(found.repeat(16, 1).repeat(16, 2), 3, 2)


def _miou() -> Contenders:
    true, found = label_maps()
    truths, maps = ([LabelMap(torch.from_numpy(m)) for m in side] for side in (true, found))

    def ours() -> float | None:
        metric = MeanIoU([str(k) for k in range(21)])
        for first in range(0, 500, 10):
            batch = slice(first, first + 10)
            metric.update([str(i) for i in range(first, first + 10)], maps[batch], truths[batch])
        return metric.compute()[0].value

    def bincount() -> float:
        table = np.zeros(21 * 21, np.int64)
        for t, p in zip(true, found, strict=True):
            table += np.bincount(21 * t.ravel().astype(np.int64) + p.ravel(), minlength=21 * 21)
        table = table.reshape(21, 21)
        hits = table.diagonal()
        return float((hits / (table.sum(0) + table.sum(1) - hits)).mean())

    return {"cvbench": ours, "NumPy bincount": bincount, "torchmetrics": _torchmetrics(true, found)}


def _torchmetrics(true: np.ndarray, found: np.ndarray) -> Callable[[], float] | Absent:
    try:
        from torchmetrics.classification import MulticlassJaccardIndex
    except ImportError as error:
        return Absent(f"not installed here ({error})")

    def peer() -> float:
        metric = MulticlassJaccardIndex(21, validate_args=False)
        for first in range(0, 500, 10):
            batch = slice(first, first + 10)
            metric.update(torch.from_numpy(found[batch]).long(), torch.from_numpy(true[batch]).long())
        return float(metric.compute())

    return peer


_AS_FAST = "0.98 x"


_HEAVY = 5e9
"""Multiply-accumulates beyond which a model runs only twelve rounds."""


def _net(work: str, name: str, build: Callable[..., Contenders]) -> Row:
    text = f"{name}, {work}, one image of 224 x 224, fp32, channels last, eager"
    rounds = 6 if (MODELS[name].macs or 0) > _HEAVY else 13
    again = partial(build, name, ours_last=True)
    return Row(text, _AS_FAST, partial(build, name), rounds=rounds, atol=1e-4, again=again)


def _nets() -> dict[str, Row]:
    return {
        f"{name}-{work}": _net(words, name, build)
        for name in nets.NETS
        for work, words, build in (
            ("inference", "forward pass", nets.inference),
            ("training", "training step", nets.training),
        )
    }


def _detection(words: str, **options: Any) -> Row:
    text = f"faster_rcnn_resnet50_fpn, whole call, one image of 480 x 640, fp32, {words}"
    return Row(text, "1 x", partial(nets.detection, **options), rounds=9, atol=2e-3)


_SLOW = ("pycocotools", "faster-coco-eval")
"""Run once: they take ten seconds per round."""

ROWS = {
    "coco-bbox": Row(
        "COCO bbox, 5,000 images x 100 detections, 80 classes, 37,000 objects: from arrays to the 12 "
        "metrics; peers start from datasets that are read and indexed",
        "faster than the fastest; aim 2 x",
        _boxes,
        once=_SLOW,
    ),
    "coco-bbox-files": Row(
        "the same from the two JSON files, reading included",
        "within 1.5 x of the fastest; aim first",
        _boxes_from_files,
        rounds=9,
        once=_SLOW,
    ),
    "coco-segm": Row(
        "COCO segm, 5,000 images x 36 detections, 80 classes, 37,000 objects: from compressed masks to "
        "the 12 metrics",
        "faster than faster-coco-eval; aim first",
        _masks,
        rounds=9,
        once=_SLOW,
    ),
    "iou": Row("pairwise IoU, 5,000 x 5,000", "10 x", _pairwise_iou, rounds=15),
    "nms": Row("NMS, 5,000 boxes spread evenly, one class", "5 x", _nms(scattered), rounds=31),
    "nms-clustered": Row("NMS, 5,000 boxes around 100 objects, one class", "5 x", _nms(clustered), rounds=31),
    "nms-80": Row("NMS, 20,000 boxes spread evenly, 80 classes", "3 x", _batched_nms(scattered), rounds=31),
    "nms-80-clustered": Row(
        "NMS, 20,000 boxes around 400 objects, 80 classes", "3 x", _batched_nms(clustered), rounds=31
    ),
    "gpu-nms": Row(
        "on CUDA: NMS of 64 images x 2,000 boxes around objects",
        "2 x",
        _on_gpu(_gpu_nms, "torchvision, image by image"),
        rounds=15,
    ),
    "gpu-iou": Row(
        "on CUDA: pairwise IoU, 5,000 x 5,000", "2 x", _on_gpu(_gpu_iou, "torchvision"), rounds=31
    ),
    "gpu-matching": Row(
        "on CUDA: the COCO rule for 1,000 pairs of image and class, 100 detections x 16 objects, forty "
        "settings, overlaps given",
        "2 x",
        _on_gpu(_gpu_matching, "cvbench on the CPU"),
        rounds=15,
    ),
    "bootstrap": Row(
        "bootstrap of the COCO bbox metrics at that size, 1,000 resamples",
        "at most 30 s",
        _bootstrap,
        rounds=1,
        once=("cvbench",),
    ),
    "bootstrap-paired": Row(
        "the same of two models, in pairs, 2,000 resamples: from outcomes as they are kept to the interval "
        "of the difference, matching included",
        "at most 60 s on 2 cores",
        paired,
        rounds=1,
        once=("cvbench",),
    ),
    "compare": Row(
        "`cvbench compare` of two runs of 1,000 cells, each with 20 metrics and 200 raw samples: a whole "
        "process, from the files to the table",
        "at most 2 s",
        comparing,
        rounds=5,
    ),
    "page": Row(
        "a report of 50 cells in Chromium: from opening the file to a table that has been sorted",
        "at most 1.5 s",
        pages.opening,
        rounds=9,
    ),
    "miou": Row("mean IoU, 500 maps of 512 x 512, 21 classes", "2 x the faster", _miou, rounds=5),
    "decoding": Row(
        "decoding 64 JPEGs of 500 x 375 pixels and 40 kB from memory, to bytes in RGB; all to the same bit",
        "as fast as the fastest that is tried",
        decoding,
        rounds=15,
    ),
    "opening": Row(
        "opening annotations of val2017's size: 5,000 images, 37,000 objects with polygons, 20 MB of JSON",
        "1.5 s; 0.2 s from the cache",
        opening,
        rounds=7,
    ),
    "loading": Row(
        "loader only, 128 JPEGs of 500 x 375 pixels: decoded, resized to 256, cut to 224, normalized, in "
        "batches of 16, in the process itself; peers are the validation pipelines of torchvision and timm",
        "at least as fast",
        loading(0),
        rounds=7,
        atol=1e-4,
    ),
    "loading-2": Row(
        "the same from two worker processes that run already",
        "at least as fast",
        loading(2),
        rounds=7,
        atol=1e-4,
    ),
    "faster-rcnn": _detection("channels last, eager"),
    "faster-rcnn-contiguous": _detection("contiguous, eager", layout=torch.contiguous_format),
    "faster-rcnn-compiled": _detection("channels last, torch.compile (ours in one graph)", compiled=True),
    **_nets(),
}
