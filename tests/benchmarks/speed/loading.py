"""Data loading compared with peers: decoding, COCO annotations, and complete loaders.

The photographs are synthetic: smooth colors with grain, 500 x 375, JPEGs of 40 kB like ImageNet's.
"""

import contextlib
import importlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader

from cvbench.data.datasets import open_dataset
from cvbench.data.datasets.coco_detection import read_index
from cvbench.data.images.color import normalize
from cvbench.data.images.decoding import decode_image
from cvbench.data.images.loader import batches
from cvbench.spec.catalogue.label_spaces import COCO_CATEGORIES
from cvbench.spec.cell import DataSpec
from cvbench.values import Preprocessing
from tests.benchmarks.speed.peers import Absent

_FOLDER = tempfile.TemporaryDirectory(prefix="cvbench-speed-data-")
IMAGES, BATCH, PULLED = 64, 16, 8
"""A call loads 8 batches of 16: every image twice, so the mean does not depend on the order."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AS_TRAINED = Preprocessing(size=(224, 224), resize="crop", shorter=256, mean=MEAN, std=STD)


@cache
def photographs() -> Path:
    """A folder of two classes in `val`."""
    root = Path(_FOLDER.name) / "photographs"
    draw = np.random.default_rng(0)
    for number in range(IMAGES):
        coarse = Image.fromarray(draw.integers(0, 256, (12, 16, 3), np.uint8))
        smooth = np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC)).astype(np.int16)
        grain = draw.normal(0, 6, (375, 500, 1)).astype(np.int16)
        folder = root / "val" / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(smooth + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=87)
    return root


def decoding() -> dict[str, Callable[[], float] | Absent]:
    """A call decodes 64 files from memory; its result is the sum of all values."""
    contents = [path.read_bytes() for path in sorted(photographs().rglob("*.jpg"))[:64]]

    def each(decode: Callable[[bytes], Any]) -> Callable[[], float]:
        def call() -> float:
            decoded = [decode(content) for content in contents]
            return float(np.asarray(decoded[-1]).sum(dtype=np.int64))

        return call

    def by_torchvision(content: bytes) -> torch.Tensor:
        encoded = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        return torchvision.io.decode_jpeg(encoded, mode=torchvision.io.ImageReadMode.RGB)

    return {
        "cvbench": each(lambda content: decode_image(content, "")),
        "simplejpeg": each(lambda content: simplejpeg.decode_jpeg(content, colorspace="RGB")),
        "torchvision": each(by_torchvision),
        "pillow": each(lambda content: np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))),
        "pyturbojpeg": _turbojpeg(each),
    }


def _turbojpeg(each: Callable[[Callable[[bytes], Any]], Callable[[], float]]) -> Callable[[], float] | Absent:
    try:
        turbojpeg = importlib.import_module("turbojpeg")
        decoder = turbojpeg.TurboJPEG()
    except (ImportError, RuntimeError) as error:
        return Absent(f"not available here ({str(error).splitlines()[0][:80]})")
    return each(lambda content: decoder.decode(content, pixel_format=turbojpeg.TJPF_RGB))


@cache
def annotations() -> Path:
    """A file of the size of val2017: 5,000 images, 37,000 objects with polygons, 20 MB."""
    path = Path(_FOLDER.name) / "instances_val2017.json"
    draw = np.random.default_rng(0)
    categories = np.array(list(COCO_CATEGORIES))
    numbers = np.sort(draw.choice(581_929, 5000, replace=False)).tolist()
    corners = draw.integers(8, 44, 37_000)
    objects = [
        {
            "segmentation": [(draw.random(2 * int(corners[k])) * 400).round(2).tolist()],
            "area": round(float(draw.random() * 9000), 4),
            "iscrowd": 0,
            "image_id": numbers[int(draw.integers(5000))],
            "bbox": (draw.random(4) * 200).round(2).tolist(),
            "category_id": int(draw.choice(categories)),
            "id": 1000 + k,
        }
        for k in range(37_000)
    ]
    images = [
        {
            "license": 4,
            "file_name": f"{number:012d}.jpg",
            "coco_url": f"http://images.cocodataset.org/val2017/{number:012d}.jpg",
            "height": 480,
            "width": 640,
            "date_captured": "2013-11-14 17:02:52",
            "id": number,
        }
        for number in numbers
    ]
    names = [{"supercategory": "thing", "id": k, "name": name} for k, name in COCO_CATEGORIES.items()]
    path.write_text(json.dumps({"images": images, "annotations": objects, "categories": names}))
    return path


def opening() -> dict[str, Callable[[], float] | Absent]:
    """A call opens the file; its result is the sum of all areas."""
    path = annotations()
    kept = Path(_FOLDER.name) / "cache"

    def ours(*, keep: bool) -> Callable[[], float]:
        def call() -> float:
            os.environ["CVBENCH_CACHE"] = str(kept) if keep else os.devnull
            return float(read_index(path).area.sum())

        return call

    def pycocotools() -> float:
        from pycocotools.coco import COCO

        with contextlib.redirect_stdout(io.StringIO()):
            return float(sum(one["area"] for one in COCO(str(path)).dataset["annotations"]))

    return {
        "cvbench": ours(keep=False),
        "cvbench, from its cache": ours(keep=True),
        "pycocotools": pycocotools,
    }


class Repeated:
    """A dataset that repeats forever, so that its loader does not end while it is timed."""

    def __init__(self, dataset: Any, times: int) -> None:
        self.dataset, self.times = dataset, times

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "dataset":
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __len__(self) -> int:
        return len(self.dataset) * self.times

    def __getitem__(self, index: int) -> Any:
        return self.dataset[index % len(self.dataset)]


def loading(workers: int) -> Callable[[], dict[str, Callable[[], float] | Absent]]:
    """A call loads the dataset twice from a running loader; its result is the mean of all values."""

    def contenders() -> dict[str, Callable[[], float] | Absent]:
        torch.set_num_threads(1)
        return {
            "cvbench": _taking(_ours(workers)),
            "torchvision": _taking(_torchvision(workers)),
            "timm": _taking(_timm(workers)),
        }

    return contenders


def _taking(stream: Iterator[torch.Tensor]) -> Callable[[], float]:
    def call() -> float:
        return float(np.mean([float(images.mean()) for images in islice(stream, PULLED)]))

    return call


_TIMES = 1000


def _ours(workers: int) -> Iterator[torch.Tensor]:
    spec = DataSpec(name="folder", root=str(photographs()), split="val")
    data = Repeated(open_dataset(spec, task="classification"), _TIMES)
    for batch in batches(data, AS_TRAINED, batch=BATCH, workers=workers):
        yield normalize(batch.images, AS_TRAINED)


def _torchvision(workers: int) -> Iterator[torch.Tensor]:
    """The validation pipeline of torchvision's references/classification, with Pillow images."""
    from torchvision import transforms

    prepared = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float),
            transforms.Normalize(MEAN, STD),
        ]
    )
    data = torchvision.datasets.ImageFolder(str(photographs() / "val"), prepared)
    for images, _ in DataLoader(Repeated(data, _TIMES), BATCH, num_workers=workers):
        yield images


def _timm(workers: int) -> Iterator[torch.Tensor]:
    """The loader of timm's validate.py, without transfer to a GPU."""
    from timm.data import ImageDataset, create_loader

    data = ImageDataset(str(photographs() / "val"))
    loader = create_loader(  # sets the dataset's transform
        data,
        input_size=(3, 224, 224),
        batch_size=BATCH,
        use_prefetcher=False,
        interpolation="bilinear",
        mean=MEAN,
        std=STD,
        crop_pct=224 / 256,
        persistent_workers=False,
        num_workers=0,
    )
    repeated = Repeated(data, _TIMES)
    for images, _ in DataLoader(repeated, BATCH, num_workers=workers, collate_fn=loader.collate_fn):
        yield images
