"""The Triton kernels: in the interpreter on the CPU, compiled to PTX, and on a GPU where there is one."""

import os
import subprocess
import sys

import pytest
import torch
import torchvision

from cvbench.boxes import assign, crowd_iou, iou, match_coco, nms, voc_iou

triton = pytest.importorskip("triton", reason="torch comes without Triton on this platform")

INTERPRETED = """
import torch
from cvbench.boxes import crowd_iou, iou, nms, reference, voc_iou
from cvbench.boxes.cuda import matching, overlap, suppression

NAN, INF = float("nan"), float("inf")
generator = torch.Generator().manual_seed(0)
for dtype in (torch.float32, torch.float64):
    boxes = torch.randint(0, 40, (90, 4), generator=generator).to(dtype) / 3
    boxes[:, 2:] += boxes[:, :2] * 0.7 + 1
    boxes[3, 0], boxes[5, 2], boxes[7, 3], boxes[11, 2] = NAN, INF, -5.0, boxes[11, 0]
    for name, ours in (("iou", iou), ("crowd_iou", crowd_iou), ("voc_iou", voc_iou)):
        assert torch.equal(ours(boxes[:20], boxes), getattr(overlap, name)(boxes[:20], boxes)), name
    assert overlap.iou(boxes[:0], boxes).shape == (0, 90)
    scores = torch.randint(0, 50, (90,), generator=generator).to(dtype) / 50
    scores[9], scores[10] = NAN, INF
    groups = torch.arange(90) % 3 * 100
    for threshold in (0.0, 0.6):
        for some in (None, groups):
            expected = nms(boxes, scores, threshold, groups=some)
            assert torch.equal(expected, suppression.nms(boxes, scores, threshold, some)), threshold
    assert suppression.nms(boxes[:0], scores[:0], 0.5, None).shape == (0,)

thresholds = torch.tensor([0.0, 0.5, 0.75, 1 - 1e-10], dtype=torch.float64)
for pairs, detections, truths in ((3, 7, 5), (2, 9, 1), (1, 4, 33), (2, 3, 0), (2, 0, 3), (0, 2, 2)):
    overlaps = torch.randint(0, 11, (pairs, detections, truths), generator=generator).double() / 10
    overlaps[overlaps == 0.1] = NAN
    crowd = torch.rand(pairs, truths, generator=generator) < 0.3
    ignored = crowd[:, None] | (torch.rand(pairs, 3, truths, generator=generator) < 0.3)
    args = overlaps, thresholds, crowd, ignored
    expected = reference.match_coco(*args)
    assert torch.equal(expected, torch.ops.cvbench.match_coco(*args))
    assert torch.equal(expected, matching.match_coco(*args)), (pairs, detections, truths)
print("the interpreter agrees")
"""


@pytest.mark.full
def test_the_interpreted_kernels_give_the_bits_of_the_cpu():
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    command = [sys.executable, "-W", "ignore", "-c", INTERPRETED]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "the interpreter agrees", run.stderr


PTX = """
import re, sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from cvbench.boxes.cuda import matching, overlap, suppression

def ptx(kernel, constants, **types):
    types |= dict.fromkeys(constants, "constexpr")
    source = ASTSource(fn=kernel, signature=types, constexprs=constants)
    options = {"enable_fp_fusion": sys.argv[1] == "fused"}
    return triton.compile(source, target=GPUTarget("cuda", 80, 32), options=options).asm["ptx"]

sizes, words = {"n": "i32"}, {"strikes": "*i64", "words": "i32"}
for kind in ("fp32", "fp64"):
    boxes = f"*{kind}"
    measure = {"pixel": 0.0, "of_first": False}
    code = ptx(overlap.overlap_kernel, measure, a=boxes, b=boxes, out=boxes, n="i32", m="i32")
    code += ptx(suppression.strike_kernel, {}, boxes=boxes, spans="*i64", limit="*fp64", n="i32", **words)
    print(kind, *sorted(set(re.findall(r"\\b((?:fma|mul|add|sub|div)(?:\\.rn)?)\\.f(?:32|64)", code))))
ptx(suppression.decide_kernel, {"room": 4}, first="*i64", last="*i64", stays="*i1", **words)
doubles, flags = {"overlaps": "*fp64", "thresholds": "*fp64"}, {"crowd": "*i1", "ignored": "*i1"}
counts = dict.fromkeys(("ranges", "levels", "detections", "truths"), "i32")
ptx(matching.match_kernel, {"room": 8}, **doubles, **flags, partner="*i64", **counts)
"""


# What says .rn is rounded by itself; what does not may be fused, and changes the last bit.
APART, FUSED = "add.rn div.rn mul.rn sub.rn", "add div.rn fma.rn mul sub"


@pytest.mark.slow
@pytest.mark.parametrize(("fusing", "found"), [("apart", APART), ("fused", FUSED)])
def test_the_kernels_compile_and_round_each_operation_as_ieee_says(fusing, found):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", PTX, fusing]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == [f"fp32 {found}", f"fp64 {found}"], run.stderr


@pytest.mark.gpu
@pytest.mark.parametrize("measure", [iou, crowd_iou, voc_iou])
def test_a_gpu_gives_the_bits_of_the_cpu(measure):
    corner = torch.rand(3000, 2) * 500
    boxes = torch.cat([corner, corner + torch.rand(3000, 2) * 80], dim=1)
    assert torch.equal(measure(boxes, boxes), measure(boxes.cuda(), boxes.cuda()).cpu())


@pytest.mark.gpu
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_a_gpu_keeps_what_the_cpu_and_torchvision_keep(threshold):
    corner = torch.rand(8000, 2) * 500
    boxes = torch.cat([corner, corner + torch.rand(8000, 2) * 80], dim=1)
    scores, groups = torch.randperm(8000) / 8000, torch.arange(8000) % 5
    on_gpu = nms(boxes.cuda(), scores.cuda(), threshold, groups=groups.cuda()).cpu()
    assert torch.equal(nms(boxes, scores, threshold, groups=groups), on_gpu)
    assert torch.equal(torchvision.ops.batched_nms(boxes, scores, groups, threshold), on_gpu)


@pytest.mark.gpu
def test_a_gpu_matches_and_assigns_as_the_cpu_does():
    overlaps = torch.rand(50, 100, 12).round(decimals=2)
    crowd = torch.rand(50, 12) < 0.1
    rest = {
        "thresholds": torch.linspace(0.5, 0.95, 10, dtype=torch.float64),
        "crowd": crowd,
        "ignored": crowd[:, None] | (torch.rand(50, 4, 12) < 0.3),
        "outside": torch.rand(50, 4, 100) < 0.3,
    }
    there = {name: tensor.cuda() for name, tensor in rest.items()}
    for here, on_gpu in zip(match_coco(overlaps, **rest), match_coco(overlaps.cuda(), **there), strict=True):
        assert torch.equal(here, on_gpu.cpu())
    for here, on_gpu in zip(assign(overlaps), assign(overlaps.cuda()), strict=True):
        assert torch.equal(here, on_gpu.cpu())
