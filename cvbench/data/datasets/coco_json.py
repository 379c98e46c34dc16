"""Images of one's own, with their objects in COCO's form: a file and a folder for each split.

    <root>/annotations/instances_<split>.json
    <root>/<split>/<file_name>

That is also what `cvbench data export --format coco` writes. Classes are the file's categories by rising
id. `area` and `iscrowd` may be left out: then an object's area is that of its box, and none is a crowd.
"""

from __future__ import annotations

from pathlib import Path

from cvbench.data.datasets.coco_detection import Instances, open_instances
from cvbench.data.datasets.roots import root_folder
from cvbench.errors import DataError
from cvbench.spec.cell import TaskName


def coco_json(
    *,
    task: TaskName,
    split: str,
    root: str | None = None,
    annotations: str = "annotations/instances_{split}.json",
    images: str = "{split}",
    masks: bool = False,
) -> Instances:
    """A split below `root`; `{split}` in a path stands for its name.

    Raises DataError where the files are no such set.
    """
    if task != "detection":
        raise ValueError(f"coco-json is a detection set; it has no truth for {task}")
    top = root_folder("coco-json", root)
    file, folder = below(top, annotations, split), below(top, images, split)
    if not file.is_file():
        raise DataError(f"{file}: there is no such file; the option annotations says where it is")
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; the option images says where it is")
    return open_instances("coco-json", split, annotations=file, images=folder, masks=masks)


def below(root: Path, template: str, split: str) -> Path:
    """The place that a template names; raises DataError where it is not below the root."""
    path = Path(template.replace("{split}", split))
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"{template}: leads out of {root}; name a path below the root")
    return root / path
