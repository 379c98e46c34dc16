"""RoIAlign: features of image regions, resampled to a fixed size.

Import it from this module; `cvbench.boxes` does not need torchvision. On a GPU, torchvision's operator is
used per level. On the CPU, our kernels give bit-identical results; torchvision's process one channel at a
time in one thread.
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
    """Pool each region to `size` x `size` bins, from the map of its `level`.

    Regions are in image pixels; `image` is their index in the batch. Each bin is the mean of `samples` x
    `samples` points with bilinear interpolation; cell centers are at integer coordinates (no half-cell
    shift), and a region is at least one cell wide and high. Half precision is pooled and returned in float32.
    Gradients flow to the maps, not to the regions; forward-mode differentiation raises NotImplementedError.
    Raises ValueError for an image outside the batch, a level without a map, and maps with different batch
    sizes or channels; on a GPU, an image outside the batch is a device assertion that torch reports at a
    later call.

    Source: He et al. 2017 (Mask R-CNN), https://arxiv.org/abs/1703.06870, section 3, as torchvision's
    `roi_align` with `aligned=False`.
    """
    maps = [wide(each) for each in maps]
    if not maps:
        raise ValueError("maps is empty; give at least one feature map")
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
    """`roi_align` with torchvision's operator: differentiable, on any device."""
    _require_fitting(maps, regions, image, level, strides, size, samples)
    # Does not synchronize with the GPU, so it works during graph capture.
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
        raise ValueError(f"level: a region's level is not one of the {len(maps)} maps")
    # The argsort of a permutation is its inverse; this avoids an in-place copy in the gradient.
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
    """Raise for shapes and types that do not fit together; does not check values."""
    shapes = [tuple(each.shape) for each in maps]
    if any(len(shape) != 4 or shape[:2] != shapes[0][:2] or 0 in shape[2:] for shape in shapes):
        raise ValueError(f"maps must have shapes (b, c, h, w) with equal b and c, not {shapes}")
    if len({each.dtype for each in (*maps, regions)}) > 1 or not regions.dtype.is_floating_point:
        raise TypeError(
            f"maps and regions must have one type, not {[each.dtype for each in (*maps, regions)]}"
        )
    if regions.ndim != 2 or regions.shape[1] != 4:
        raise ValueError(f"regions must have shape (n, 4), not {tuple(regions.shape)}")
    for name, numbers in (("image", image), ("level", level)):
        if numbers.shape != regions.shape[:1] or numbers.dtype != torch.int64:
            raise ValueError(
                f"{name} must be int64 of shape ({len(regions)},), not {numbers.dtype} {tuple(numbers.shape)}"
            )
    if len(strides) != len(maps) or not all(stride > 0 for stride in strides):
        raise ValueError(f"{len(maps)} maps need one positive stride each, not {list(strides)}")
    if size < 1 or samples < 1:
        raise ValueError(f"size and samples must be at least 1, not {size} and {samples}")


def _require_inside(maps: Sequence[Tensor], image: Tensor, level: Tensor) -> None:
    """Raise ValueError for an image outside the batch or a level without a map; kernels do not check."""
    for name, numbers, count in (("image", image, len(maps[0])), ("level", level, len(maps))):
        if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < count:
            wrong = int(numbers[(numbers < 0) | (numbers >= count)][0])
            raise ValueError(f"{name} {wrong} is not from 0 to {count - 1}")


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
    """Output for torch.compile."""
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


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001 - torch passes it
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
