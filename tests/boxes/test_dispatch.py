"""A model with our operators in it compiles whole and exports; what kernels cannot take is refused."""

import subprocess
import sys
from importlib import import_module

import pytest
import torch
from torch import Tensor, nn

import cvbench.boxes
from cvbench.boxes import clip, crowd_iou, iou, nms, soft_nms, voc_iou

# The compiler cannot look into functions whose shapes are being checked: it runs in a process of its own.
COMPILED = """
import sys
import torch
from cvbench.boxes import assign, clip, iou, match_coco, nms, soft_nms

def targets(overlaps, crowd):
    assigned = assign(overlaps)
    none = torch.zeros(2, overlaps.shape[0], dtype=torch.bool)
    matches = match_coco(overlaps, thresholds=torch.tensor([0.3, 0.5]), crowd=crowd,
        ignored=crowd.expand(2, -1), outside=none)
    return assigned.truth, assigned.positive, assigned.negative, matches.truth, matches.ignored

def detect(boxes, scores, labels):
    kept = nms(clip(boxes, height=90, width=90), scores, 0.5, groups=labels)
    soft = soft_nms(boxes, scores, score_threshold=0.3)
    return boxes[kept] * 2, iou(boxes[kept], boxes), soft.indices, soft.scores + 1

def loss(boxes, others):
    return (1 - iou(boxes, others)).sum()

generator = torch.Generator().manual_seed(0)
compiled, aimed = (torch.compile(f, fullgraph=True, backend=sys.argv[1]) for f in (detect, targets))
for n in (40, 41, 70):
    corner = torch.rand(n, 2, generator=generator) * 60
    boxes = torch.cat([corner, corner + torch.rand(n, 2, generator=generator) * 50 + 1], dim=1)
    args = boxes, torch.rand(n, generator=generator), torch.arange(n) % 3
    assert all(torch.equal(a, b) for a, b in zip(detect(*args), compiled(*args), strict=True))
    args = iou(boxes, boxes[:7]), torch.arange(7) % 3 == 0
    assert all(torch.equal(a, b) for a, b in zip(targets(*args), aimed(*args), strict=True))

gradients = []
for function in (loss, torch.compile(loss, fullgraph=True, backend=sys.argv[1])):
    leaf = boxes.clone().requires_grad_()
    function(leaf, boxes[:6]).backward()
    gradients.append(leaf.grad)
assert torch.allclose(*gradients, atol=1e-6)  # the compiler may fuse what it differentiates
print("compiled")
"""


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("aot_eager", marks=pytest.mark.full),
        pytest.param("inductor", marks=pytest.mark.slow),
    ],
)
def test_a_model_with_suppression_and_a_loss_of_overlaps_compile_without_a_break(backend):
    command = [sys.executable, "-W", "ignore", "-c", COMPILED, backend]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "compiled", run.stderr


class Head(nn.Module):
    """The end of a detector: boxes are clipped, suppressed by class, and their overlaps measured."""

    def forward(self, boxes: Tensor, scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        kept = nms(clip(boxes, height=90, width=90), scores, 0.5, groups=labels)
        return boxes[kept] * 2, iou(boxes[kept], boxes)


class SoftHead(nn.Module):
    def forward(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept = soft_nms(boxes, scores, score_threshold=0.3)
        return kept.indices, kept.scores + 1, crowd_iou(boxes, boxes) + voc_iou(boxes, boxes)


def inputs(n: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    corner = torch.rand(n, 2, generator=generator) * 60
    boxes = torch.cat([corner, corner + torch.rand(n, 2, generator=generator) * 50 + 1], dim=1)
    return boxes, torch.rand(n, generator=generator), torch.arange(n) % 3


def same(expected, actual) -> bool:
    return all(torch.equal(a, b) for a, b in zip(expected, actual, strict=True))


@pytest.mark.full
@pytest.mark.parametrize("head", [Head(), SoftHead()])
def test_a_model_with_suppression_exports_for_any_number_of_boxes(head):
    args = inputs(40)[: 3 if isinstance(head, Head) else 2]
    n = torch.export.Dim("n", min=2)
    exported = torch.export.export(head, args, dynamic_shapes=tuple({0: n} for _ in args))
    for count in (40, 9):
        args = inputs(count)[: len(args)]
        assert same(head(*args), exported.module()(*args))


@pytest.mark.full
def test_the_operators_keep_what_torch_asks_of_operators():
    boxes, scores, labels = inputs(12)
    checks = ("test_schema", "test_faketensor")
    for operator in (torch.ops.cvbench.iou, torch.ops.cvbench.crowd_iou, torch.ops.cvbench.voc_iou):
        torch.library.opcheck(operator.default, (boxes, boxes), test_utils=checks)
    for operator in (torch.ops.cvbench.nms, torch.ops.cvbench.survives_nms):
        torch.library.opcheck(operator.default, (boxes, scores, 0.5, labels), test_utils=checks)
    soft = (boxes, scores, "linear", 0.3, 0.01, None)
    torch.library.opcheck(torch.ops.cvbench.soft_nms.default, soft, test_utils=checks)
    overlaps, crowd = torch.rand(3, 12, 5).double(), torch.zeros(3, 5, dtype=torch.bool)
    matching = (overlaps, torch.tensor([0.5, 0.7]).double(), crowd, crowd[:, None].expand(3, 4, 5))
    torch.library.opcheck(torch.ops.cvbench.match_coco.default, matching, test_utils=checks)
    torch.library.opcheck(torch.ops.cvbench.assign.default, (overlaps, 0.7, 0.3, True), test_utils=checks)


def test_what_a_kernel_would_read_past_is_refused():
    boxes, scores, labels = inputs(4)
    nms_op, iou_op = torch.ops.cvbench.nms, torch.ops.cvbench.iou
    with pytest.raises(ValueError, match=r"shape \(n, 4\), not \(4, 3\)"):
        iou_op(boxes[:, :3], boxes)
    with pytest.raises(TypeError, match=r"one dtype and device, not torch\.float32 cpu, torch\.float64"):
        iou_op(boxes, boxes.double())
    with pytest.raises(ValueError, match=r"scores must have shape \(4,\), not \(3,\)"):
        nms_op(boxes, scores[:3], 0.5, None)
    with pytest.raises(ValueError, match=r"groups must be int64 of shape \(4,\), not torch\.int64 \(2,\)"):
        nms_op(boxes, scores, 0.5, labels[:2])
    with pytest.raises(ValueError, match=r"groups must be int64 of shape \(4,\), not torch\.float32"):
        nms_op(boxes, scores, 0.5, scores)
    overlaps, crowd = torch.zeros(2, 3, 4).double(), torch.zeros(2, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"crowd and ignored \(2, 3\) and \(2, 1, 4\)"):
        torch.ops.cvbench.match_coco(overlaps, overlaps[0, 0], crowd[:, :3], crowd[:, None])
    with pytest.raises(TypeError, match=r"must be float64, not torch\.float32 and torch\.float64"):
        torch.ops.cvbench.match_coco(overlaps.float(), overlaps[0, 0], crowd, crowd[:, None])
    with pytest.raises(TypeError, match=r"crowd and ignored must be torch\.bool, not torch\.int64"):
        torch.ops.cvbench.match_coco(overlaps, overlaps[0, 0], crowd.long(), crowd[:, None])
    with pytest.raises(ValueError, match=r"thresholds must have shape \(t,\), not \(3, 4\)"):
        torch.ops.cvbench.match_coco(overlaps, overlaps[0], crowd, crowd[:, None])
    with pytest.raises(ValueError, match=r"overlaps must have shape \(b, n, m\)"):
        torch.ops.cvbench.assign(overlaps[0], 0.7, 0.3, True)
    for operator in (iou_op, torch.ops.cvbench.crowd_iou, torch.ops.cvbench.voc_iou):
        with pytest.raises(TypeError, match=r"boxes must be float32 or float64, not torch\.int64"):
            operator(boxes.long(), boxes.long())
    with pytest.raises(TypeError, match="scores must be float32 or float64"):
        nms_op(boxes, labels, 0.5, None)


def test_importing_the_box_core_imports_no_compiler():
    program = "import sys, cvbench.boxes; print({'numba', 'triton', 'llvmlite'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_every_public_name_is_there_and_says_what_it_is():
    for name in cvbench.boxes.__all__:
        assert name == "NOBODY" or getattr(cvbench.boxes, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'hiou'"):
        _ = cvbench.boxes.hiou


@pytest.mark.parametrize("name", ["iou", "nms"])
def test_a_module_path_of_the_last_release_leaves_the_function_of_its_name(name, monkeypatch):
    monkeypatch.delitem(sys.modules, f"cvbench.boxes.{name}", raising=False)
    with pytest.warns(DeprecationWarning, match=rf"cvbench\.boxes\.{name} has moved to cvbench\.boxes\."):
        module = import_module(f"cvbench.boxes.{name}")
    assert getattr(module, name) is getattr(cvbench.boxes, name)
