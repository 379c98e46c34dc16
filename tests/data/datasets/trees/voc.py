"""PASCAL VOC, a few images of it, in the layout of the devkit."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.datasets.trees.pixels import jpeg, pixels

HEIGHT, WIDTH = 24, 32
OBJECT = """\t<object>
\t\t<name>{}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>{}</truncated>
\t\t<difficult>{}</difficult>
\t\t<bndbox>
\t\t\t<xmin>{}</xmin>
\t\t\t<ymin>{}</ymin>
\t\t\t<xmax>{}</xmax>
\t\t\t<ymax>{}</ymax>
\t\t</bndbox>
\t</object>
"""
OBJECTS = {
    # class, truncated, difficult, xmin, ymin, xmax, ymax
    "000001": [("dog", 1, 0, 1, 1, 10, 12), ("person", 0, 1, 11, 3, 32, 24)],
    "000002": [("train", 0, 0, 5, 6, 25, 20)],
    "000003": [],
}


def annotation(name: str, objects) -> str:
    size = (
        f"<size>\n\t\t<width>{WIDTH}</width>\n\t\t<height>{HEIGHT}</height>\n\t\t<depth>3</depth>\n\t</size>"
    )
    return (
        f"<annotation>\n\t<folder>VOC2007</folder>\n\t<filename>{name}.jpg</filename>\n\t{size}\n"
        f"\t<segmented>0</segmented>\n{''.join(OBJECT.format(*one) for one in objects)}</annotation>\n"
    )


def label_map(number: int) -> np.ndarray:
    """A dog with its border of 255 on the background, another one for each number."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[3:15, 4 + number : 20 + number] = 255
    labels[4:14, 5 + number : 19 + number] = 12
    return labels


def palette_png(labels: np.ndarray) -> bytes:
    from cvbench.data.export.voc import voc_palette

    picture = Image.fromarray(labels)
    picture.putpalette(voc_palette().tobytes())
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def write(root: Path, *, year: int = 2007, image_set: str = "test", objects=None, below="VOCdevkit/") -> Path:
    objects = OBJECTS if objects is None else objects
    folder = root / f"{below}VOC{year}"
    parts = ("Annotations", "JPEGImages", "SegmentationClass", "ImageSets/Main", "ImageSets/Segmentation")
    for part in parts:
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number, (name, things) in enumerate(objects.items()):
        (folder / "JPEGImages" / f"{name}.jpg").write_bytes(jpeg(pixels(number, HEIGHT, WIDTH)))
        (folder / "Annotations" / f"{name}.xml").write_text(annotation(name, things))
        (folder / "SegmentationClass" / f"{name}.png").write_bytes(palette_png(label_map(number)))
    names = list(objects)
    (folder / "ImageSets/Main" / f"{image_set}.txt").write_text("".join(f"{name}\n" for name in names))
    (folder / "ImageSets/Segmentation" / f"{image_set}.txt").write_text("".join(f"{n}\n" for n in names[:2]))
    return root
