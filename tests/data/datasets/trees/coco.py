"""COCO's val2017, a few images of it, in the layout of the published files."""

import json
from pathlib import Path

from pycocotools import mask as run_lengths

from cvbench.spec.catalogue.label_spaces import COCO_CATEGORIES
from tests.data.datasets.trees.pixels import jpeg, pixels

HEIGHT, WIDTH = 24, 32
POLYGON = [[2.0, 3.0, 12.0, 3.0, 12.0, 13.0, 2.0, 13.0]]
CROWD = {"size": [HEIGHT, WIDTH], "counts": [100, 200, HEIGHT * WIDTH - 300]}
COMPRESSED = run_lengths.frPyObjects(CROWD, HEIGHT, WIDTH)
IMAGES = (139, 285, 632, 724)
"""The first ids of val2017; the second one has no annotation here."""
ANNOTATIONS = (
    # image, category, box, crowd, segmentation
    (139, 1, (2.0, 3.0, 10.0, 10.0), 0, POLYGON),
    (139, 90, (20.5, 4.25, 8.0, 16.5), 0, [[20.5, 4.25, 28.5, 4.25, 28.5, 20.75]]),
    (632, 65, (0.0, 0.0, 32.0, 24.0), 0, {"size": [24, 32], "counts": COMPRESSED["counts"].decode()}),
    (632, 1, (4.0, 4.0, 9.0, 12.0), 1, CROWD),
    (724, 13, (1.0, 1.0, 5.0, 6.0), 0, POLYGON),
)


def document(images=IMAGES, annotations=ANNOTATIONS) -> dict:
    return {
        "info": {"description": "COCO 2017 Dataset"},
        "licenses": [],
        "images": [
            {"id": i, "file_name": f"{i:012d}.jpg", "height": HEIGHT, "width": WIDTH, "license": 4}
            for i in reversed(images)
        ],
        "annotations": [
            {
                "id": 1000 + k,
                "image_id": image,
                "category_id": category,
                "bbox": list(box),
                "area": 0.5 * box[2] * box[3],
                "iscrowd": crowd,
                "segmentation": segmentation,
            }
            for k, (image, category, box, crowd, segmentation) in enumerate(annotations)
        ],
        "categories": [
            {"id": k, "name": name, "supercategory": "thing"} for k, name in COCO_CATEGORIES.items()
        ],
    }


def write(root: Path, *, part: str = "val2017", folder: str = "", **changes) -> Path:
    """The tree; `changes` replace parts of the document."""
    images = root / (folder or part)
    images.mkdir(parents=True)
    for number in IMAGES:
        (images / f"{number:012d}.jpg").write_bytes(jpeg(pixels(number, HEIGHT, WIDTH)))
    (root / "annotations").mkdir()
    (root / "annotations" / f"instances_{part}.json").write_text(json.dumps({**document(), **changes}))
    return root
