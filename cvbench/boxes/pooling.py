"""What a feature map holds within a region of the image, brought to one size: RoIAlign.

Not part of `cvbench.boxes` itself, whose users need no torchvision: import it from here. On a GPU
torchvision's operator computes, level by level. On the CPU kernels of ours do, with the same bits:
torchvision's go through one channel after the other, in one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch
import torchvision
from jaxtyping import Float, Int64
from torch import Tensor

from cvbench.boxes.dispatch import is_compiled_for, is_differentiated_forward
from cvbench.boxes.formats import wide

torch.library.define(
    "cvbench::roi_align",
    "(Tensor[] maps, Tensor regions, Tensor image, Tensor level, float[] strides, int size, int samples)"
    " -> Tensor",
)
torch.library.define(
    "cvbench::roi_align_backward",
    "(Tensor gradient, Tensor[] maps, Tensor regions, Tensor image, Tensor level, float[] strides,"
    " int samples) -> Tensor[]",
)


def roi_align(
    maps: Sequence[Float[Tensor, "b c _ _"]],
    regions: Float[Tensor, "n 4"],
    *,
    image: Int64[Tensor, " n"],
    level: Int64[Tensor, " n"],
    strides: Sequence[float],
    size: int = 7,
    samples: int = 2,
) -> Float[Tensor, "n c size size"]:
    """The means of `size` x `size` bins of each region, from the map of its level.

    Regions are in pixels of the image, which of the batch says `image`. Each bin is the mean of
    `samples` x `samples` points, interpolated bilinearly between centres of cells that lie at whole
    coordinates (not shifted by half a cell); a region is taken to be a cell wide and high at least.
    Half precision is pooled and returned in float32. Gradients pass to the maps, not to the regions; a
    tangent of forward-mode differentiation is a NotImplementedError. An image that the batch does not have, a
    level without a map, and maps of several batches or numbers of channels are ValueErrors; on a GPU such an
    image is an assertion of the device, which torch reports at a later call.

    Source: He et al. 2017 (Mask R-CNN), https://arxiv.org/abs/1703.06870, section 3, as torchvision's
    `roi_align` with `aligned=False`.
    """
    maps = [wide(each) for each in maps]
    if not maps:
        raise ValueError("there is no map to pool from")
    if is_differentiated_forward(*maps, regions):
        raise NotImplementedError(
            "roi_align has no forward-mode derivative; use torch.func.vjp or backward()"
        )
    regions = regions.to(maps[0].dtype)
    arguments = (maps, regions, image, level, [float(stride) for stride in strides], size, samples)
    if regions.is_cpu or is_compiled_for(*maps, regions):
        pooled: Tensor = torch.ops.cvbench.roi_align(*arguments)
        return pooled
    return _level_by_level(*arguments)


def _level_by_level(
    maps: Sequence[Tensor],
    regions: Tensor,
    image: Tensor,
    level: Tensor,
    strides: Sequence[float],
    size: int,
    samples: int,
) -> Tensor:
    """As `roi_align`, by torchvision: differentiable, on any device."""
    _require_fitting(maps, regions, image, level, strides, size, samples)
    # Without a wait for the GPU: a graph may be recording.
    torch._assert_async(((image >= 0) & (image < len(maps[0]))).all(), "image: not in the batch")  # noqa: SLF001
    numbered = torch.cat([image[:, None].to(regions), regions], dim=1)
    if len(maps) == 1:
        return _pooled(maps[0], numbered, strides[0], size, samples)
    places = [(level == number).nonzero()[:, 0] for number in range(len(maps))]
    parts = [
        _pooled(each, numbered[place], stride, size, samples)
        for each, place, stride in zip(maps, places, strides, strict=True)
    ]
    if sum(map(len, places)) != len(regions):
        raise ValueError(f"level: a region's level is none of the {len(maps)} maps")
    # The inverse of a permutation is its order, so no gradient has to pass through a copy in place.
    return torch.cat(parts)[torch.cat(places).argsort()]


def _pooled(each: Tensor, numbered: Tensor, stride: float, size: int, samples: int) -> Tensor:
    pooled: Tensor = torchvision.ops.roi_align(
        each, numbered, size, spatial_scale=1 / stride, sampling_ratio=samples
    )
    return pooled


def _require_fitting(
    maps: Sequence[Tensor],
    regions: Tensor,
    image: Tensor,
    level: Tensor,
    strides: Sequence[float],
    size: int,
    samples: int,
) -> None:
    """Raise for shapes and types that do not fit together; looks at no values."""
    shapes = [tuple(each.shape) for each in maps]
    if any(len(shape) != 4 or shape[:2] != shapes[0][:2] or 0 in shape[2:] for shape in shapes):
        raise ValueError(f"maps have the shapes (b, c, h, w) with one b and c, not {shapes}")
    if len({each.dtype for each in (*maps, regions)}) > 1 or not regions.dtype.is_floating_point:
        raise TypeError(f"maps and regions have one type, not {[each.dtype for each in (*maps, regions)]}")
    if regions.ndim != 2 or regions.shape[1] != 4:
        raise ValueError(f"regions have the shape (n, 4), not {tuple(regions.shape)}")
    for name, numbers in (("image", image), ("level", level)):
        if numbers.shape != regions.shape[:1] or numbers.dtype != torch.int64:
            raise ValueError(
                f"{len(regions)} regions cannot have {name} {numbers.dtype} {tuple(numbers.shape)}"
            )
    if len(strides) != len(maps) or not all(stride > 0 for stride in strides):
        raise ValueError(f"{len(maps)} maps have a stride above 0 each, not {list(strides)}")
    if size < 1 or samples < 1:
        raise ValueError(f"size and samples are 1 or more, not {size} and {samples}")


def _require_inside(maps: Sequence[Tensor], image: Tensor, level: Tensor) -> None:
    """Raise ValueError for an image that the batch lacks, or a level without a map: kernels do not look."""
    for name, numbers, count in (("image", image, len(maps[0])), ("level", level, len(maps))):
        if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < count:
            wrong = int(numbers[(numbers < 0) | (numbers >= count)][0])
            raise ValueError(f"{name} {wrong} is none of 0 to {count - 1}")


def _on_cpu(
    maps: Sequence[Tensor],
    regions: Tensor,
    image: Tensor,
    level: Tensor,
    strides: Sequence[float],
    size: int,
    samples: int,
) -> Tensor:
    _require_fitting(maps, regions, image, level, strides, size, samples)
    _require_inside(maps, image, level)
    face = import_module("cvbench.boxes.cpu.pooling")
    pooled: Tensor = face.roi_align(maps, regions, image, level, strides, size=size, samples=samples)
    return pooled


def _empty(maps: Sequence[Tensor], regions: Tensor, *rest: object) -> Tensor:
    """What the compiler has to know of it."""
    size = rest[3]
    assert isinstance(size, int)
    return regions.new_empty(regions.shape[0], maps[0].shape[1], size, size)


torch.library.impl("cvbench::roi_align", "cpu", _on_cpu)
torch.library.impl("cvbench::roi_align", "cuda", _level_by_level)
torch.library.register_fake("cvbench::roi_align", _empty)


def _gradients_on_cpu(
    gradient: Tensor,
    maps: Sequence[Tensor],
    regions: Tensor,
    image: Tensor,
    level: Tensor,
    strides: Sequence[float],
    samples: int,
) -> list[Tensor]:
    _require_fitting(maps, regions, image, level, strides, gradient.shape[-1], samples)
    _require_inside(maps, image, level)
    face = import_module("cvbench.boxes.cpu.pooling")
    found: list[Tensor] = face.gradients(gradient, maps, regions, image, level, strides, samples=samples)
    return found


def _like_maps(_: Tensor, maps: Sequence[Tensor], *__: object) -> list[Tensor]:
    return [torch.empty_like(each, memory_format=torch.channels_last) for each in maps]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001 - torch gives it by name
    maps, regions, image, level, ctx.strides, _, ctx.samples = inputs
    ctx.save_for_backward(regions, image, level, *maps)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
    regions, image, level, *maps = ctx.saved_tensors
    found = torch.ops.cvbench.roi_align_backward(
        gradient, maps, regions, image, level, ctx.strides, ctx.samples
    )
    return found, None, None, None, None, None, None


torch.library.impl("cvbench::roi_align_backward", "cpu", _gradients_on_cpu)
torch.library.register_fake("cvbench::roi_align_backward", _like_maps)
torch.library.register_autograd("cvbench::roi_align", _backward, setup_context=_remember)
