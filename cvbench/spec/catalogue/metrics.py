"""The metrics: one table of names for `metrics:` in suites and for `--protocol` on the command line."""

from __future__ import annotations

from cvbench.errors import UnknownName, suggestion
from cvbench.spec.catalogue.cards import Catalogue, MetricCard

_COCO = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")

METRICS: Catalogue[MetricCard] = Catalogue(
    "metric",
    MetricCard(
        name="topk",
        address="cvbench.metrics.classification:TopK",
        summary="share of images whose class is the highest score, or among the five highest",
        task="classification",
        protocol="topk/ties-against",
        compares="classes",
        figures=("top1", "top5"),
        default=True,
    ),
    MetricCard(
        name="calibration",
        address="cvbench.metrics.calibration:Calibration",
        summary="expected calibration error in 15 bins, and negative log likelihood; needs probabilities",
        task="classification",
        protocol="calibration/ece15/nll",
        compares="classes",
        figures=("ECE", "NLL"),
    ),
    MetricCard(
        name="coco-bbox",
        aliases=("coco",),
        key_name="coco",
        address="cvbench.metrics.coco.metric:CocoBoxAP",
        summary="the twelve COCO figures on boxes",
        task="detection",
        protocol="coco-2017/bbox/101pt/maxdet100",
        compares="boxes",
        figures=_COCO,
        default=True,
    ),
    MetricCard(
        name="coco-segm",
        address="cvbench.metrics.coco.metric:CocoMaskAP",
        summary="the twelve COCO figures on masks",
        task="detection",
        protocol="coco-2017/segm/101pt/maxdet100",
        compares="masks",
        figures=_COCO,
    ),
    MetricCard(
        name="voc2007",
        address="cvbench.metrics.voc.metric:Voc2007",
        summary="mean average precision at eleven recalls, as the devkit of 2007 counts",
        task="detection",
        protocol="voc2007/11pt/iou>=0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="voc2012",
        address="cvbench.metrics.voc.metric:Voc2012",
        summary="mean average precision under the whole curve, as the devkits from 2010 on count",
        task="detection",
        protocol="voc2012/area/iou>=0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="voc2007-python",
        address="cvbench.metrics.voc.metric:Voc2007Python",
        summary="voc2007 as its Python port counts: overlap above a half, not from a half on",
        task="detection",
        protocol="voc2007-python/11pt/iou>0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="voc2012-python",
        address="cvbench.metrics.voc.metric:Voc2012Python",
        summary="voc2012 as its Python port counts: overlap above a half, not from a half on",
        task="detection",
        protocol="voc2012-python/area/iou>0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="miou",
        address="cvbench.metrics.segmentation:MeanIoU",
        summary="mean intersection over union of the classes, pixel accuracy, and mean Dice",
        task="segmentation",
        protocol="miou/one-confusion-matrix/ignore255",
        compares="pixels",
        figures=("mIoU", "pixel_accuracy", "Dice"),
        default=True,
    ),
)


def default_metrics(task: str | None) -> list[MetricCard]:
    """The metrics of models of a task whose suite names none; a task that nobody knows has none."""
    return [card for card in METRICS.values() if card.default and card.task == task]


def find_protocol(name: str) -> MetricCard:
    """The metric that `--protocol` names; raises UnknownName, with the nearest ones."""
    if name not in METRICS:
        near = suggestion(name, METRICS.spellings)
        known = f"There are {', '.join(METRICS)}."
        raise UnknownName(f'there is no protocol "{name}".\n  {"   ".join(filter(None, (near, known)))}')
    return METRICS[name]


def stored_metric(name: str) -> str:
    """The name by which cells store a metric: one for all its spellings; an import path is its own."""
    card = METRICS.get(name)
    return card.stored_name if card else name


def shown_metric(name: str) -> str:
    """The name by which tables show what a cell stores."""
    card = METRICS.get(name)
    return card.name if card else name
