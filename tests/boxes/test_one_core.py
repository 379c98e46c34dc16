"""No module outside of `cvbench.boxes` computes what boxes share, or calls somebody else's code for it.

What gives an intersection away is the length that two intervals share: the smaller of two ends minus the
larger of two starts, in whatever spelling. Other differences of extremes (a range is the largest minus the
smallest) and a single `min`, `max` or `clamp` are everyday arithmetic and pass.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cvbench

PACKAGE = Path(cvbench.__file__).parent

SMALLER, LARGER = "the smaller", "the larger"
EXTREMES = dict.fromkeys(("min", "minimum", "fmin"), SMALLER) | dict.fromkeys(
    ("max", "maximum", "fmax"), LARGER
)
OF_LIMITS = {"max": SMALLER, "a_max": SMALLER, "min": LARGER, "a_min": LARGER}
"""What a limit makes of a value: `x.clamp(max=end)` is the smaller of the two."""

OVERLAPS = ("nms", "batched_nms", "box_iou", "generalized_box_iou", "distance_box_iou", "complete_box_iou")
FOREIGN = {
    *(f"torchvision.ops.{name}" for name in OVERLAPS),
    *(f"torchvision.ops.boxes.{name}" for name in OVERLAPS),
    *("pycocotools.mask.iou", "pycocotools._mask.iou", "pycocotools.cocoeval.COCOeval"),
}
"""Code of others that overlaps, suppresses or matches boxes."""


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def extreme(node: ast.expr, names: dict[str, str]) -> str | None:
    """Whether an expression is the smaller or the larger of two things."""
    node = stripped(node)
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Name):
        return EXTREMES.get(node.func.id) if len(node.args) > 1 else None
    return extreme_of_method(node, node.func.attr) if isinstance(node.func, ast.Attribute) else None


def extreme_of_method(call: ast.Call, method: str) -> str | None:
    """The same of `np.minimum(a, b)`, `a.minimum(b)`, `torch.min(a, b)`; not of `a.min()` or `a.max(1)`."""
    if method in ("clamp", "clip"):
        limits = [word for word in call.keywords if word.arg in OF_LIMITS and not is_number(word.value)]
        return OF_LIMITS[limits[0].arg] if len(limits) == 1 else None
    if method in ("min", "max") and (len(call.args) < 2 or is_number(call.args[1])):
        return None
    return EXTREMES.get(method) if call.args else None


def stripped(node: ast.expr) -> ast.expr:
    """The expression without its index, and without the pixel that the devkit adds to a side."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and is_number(node.right):
        return stripped(node.left)
    return stripped(node.value) if isinstance(node, ast.Subscript) else node


def assigned(statement: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names and what they are given, also side by side: `low, high = a, b`."""
    if not isinstance(statement, ast.Assign):
        return
    for target in statement.targets:
        sides = [(target, statement.value)]
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            sides = list(zip(target.elts, statement.value.elts, strict=False))
        yield from ((name.id, value) for name, value in sides if isinstance(name, ast.Name))


def difference(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """The two sides of `a - b`, `np.subtract(a, b)` and `a.sub(b)`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return node.left, node.right
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    if node.func.attr in ("subtract", "sub") and node.args:
        return (node.args[0], node.args[1]) if len(node.args) > 1 else (node.func.value, node.args[0])
    return None


def scopes(tree: ast.Module) -> Iterator[list[ast.AST]]:
    """The nodes of each function, those of functions inside of it too; and what is in none."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = [list(ast.walk(function)) for function in functions]
    yield from inside
    within = {id(node) for nodes in inside for node in nodes}
    yield [node for node in ast.walk(tree) if id(node) not in within]


def shared_lengths(tree: ast.Module) -> Iterator[int]:
    """Lines on which the larger of two starts is taken from the smaller of two ends."""
    for nodes in scopes(tree):
        given = [pair for node in nodes for pair in assigned(node)]
        names = {name: kind for name, value in given if (kind := extreme(value, {}))}
        for node in nodes:
            sides = difference(node)
            if sides and [extreme(side, names) for side in sides] == [SMALLER, LARGER]:
                yield node.lineno


def imported(tree: ast.Module) -> Iterator[tuple[ast.stmt, str, str]]:
    """Each import: the statement, the name it gives, and the full name of what that stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield node, alias.asname or top, alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node, a.asname or a.name, f"{node.module}.{a.name}") for a in node.names)


def foreign_uses(tree: ast.Module) -> Iterator[int]:
    """Lines that import foreign code on boxes, or reach it through a module."""
    yield from (statement.lineno for statement, _, full in imported(tree) if full in FOREIGN)
    modules = {name: full for _, name, full in imported(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            head, _, rest = ast.unparse(node).partition(".")
            if f"{modules.get(head)}.{rest}" in FOREIGN:
                yield node.lineno


def found_in(source: str) -> list[int]:
    tree = ast.parse(source)
    return sorted({*shared_lengths(tree), *foreign_uses(tree)})


def test_boxes_are_intersected_and_matched_in_the_box_core_alone():
    elsewhere = [
        f"{path.relative_to(PACKAGE.parent)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if PACKAGE / "boxes" not in path.parents
        for line in found_in(path.read_text())
    ]
    assert elsewhere == [], "compute it with cvbench.boxes (or cvbench.boxes.arrays, without torch)"


PLANTED = {
    "plain Python": """
def shared(a, b):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(wide, 0) * max(high, 0)
""",
    "plain Python, with names in between": """
def shared(a, b):
    x1, y1 = max(a.x1, b.x1), max(a.y1, b.y1)
    x2, y2 = min(a.x2, b.x2), min(a.y2, b.y2)
    return (x2 - x1 + 1) * (y2 - y1 + 1)
""",
    "the devkit's pixel before the difference": """
def width(a, b):
    right = min(a.x2, b.x2) + 1
    return right - max(a.x1, b.x1)
""",
    "NumPy, whole": """
def common(a, b):
    return np.prod(np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]))
""",
    "NumPy, with names": """
def common(a, b):
    first, last = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.prod(np.maximum(last - first, 0), axis=2)
""",
    "NumPy, by column": """
def common(a, b):
    low, high = np.fmax(a[:, :2], b[:, :2]), np.fmin(a[:, 2:], b[:, 2:])
    return (high[:, 0] - low[:, 0]) * np.subtract(high[:, 1], low[:, 1])
""",
    "torch, functions": """
def inter(a, b):
    sides = torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])
    return sides.clamp(min=0).prod(-1)
""",
    "torch, methods": """
def inter(a, b):
    return a[:, 2:].minimum(b[:, 2:]).sub(a[:, :2].maximum(b[:, :2])).clamp(min=0).prod(-1)
""",
    "torch, by clamping": """
def inter(a, b):
    return (a[:, 2:].clamp(max=b[:, 2:]) - a[:, :2].clamp(min=b[:, :2])).prod(-1)
""",
    "a loop at the top of a module": """
for other in others:
    width = min(right, other.right) - max(left, other.left)
""",
    "torchvision, a function": "from torchvision.ops import box_iou",
    "torchvision, another name": "from torchvision.ops import nms as suppress",
    "torchvision, a module": "import torchvision\nkept = torchvision.ops.nms(boxes, scores, 0.5)",
    "torchvision, a part": "from torchvision import ops\nkept = ops.batched_nms(boxes, scores, labels, 0.5)",
    "torchvision, deep": "from torchvision.ops.boxes import nms",
    "pycocotools": "from pycocotools import mask as maskUtils\nmaskUtils.iou(found, true, crowd)",
    "pycocotools, whole": "from pycocotools.cocoeval import COCOeval",
}

INNOCENT = {
    "a range": """
def spread(v):
    low, high = min(v), max(v)
    return high - low, max(v) - min(v), v.max() - v.min()
""",
    "limits": """
def limited(x):
    return min(max(x, 0), 1) - 1, x.clamp(max=1) - x.clamp(min=0), np.minimum(x, 1) - 1
""",
    "a box clipped to an image": """
def clipped(box, size):
    return np.minimum(np.maximum(box, 0), size)
""",
    "extremes along an axis": """
def spread(v):
    return v.min(dim=1) - v.max(dim=1), torch.min(v, 1) - torch.max(v, 1)
""",
    "the smallest box around two": """
def hull(a, b):
    return max(a[2], b[2]) - min(a[0], b[0])
""",
    "a name of another function": """
def first(a, b):
    x = min(a, b)
    return x

def second(a, b, x):
    return x - max(a, b)
""",
    "another operator of torchvision": """
import torchvision
from torchvision.ops import FrozenBatchNorm2d, roi_align

pooled = torchvision.ops.roi_align(maps, boxes, 7)
""",
}


@pytest.mark.parametrize("spelling", PLANTED)
def test_an_intersection_elsewhere_is_found(spelling):
    assert found_in(PLANTED[spelling])


@pytest.mark.parametrize("case", INNOCENT)
def test_what_is_no_intersection_passes(case):
    assert found_in(INNOCENT[case]) == []


@pytest.mark.parametrize("name", ["overlap.py", "arrays.py", "cpu/intersection.py", "cuda/overlap.py"])
def test_the_core_itself_would_be_found(name):
    assert found_in((PACKAGE / "boxes" / name).read_text())
