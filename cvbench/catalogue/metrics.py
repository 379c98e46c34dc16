"""The metrics."""

from __future__ import annotations

from cvbench.catalogue.cards import Catalogue, MetricCard

_COCO = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")

METRICS: Catalogue[MetricCard] = Catalogue(
    "metric",
    MetricCard(
        name="topk",
        address="cvbench.metrics.classification:TopK",
        summary="share of images whose class is the highest score, or among the five highest",
        task="classification",
        protocol="topk/ties-against",
        figures=("top1", "top5"),
        default=True,
    ),
    MetricCard(
        name="coco",
        address="cvbench.metrics.coco:CocoBoxAP",
        summary="the twelve COCO figures on boxes",
        task="detection",
        protocol="coco-2017/bbox/101pt/maxdet100",
        figures=_COCO,
        default=True,
    ),
    MetricCard(
        name="coco-segm",
        address="cvbench.metrics.coco:CocoMaskAP",
        summary="the twelve COCO figures on masks",
        task="detection",
        protocol="coco-2017/segm/101pt/maxdet100",
        figures=_COCO,
    ),
    MetricCard(
        name="miou",
        address="cvbench.metrics.segmentation:MeanIoU",
        summary="mean intersection over union of the classes, and pixel accuracy",
        task="segmentation",
        protocol="miou/one-confusion-matrix/ignore255",
        figures=("mIoU", "pixel_accuracy"),
        default=True,
    ),
)
