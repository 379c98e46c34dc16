"""The metrics: the names for `metrics:` in suites and for `--protocol` on the command line."""

from __future__ import annotations

from cvbench.errors import UnknownName, suggestion
from cvbench.spec.catalogue.cards import Catalogue, MetricCard

_COCO = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")

METRICS: Catalogue[MetricCard] = Catalogue(
    "metric",
    MetricCard(
        name="topk",
        address="cvbench.metrics.classification:TopK",
        summary="accuracy: fraction of images whose class has the highest score, or one of the five highest",
        task="classification",
        protocol="topk/ties-against",
        compares="classes",
        figures=("top1", "top5"),
        default=True,
    ),
    MetricCard(
        name="calibration",
        address="cvbench.metrics.calibration:Calibration",
        summary="expected calibration error (15 bins) and negative log-likelihood; needs probabilities",
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
        summary="the twelve COCO metrics, on boxes",
        task="detection",
        protocol="coco-2017/bbox/101pt/maxdet100",
        compares="boxes",
        figures=_COCO,
        default=True,
    ),
    MetricCard(
        name="coco-segm",
        address="cvbench.metrics.coco.metric:CocoMaskAP",
        summary="the twelve COCO metrics, on masks",
        task="detection",
        protocol="coco-2017/segm/101pt/maxdet100",
        compares="masks",
        figures=_COCO,
    ),
    MetricCard(
        name="voc2007",
        address="cvbench.metrics.voc.metric:Voc2007",
        summary="mean average precision at eleven recalls, as in the VOC 2007 devkit",
        task="detection",
        protocol="voc2007/11pt/iou>=0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="voc2012",
        address="cvbench.metrics.voc.metric:Voc2012",
        summary="mean average precision: area under the curve, as in the VOC devkits since 2010",
        task="detection",
        protocol="voc2012/area/iou>=0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="voc2007-python",
        address="cvbench.metrics.voc.metric:Voc2007Python",
        summary="voc2007 as in its Python port: IoU > 0.5 instead of >= 0.5",
        task="detection",
        protocol="voc2007-python/11pt/iou>0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="voc2012-python",
        address="cvbench.metrics.voc.metric:Voc2012Python",
        summary="voc2012 as in its Python port: IoU > 0.5 instead of >= 0.5",
        task="detection",
        protocol="voc2012-python/area/iou>0.5/difficult-ignored",
        compares="boxes",
        figures=("mAP",),
    ),
    MetricCard(
        name="miou",
        address="cvbench.metrics.segmentation:MeanIoU",
        summary="mean IoU over classes, pixel accuracy and mean Dice",
        task="segmentation",
        protocol="miou/one-confusion-matrix/ignore255",
        compares="pixels",
        figures=("mIoU", "pixel_accuracy", "Dice"),
        default=True,
    ),
)


def default_metrics(task: str | None) -> list[MetricCard]:
    """The default metrics of a task; none for an unknown task."""
    return [card for card in METRICS.values() if card.default and card.task == task]


def find_protocol(name: str) -> MetricCard:
    """The metric of a `--protocol` name; raises UnknownName with the nearest names."""
    if name not in METRICS:
        near = suggestion(name, METRICS.spellings)
        known = f"The protocols are {', '.join(METRICS)}."
        raise UnknownName(f'there is no protocol "{name}".\n  {"   ".join(filter(None, (near, known)))}')
    return METRICS[name]


def stored_metric(name: str) -> str:
    """The name under which cells store a metric, the same for all aliases; an import path stays as it is."""
    card = METRICS.get(name)
    return card.stored_name if card else name


def shown_metric(name: str) -> str:
    """The display name of a stored metric name."""
    card = METRICS.get(name)
    return card.name if card else name
