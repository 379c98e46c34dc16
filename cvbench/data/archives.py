"""The files that `cvbench data fetch` can fetch, from their publishers, with their MD5 hashes.

ImageNet is not included: its terms require each user to register. The MD5 hashes are the ones that
torchvision checks (Fashion-MNIST, VOC) and that are in common use for COCO. MD5 does not protect against
deliberate collisions, so a fetched copy is only as trustworthy as its server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Archive:
    """One file of a publisher."""

    part: str
    """Its name on the command line."""
    url: str
    md5: str
    usual: bool = True
    """Whether it is fetched by default, without `--part`."""
    packed: Literal["tar", "zip"] | None = None
    """None for a file that is not an archive."""


_FASHION: Final = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
_COCO: Final = "http://images.cocodataset.org"
_VOC: Final = "https://thor.robots.ox.ac.uk/pascal/VOC"

ARCHIVES: Final[Mapping[str, tuple[Archive, ...]]] = {
    "fashion": tuple(
        Archive(name, f"{_FASHION}/{name}-ubyte.gz", md5)
        for name, md5 in {
            "train-images-idx3": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1": "bb300cfdad3c16e7a12a480ee83cd310",
        }.items()
    ),
    "coco": tuple(
        Archive(part, f"{_COCO}/{path}.zip", md5, usual, "zip")
        for part, path, md5, usual in (
            ("val2017", "zips/val2017", "442b8da7639aecaf257c1dceb8ba8c80", True),
            (
                *("annotations2017", "annotations/annotations_trainval2017"),
                *("f4bbac642086de4f52a3fdda2de5fa2c", True),
            ),
            ("train2017", "zips/train2017", "cced6f7f71b7629ddf16f17bbcfab6b2", False),
            ("val2014", "zips/val2014", "a3d79f5ed8d289b7a7554ce06a5782b3", False),
            ("train2014", "zips/train2014", "0da8cfa0e090c266b78f30e2d2874f1a", False),
            (
                *("annotations2014", "annotations/annotations_trainval2014"),
                *("0a379cfc70b0e71301e0f377548639bd", False),
            ),
        )
    ),
    "voc": tuple(
        Archive(part, f"{_VOC}/{path}.tar", md5, usual, "tar")
        for part, path, md5, usual in (
            ("test2007", "voc2007/VOCtest_06-Nov-2007", "b6e924de25625d8de591ea690078ad9f", True),
            ("trainval2007", "voc2007/VOCtrainval_06-Nov-2007", "c52e279531787c972589f7e41ab4ae64", False),
            ("trainval2012", "voc2012/VOCtrainval_11-May-2012", "6cd6e144f989b92b3379bac3b3de84fd", False),
        )
    ),
}
"""Dataset → its files."""
