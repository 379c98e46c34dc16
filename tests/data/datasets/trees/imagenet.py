"""ImageNet's validation images, a few of them, in each layout that is in use."""

import io
import tarfile
from pathlib import Path

import numpy as np
from scipy.io import savemat

from cvbench.spec.catalogue.label_spaces import imagenet_classes
from tests.data.datasets.trees.pixels import jpeg, pixels

LABELS = (65, 970, 230, 809, 516, 57, 334, 415, 674, 332)
"""Of the first ten validation images as published: their places among the sorted WordNet ids."""


def name(number: int) -> str:
    return f"ILSVRC2012_val_{number:08d}.JPEG"


def contents(labels=LABELS) -> dict[str, bytes]:
    return {name(k): jpeg(pixels(k)) for k in range(1, len(labels) + 1)}


def in_folders(root: Path, labels=LABELS, split: str = "val") -> Path:
    for (file, content), label in zip(contents(labels).items(), labels, strict=True):
        folder = root / split / imagenet_classes()[label].wnid
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    return root


def flat(root: Path, labels=LABELS) -> Path:
    (root / "val").mkdir(parents=True)
    for file, content in contents(labels).items():
        (root / "val" / file).write_bytes(content)
    return root


def packed(root: Path, labels=LABELS) -> Path:
    """In a tar, in another order than that of the names."""
    pack(root / "ILSVRC2012_img_val.tar", dict(reversed(contents(labels).items())))
    return root


def packed_by_class(root: Path, labels=LABELS) -> Path:
    """The training images: a tar a class within one tar, both in another order than that of the names."""
    classes: dict[str, dict[str, bytes]] = {}
    for (file, content), label in zip(reversed(contents(labels).items()), reversed(labels), strict=True):
        classes.setdefault(f"{imagenet_classes()[label].wnid}.tar", {})[file] = content
    pack(root / "ILSVRC2012_img_train.tar", {name: tar_of(files) for name, files in classes.items()})
    return root


def pack(archive: Path, files: dict[str, bytes]) -> None:
    archive.write_bytes(tar_of(files))


def tar_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file, content in files.items():
            add(tar, file, content)
    return packed.getvalue()


def add(tar: tarfile.TarFile, file: str, content: bytes) -> None:
    member = tarfile.TarInfo(file)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def ground_truth(labels=LABELS) -> str:
    return "".join(f"{imagenet_classes()[label].ilsvrc}\n" for label in labels)


def meta(classes=None) -> bytes:
    """The devkit's table, with the inner nodes of the tree that stand behind the classes."""
    classes = classes or imagenet_classes()
    rows = sorted((one.ilsvrc, one.wnid, one.name, 0) for one in classes)
    rows.append((1001, "n00001740", "entity", 3))
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    content = io.BytesIO()
    savemat(content, {"synsets": np.array(rows, dtype=kinds).reshape(-1, 1)})
    return content.getvalue()


def devkit(root: Path, labels=LABELS, classes=None) -> Path:
    folder = root / "ILSVRC2012_devkit_t12" / "data"
    folder.mkdir(parents=True)
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text(ground_truth(labels))
    (folder / "meta.mat").write_bytes(meta(classes))
    return root


def packed_devkit(root: Path, labels=LABELS) -> Path:
    with tarfile.open(root / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as tar:
        folder = "ILSVRC2012_devkit_t12/data"
        add(tar, f"{folder}/ILSVRC2012_validation_ground_truth.txt", ground_truth(labels).encode())
        add(tar, f"{folder}/meta.mat", meta())
    return root


def caffe_list(root: Path, labels=LABELS) -> Path:
    rows = [f"{name(k)} {label}\n" for k, label in enumerate(labels, 1)]
    (root / "val.txt").write_text("".join(rows))
    return root
