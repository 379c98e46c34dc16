"""Which form a dataset's folder or file has, and the `data` of a suite that reads it.

Each function returns a `Recognized`, or nothing where the form does not fit. No image is decoded except label
maps, whose values say how many classes there are.
"""

from __future__ import annotations

import ast
import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cvbench.data.datasets.image_files import SUFFIXES, class_folders, is_data, list_images
from cvbench.data.datasets.open import split_names
from cvbench.errors import InputError
from cvbench.spec.cell import TaskName

SPLITS: Final = ("train", "val", "test")
_RESERVED: Final = {
    *("images", "image", "img", "imgs", "jpegimages", "masks", "mask", "labels", "label", "gt"),
    *(
        "annotations",
        "annotation",
        "segmentationclass",
        "segmentationobject",
        "imagesets",
        "ann_dir",
        "img_dir",
    ),
}
"""Names of folders that hold one part of a dataset, so no classes."""
_IMAGES: Final = ("images", "image", "imgs", "img", "img_dir")
_MASKS: Final = ("masks", "mask", "labels", "annotations", "gt", "ann_dir", "segmentations")
_SCANNED: Final = 200
"""Label maps that are read to count classes."""


@dataclass(frozen=True)
class Recognized:
    """One way to understand a path."""

    kind: str
    """What `--as` takes."""
    title: str
    """What it is, as a noun."""
    why: str
    """What was seen that says so."""
    task: TaskName | None = None
    """None where only the user knows."""
    data: Mapping[str, Any] | None = None
    """The suite's `data`."""
    model: Mapping[str, Any] | None = None
    """An entry of the suite's `models`."""
    metric: str | None = None
    trains: bool = False
    """Whether there are training images apart from the scored ones."""
    comments: tuple[str, ...] = field(default=())
    """What to write above the part of the suite."""


def _first_split(root: Path, template: str) -> dict[str, Path]:
    """Split → its folder or file by a template, in all spellings of `val`."""
    places = {
        split: [root / template.replace("{split}", name) for name in split_names(split)] for split in SPLITS
    }
    found = {split: next((one for one in some if one.exists()), None) for split, some in places.items()}
    return {split: place for split, place in found.items() if place is not None}


def _scored(splits: Mapping[str, object]) -> str:
    return next((one for one in ("val", "test") if one in splits), "train")


def _has_image(folder: Path) -> bool:
    entries = (one for one in folder.iterdir() if is_data(one.name))
    return any(one.name.lower().endswith(SUFFIXES) for one in entries)


def _classes(folder: Path) -> list[str]:
    """The folders with images directly in a folder; none where one has the name of a dataset's part."""
    names = sorted(name for name in class_folders(folder) if _has_image(folder / name))
    return [] if any(name.lower() in _RESERVED for name in names) else names


def class_folders_form(path: Path) -> Recognized | None:
    """Class folders, with or without splits; a folder named as a split is read with its siblings."""
    splits = {name: place for name, place in _first_split(path, "{split}").items() if place.is_dir()}
    if not any(_classes(place) for place in splits.values()):
        own = next((split for split in SPLITS if path.resolve().name in split_names(split)), None)
        if own is not None and _classes(path):
            up = path.resolve().parent if path.parent == path or path.name in ("", "..") else path.parent
            found = class_folders_form(up)
            return found and replace(
                found, data={**(found.data or {}), "split": own}, trains=found.trains and own != "train"
            )
        return _one_folder(path)
    scored = _scored({name: place for name, place in splits.items() if _classes(place)})
    names = _classes(splits[scored])
    return Recognized(
        "class-folders",
        "class folders with splits",
        f"{_listed([f'{place.name}/' for place in splits.values()])}, and {splits[scored].name}/ has "
        f"{_count(len(names), 'folder')} of images: {_listed(names)}",
        task="classification",
        data={"name": "folder", "root": str(path), "split": scored},
        trains="train" in splits and scored != "train",
    )


def _one_folder(path: Path) -> Recognized | None:
    names = _classes(path)
    if len(names) < 2 or all(_templated(name)[1] for name in names):  # train2017/, val2017/
        return None
    return Recognized(
        "class-folders",
        "class folders without splits",
        f"{_count(len(names), 'folder')} of images: {_listed(names)}",
        task="classification",
        data={"name": "folder", "root": str(path), "split": "test", "options": {"images": "."}},
        comments=(
            "There are no splits, so all images are scored and none is for training.",
            "To train: make train/ and val/, with the class folders in each, and run `cvbench init` again.",
        ),
    )


def _is_coco(file: Path) -> bool:
    """Whether a JSON file has the keys of COCO's instances; the file is searched, not parsed."""
    if file.stat().st_size == 0:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(f'"{key}"'.encode()) >= 0 for key in ("images", "annotations", "categories"))


def coco_form(path: Path) -> Recognized | None:
    """The COCO files below a folder; of several groups the one with the most splits."""
    files = [
        file
        for pattern in ("annotations/*.json", "*.json", "*/*.json")
        for file in sorted(path.glob(pattern))
        if is_data(file.name) and file.is_file() and _is_coco(file)
    ]
    groups: dict[str, list[str]] = {}
    for file in dict.fromkeys(files):
        template, split = _templated(str(file.relative_to(path)))
        groups.setdefault(template, []).append(split or "test")
    best = max(groups, key=lambda one: len(groups[one]), default=None)
    return None if best is None else _coco_of(path, best)


def coco_file_form(file: Path) -> Recognized | None:
    """One COCO file, which is scored; its images are looked for in the folders next to it."""
    if not _is_coco(file):
        return None
    root = file.parent.parent if file.parent.name == "annotations" else file.parent
    template, split = _templated(str(file.relative_to(root)))
    own = _split_of(split) if split else "test"
    found = _coco_of(root, template)
    return replace(
        found,
        data={**(found.data or {}), "split": own},
        trains=found.trains and own != "train",
    )


def _split_of(name: str) -> str:
    """The split that a folder's name stands for: `valid` is `val`."""
    return next(split for split in SPLITS if name in split_names(split))


def _templated(text: str) -> tuple[str, str | None]:
    """A path with `{split}` for the split's name in it, and that name."""
    found = re.search(r"(?<![a-z])(train|validation|valid|val|test)(?![a-z])", text)
    return (text, None) if found is None else (text.replace(found[0], "{split}"), found[0])


def _coco_of(root: Path, template: str) -> Recognized:
    splits = _first_split(root, template) if "{split}" in template else {"test": root / template}
    scored = _scored(splits)
    file = splits[scored]
    images = _images_of(root, file)
    options = {"annotations": template, "images": images}
    usual = {"annotations": "annotations/instances_{split}.json", "images": "{split}"}
    changed = {key: value for key, value in options.items() if value != usual[key]}
    only = "" if "{split}" in template else "; it is the only one, so no images are for training"
    return Recognized(
        "coco",
        "COCO JSON",
        f"{file.relative_to(root)} has images, annotations and categories{only}",
        task="detection",
        data={"name": "coco-json", "root": str(root), "split": scored}
        | ({"options": changed} if changed else {}),
        trains="train" in splits and scored != "train",
    )


def _images_of(root: Path, file: Path) -> str:
    """The folder of a COCO file's images, as a template below the root; raises InputError where none is."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = re.search(rb'"file_name"\s*:\s*"((?:[^"\\]|\\.)*)"', content)
        name = "" if found is None else str(ast.literal_eval(f'"{found[1].decode("utf-8", "replace")}"'))
    if not name:
        raise InputError(f"{file}: COCO JSON, but no image in it has a file_name.")
    split = _templated(str(file.relative_to(root)))[1]
    for folder in sorted(_folders(root), key=lambda one: (_templated(one)[1] != split, len(one))):
        if (root / folder / name.removeprefix("./")).is_file():
            return _templated(folder)[0] if split else folder
    raise InputError(
        f"{file}: COCO JSON, but its images are missing: no {name} in {root} or the folders below it.\n"
        "  Put the images there, and run `cvbench init` on the folder that holds both."
    )


def _folders(root: Path, depth: int = 3) -> Iterator[str]:
    """The folders at and below the root, relative to it."""
    yield "."
    for level in range(1, depth + 1):
        for one in root.glob("/".join("*" * level)):
            if one.is_dir() and is_data(one.name):
                yield str(one.relative_to(root))


def voc_forms(path: Path) -> Iterator[Recognized]:
    """A VOC tree's readings: boxes, and label maps where it has them."""
    from cvbench.data.datasets.voc import PUBLISHED, VocImageSet

    for year in (2007, 2012):
        places = [path / f"VOCdevkit/VOC{year}", path / f"VOC{year}"]
        own = path.resolve().name == f"VOC{year}"
        root = str(path if path.name == f"VOC{year}" or not own else path / ".." / f"VOC{year}")
        folder = next(
            (one for one in [*places, *([path] if own else [])] if (one / "ImageSets").is_dir()), None
        )
        if folder is None:
            continue
        tasks: tuple[tuple[TaskName, str], ...] = (("detection", "Main"), ("segmentation", "Segmentation"))
        for task, kind in tasks:
            lists = {one.stem: one for one in (folder / "ImageSets" / kind).glob("*.txt")}
            splits = [one for one in ("train", "val", "trainval", "test") if one in lists]
            scored = [one for one in splits if one != "trainval" and (year, one) != (2012, "test")]
            if not scored:
                continue
            split = _scored(dict.fromkeys(scored))
            options: dict[str, Any] = {} if year == 2007 else {"year": year}
            whole = [_lines_of(lists[one]) == PUBLISHED[task].get(VocImageSet(year, one)) for one in scored]
            if not all(whole):
                options["subset"] = True
            yield Recognized(
                f"voc-{task}",
                f"a PASCAL VOC {year} tree, for {task}",
                f"{(folder / 'ImageSets' / kind).relative_to(path)} has "
                + _listed([f"{one}.txt" for one in splits]),
                task=task,
                data={"name": "voc", "root": root, "split": split}
                | ({"options": options} if options else {}),
                trains="train" in splits and split != "train",
                comments=("subset: true: there are other images than in the published split.",)
                if "subset" in options
                else (),
            )
        return
    if next((one for depth in ("", "*/", "*/*/") for one in path.glob(f"{depth}Annotations/*.xml")), None):
        raise InputError(
            f"{path}: looks like a VOC tree (Annotations/*.xml), but has no VOC2007 or VOC2012 with "
            "ImageSets.\n  cvbench reads the published VOC trees. Convert yours to COCO JSON: docs/data.md"
        )


def _lines_of(file: Path) -> int:
    return sum(bool(line.strip()) for line in file.read_text("utf-8", "replace").splitlines())


def masks_form(path: Path) -> Recognized | None:
    """Folders of images and of label maps."""
    for images, maps in ((image, mask) for image in _IMAGES for mask in _MASKS):
        for template in ("{part}/{split}", "{split}/{part}", "{part}"):
            both = [template.replace("{part}", part) for part in (images, maps)]
            found = _pairs(path, *both)
            if found is not None:
                return found
    return None


def _pairs(root: Path, images: str, maps: str) -> Recognized | None:
    one_split = "{split}" not in images
    of_images, of_maps = _first_split(root, images), _first_split(root, maps)
    splits = [one for one in SPLITS if one in of_images and one in of_maps]
    splits = ["test"] if one_split and splits else splits
    if not splits:
        return None
    split = _scored(dict.fromkeys(splits))
    folder, map_folder = of_images[split], of_maps[split]
    first = next((one.path for one in list_images(folder)), None) if folder.is_dir() else None
    if first is None or not map_folder.is_dir():
        return None
    stem = first.rpartition(".")[0]
    near = sorted(
        one for one in _files(map_folder) if one.startswith(stem) and one.lower().endswith(SUFFIXES)
    )
    if not near:
        return None
    options: dict[str, Any] = {}
    if (images, maps) != ("images/{split}", "masks/{split}"):
        options |= {"images": images, "masks": maps}
    if (suffix := near[0].removeprefix(stem)) != ".png":
        options["mask_suffix"] = suffix
    options, comments = _label_options(
        root, [place for one, place in of_maps.items() if one in splits], options
    )
    if one_split:
        comments.append("There are no splits, so all images are scored and none is for training.")
    return Recognized(
        "masks",
        "images with label maps",
        f"{folder.relative_to(root)}/{first} has the map {map_folder.relative_to(root)}/{near[0]}",
        task="segmentation",
        data={"name": "masks", "root": str(root), "split": split} | ({"options": options} if options else {}),
        trains="train" in splits and split != "train",
        comments=tuple(comments),
    )


def _files(folder: Path) -> list[str]:
    return [str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()]


def _label_options(
    root: Path, folders: list[Path], options: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The options `classes` and `void`, from the values in the label maps."""
    from numpy import unique

    from cvbench.data.images.label_maps import NO_VOID, classes_in, decode_labels, void_labels

    files = islice((one for folder in folders for one in sorted(folder.rglob("*.png"))), _SCANNED)
    values = {int(label) for one in files for label in unique(decode_labels(one.read_bytes(), str(one)))}
    is_binary = 255 in values and values <= {0, 255}
    if is_binary:
        options["void"] = NO_VOID
    if (root / "classes.txt").is_file():
        return options, []
    count = classes_in(values, void_labels(options.get("void")))
    options["classes"] = ["background", *(f"class_{k}" for k in range(1, count))]
    comments = [f"classes: names for the labels 0 to {count - 1} of the masks. Put your own there."]
    if is_binary:
        comments = [
            "void: none makes 255 the second class; else 255 means pixels that do not count.",
            *comments,
        ]
    return options, comments


def yolo_message(path: Path, file: Path | None = None) -> str | None:
    """The message for a dataset in YOLO's form, which is not read yet; None where it is not one."""
    configs = (
        [file] if file else [one for one in (path / "data.yaml", path / "dataset.yaml") if one.is_file()]
    )
    named = [
        one for one in configs if re.search(r"^names\s*:", one.read_text("utf-8", "replace"), re.MULTILINE)
    ]
    labels = next(
        (one for one in ("labels/*/*.txt", "labels/*.txt", "*/labels/*.txt") if any(path.glob(one))), None
    )
    if not named and (labels is None or file is not None):
        return None
    why = f"{named[0].name} has `names:`" if named else f"{labels} is there"
    return (
        f"{file or path}: a YOLO dataset ({why}). cvbench does not read YOLO's format yet, so no suite is "
        "written.\n  Convert it to COCO JSON, and run `cvbench init` on the result. See docs/data.md"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f", … ({len(names)})" if len(names) > 3 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
