"""torchvision's Faster R-CNN, made so that it finds something without having been trained."""

import torch
import torchvision
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops import FrozenBatchNorm2d


def faster_rcnn_of_torchvision(
    outputs: int, *, size: tuple[int, int], norm: type[nn.Module] = FrozenBatchNorm2d
) -> nn.Module:
    """Its ResNet-50 with a pyramid, which takes images of this size, the shorter side first, as they are."""
    resnet = torchvision.models.resnet50(weights=None, norm_layer=norm)
    backbone = _resnet_fpn_extractor(resnet, trainable_layers=5)
    return FasterRCNN(backbone, outputs, min_size=min(size), max_size=max(size)).eval()


@torch.no_grad()
def livelier(model: nn.Module) -> nn.Module:
    """The same with random numbers large enough that proposals and scores differ from one another."""
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d | nn.BatchNorm2d):
            module.weight.uniform_(0.4, 0.8)
            module.bias.normal_(std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.8, 1.2)
    model.rpn.head.cls_logits.weight.mul_(20)
    model.rpn.head.bbox_pred.weight.mul_(10)
    predictor = model.roi_heads.box_predictor
    predictor.cls_score.weight.mul_(60)
    predictor.bbox_pred.weight.mul_(5)
    return model
