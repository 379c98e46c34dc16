"""The named variant, with checks of its options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cvbench.errors import InputError
from cvbench.models.building import check_share, check_size, check_width, choice, refusal
from cvbench.models.detection import Reporting
from cvbench.models.yolo.grid import anchors_of
from cvbench.models.yolo.yolo9000.hierarchy import Hierarchy, Report, WordTree, read_map, read_tree
from cvbench.models.yolo.yolo_v2.detector import RegionDetector
from cvbench.models.yolo.yolo_v2.nets import PassthroughNet, PlainNet
from cvbench.spec.cell import Option

_NAME: Final = "yolo9000"
# Width and height in pixels: the authors' clusters, which they state in cells of 32 pixels.
_CELLS: Final = ((0.77871, 1.14074), (3.00525, 4.31277), (9.22725, 9.61974))
_PRIORS: Final = tuple((32 * w, 32 * h) for w, h in _CELLS)


def yolo9000(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: int = 544,
    width: float = 1.0,
    tree: Option | None = None,
    map: Option | None = None,  # noqa: A002 - darknet's name for it
    anchors: Option | None = None,
    passthrough: bool = False,
    report: str = "classes",
    path_threshold: float = 0.5,
    score_threshold: float = 0.005,
    nms_threshold: float = 0.45,
    max_detections: int = 100,
) -> RegionDetector:
    """Darknet-19 and one detection layer of three priors, with one output per node of a tree.

    `tree` is a file in the format of darknet's `9k.tree`; without it, all classes are roots. `map` is a
    file with the node of each class, one number per line; without it, the number of classes must equal
    that of the nodes or of the leaves, which are then the classes, in the file's order.
    """
    check_size(_NAME, size, least=32, multiple=32)
    check_width(_NAME, width)
    check_share(_NAME, "path_threshold", path_threshold)
    way: Report = choice(_NAME, "report", report, Report)
    words = WordTree.flat(classes) if tree is None else read_tree(_file("tree", tree))
    nodes = _nodes(words, classes, None if map is None else _file("map", map))
    priors = anchors_of(_NAME, anchors, default=_PRIORS)
    net: PlainNet | PassthroughNet
    if passthrough:
        net = PassthroughNet(priors=len(priors), classes=len(words), width=width, squeeze=64, reorg="darknet")
    else:
        net = PlainNet(priors=len(priors), classes=len(words), width=width)
    return RegionDetector(
        net,
        classes=Hierarchy(words, nodes, report=way, threshold=path_threshold),
        size=size,
        priors=priors,
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(_NAME),
    )


def _file(option: str, given: Option) -> Path:
    if not isinstance(given, str):
        raise refusal(_NAME, option, given, wanted="the name of a file")
    return Path(given)


def _nodes(tree: WordTree, classes: int, file: Path | None) -> Sequence[int]:
    """The node of each class."""
    if file is not None:
        nodes = read_map(file, tree)
        if len(nodes) != classes:
            raise InputError(f"{file}: it maps {len(nodes)} classes, and the dataset has {classes}.")
        return nodes
    if classes == len(tree):
        return range(classes)
    leaves = tree.leaves.nonzero()[:, 0].tolist()
    if classes != len(leaves):
        raise InputError(
            f"{_NAME}: the tree has {len(tree)} nodes, {len(leaves)} of them leaves, and the dataset has"
            f" {classes} classes.\n  Write the node of each class to a file, one number per line: map: FILE"
        )
    return leaves
