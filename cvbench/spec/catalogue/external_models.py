"""Models of other libraries, by name: `timm/<name>` and `torchvision/<name>`.

Their Cards are created on demand from the library's own metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from cvbench.spec.catalogue.cards import Choice, Family, ModelCard, preparing
from cvbench.spec.cell import TaskName

_SIZE: Final = Choice(None, "height and width of the input (default: as the library's weights expect)")
_CUT: Final = preparing("stretch", "letterbox", "crop", normalized=True)
_TRANSFORMS: Final = Choice(
    "DEFAULT",
    "weights whose preprocessing to use, such as IMAGENET1K_V1 (default: `weights`, else the newest)",
)


@cache
def _timm_names() -> Sequence[str]:
    import timm

    return [*timm.list_models(), *timm.list_pretrained()]


def _timm_card(name: str) -> ModelCard:
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(name)
    channels, height, width = config.input_size if config else (3, 224, 224)
    return ModelCard(
        name=f"timm/{name}",
        address="cvbench.models.external.timm:build",
        summary="a classifier of timm",
        task="classification",
        title="PyTorch Image Models",
        authors="Ross Wightman",
        year=2019,
        link="https://github.com/huggingface/pytorch-image-models",
        input=(channels, height, width),
        parameters={},
        options={"size": _SIZE, **_CUT},
    )


@cache
def _torchvision_tasks() -> dict[str, TaskName]:
    """Model → task of torchvision's models; models for other tasks are left out."""
    from torchvision import models

    modules: dict[TaskName, object] = {
        "classification": models,
        "detection": models.detection,
        "segmentation": models.segmentation,
    }
    return {
        name: task
        for task, module in modules.items()
        for name in models.list_models(module=module)
        if not name.startswith("keypoint")
    }


def _torchvision_card(name: str) -> ModelCard:
    task = _torchvision_tasks()[name]
    options = {
        "classification": {"size": _SIZE, "transforms": _TRANSFORMS, **_CUT},
        "detection": {
            "size": _SIZE,
            "coco91": Choice(
                False, "keep the 91 labels of torchvision's COCO weights, and report COCO's 80 classes"
            ),
            "epsilon": Choice(None, "epsilon of batch norms (default: the model's own)"),
            **preparing("stretch", "letterbox", "scale", normalized=False),
        },
        "segmentation": {
            "size": _SIZE,
            "aux": Choice(False, "train an auxiliary head on the third stage"),
            **preparing("stretch", "letterbox", "scale", normalized=True),
        },
    }
    side = 224 if task == "classification" else 520
    return ModelCard(
        name=f"torchvision/{name}",
        address=f"cvbench.models.external.torchvision_{task}:build",
        summary=f"torchvision's {name}",
        task=task,
        title="torchvision",
        authors="the PyTorch team",
        year=2016,
        link="https://github.com/pytorch/vision",
        input=(3, 800, 1333) if task == "detection" else (3, side, side),
        parameters={},
        options=options[task],
    )


_ONNX_TASKS: Final[dict[str, TaskName]] = {
    "classifier": "classification",
    "detector": "detection",
    "segmenter": "segmentation",
}


_OUTPUT: Final = Choice(None, "name of the output to read (default: the first one with the task's shape)")


def _onnx_card(kind: str) -> ModelCard:
    rule = {
        "classifier": {
            "softmax": Choice(True, "whether outputs are logits (true) or probabilities"),
            "output": _OUTPUT,
        },
        "segmenter": {"output": _OUTPUT},
        "detector": {"first_label": Choice(1, "label of the first class; 1 if 0 is the background")},
    }
    return ModelCard(
        name=f"onnx/{kind}",
        address="cvbench.models.external.onnx:build",
        summary="the model in the ONNX file given as weights; needs the extra onnx",
        task=_ONNX_TASKS[kind],
        title="Open Neural Network Exchange",
        authors="the ONNX community",
        year=2017,
        link="https://onnx.ai",
        input=(3, 224, 224),
        parameters={},
        options={
            "size": Choice(None, "height and width of the input (default: from the file, else 224)"),
            **preparing("stretch", "letterbox", *(["crop"] if kind == "classifier" else []), normalized=True),
            **rule.get(kind, {}),
        },
    )


ONNX: Final = Family("onnx", lambda: list(_ONNX_TASKS), _onnx_card)
TIMM: Final = Family("timm", _timm_names, _timm_card)
TORCHVISION: Final = Family("torchvision", lambda: list(_torchvision_tasks()), _torchvision_card)
