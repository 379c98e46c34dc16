"""Kernels work where nothing can be cached, in threads, in forked workers, and in time."""

import multiprocessing
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
import torch

from cvbench.boxes import iou, nms
from cvbench.boxes.jit import compiled, reached_code
from cvbench.boxes.threads import share

BOXES = torch.rand(700, 4, generator=torch.Generator().manual_seed(0)) + torch.tensor([0.0, 0.0, 1.0, 1.0])
SCORES = torch.rand(700, generator=torch.Generator().manual_seed(1))


def test_a_kernel_that_cannot_be_cached_is_compiled_all_the_same():
    # Source that stands in no file has no place for a cache.
    scope: dict[str, object] = {}
    exec("def twice(x):\n    return 2 * x", scope)
    assert compiled(scope["twice"])(21) == 42


def test_a_kernel_divides_by_zero_as_numpy_does():
    def divide(a, b):
        return a / b

    assert np.isnan(compiled(divide)(0.0, 0.0))


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_shared_work_covers_every_part_once():
    for parts in (0, 1, 2, 7):
        seen: list[int] = []
        share(lambda start, stop, seen=seen: seen.extend(range(start, stop)), parts, worth=True)
        assert sorted(seen) == list(range(parts))


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_a_second_thread_is_not_lost():
    def second_half(start, stop):
        if start:
            raise ArithmeticError(stop)

    with pytest.raises(ArithmeticError, match="10"):
        share(second_half, 10, worth=True)


@pytest.mark.usefixtures("two_threads")
def test_many_threads_may_ask_at_once():
    expected = nms(BOXES, SCORES, 0.3), iou(BOXES, BOXES)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: (nms(BOXES, SCORES, 0.3), iou(BOXES, BOXES)), range(16)))
    assert all(torch.equal(a, b) for answer in answers for a, b in zip(expected, answer, strict=True))


def _in_worker(_: int) -> float:
    torch.set_num_threads(2)
    return float(iou(BOXES, BOXES).numpy().sum())  # torch's own threads do not survive the fork


@pytest.mark.usefixtures("two_threads")
def test_a_forked_worker_may_ask_after_its_parent_did():
    expected = float(iou(BOXES, BOXES).numpy().sum())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is the case to be tested
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply_async(_in_worker, (0,)).get(timeout=60) == expected


SHARED = """
from cvbench.boxes.jit import inlined

@inlined
def scaled(x):
    return {factor} * x
"""
KERNELS = """
from numba import njit
from cvbench.boxes.jit import compiled, inlined
from shared import scaled

@inlined
def shifted(x):
    return scaled(x) + 1

@compiled
def ours(x):
    return shifted(x)

@njit(cache=True)
def numbas(x):
    return shifted(x)
"""
CALL = """
from kernels import numbas, ours
print(ours(10), sum(ours.stats.cache_hits.values()), numbas(10), sum(numbas.stats.cache_hits.values()))
"""


def test_a_kernel_is_compiled_again_when_a_function_of_another_file_changes(tmp_path: Path):
    """Numba alone loads what it compiled before, and is wrong: the twin that shows what is guarded here."""
    (tmp_path / "kernels.py").write_text(KERNELS)
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        "PYTHONDONTWRITEBYTECODE": "1",  # the two versions of the file are equal in size and second
    }

    def results(factor: int) -> list[int]:
        (tmp_path / "shared.py").write_text(SHARED.format(factor=factor))
        answer = subprocess.check_output([sys.executable, "-c", CALL], env=environment, text=True)
        return [int(number) for number in answer.split()]

    # The result and how often it was loaded from disk: of our kernel, then of numba's.
    assert results(2) == [21, 0, 21, 0]
    assert results(3) == [31, 0, 21, 1]
    assert results(3) == [31, 1, 21, 1]


RENAMED = """
from typing import NamedTuple
from cvbench.boxes.jit import compiled

class {name}(NamedTuple):
    x: int

@compiled
def doubled(pair):
    return 2 * pair.x

print(doubled({name}(10)), sum(doubled.stats.cache_hits.values()))
"""


@pytest.mark.full
def test_a_cache_that_names_a_class_that_is_gone_is_made_anew(tmp_path: Path):
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def results(name: str) -> list[int]:
        (tmp_path / "renamed.py").write_text(RENAMED.format(name=name))
        answer = subprocess.check_output([sys.executable, "-c", "import renamed"], env=environment, text=True)
        return [int(number) for number in answer.split()]

    assert results("Former") == [20, 0]
    assert results("Former") == [20, 1]
    assert results("Present") == [20, 0]
    assert results("Present") == [20, 1]


def test_the_code_that_a_kernel_reaches_is_told_by_its_calls_constants_and_fields():
    def reached(source: str, *, factor: int = 2, fields: tuple[str, ...] = ("a", "b")) -> str:
        """Of a kernel that calls a function of another file, by its name and through its module."""
        part = ModuleType("kernels.part")
        vars(part)["LIMITS"] = (1, np.float32(factor))
        exec("def called(x):\n    return sum([x * limit for limit in LIMITS])", vars(part))
        named = NamedTuple("named", [(name, int) for name in fields])
        scope = {"__name__": "kernels", "called": part.called, "part": part, "named": named}
        exec(source, scope)
        return reached_code(scope["kernel"])

    source = "def kernel(x):\n    return called(x) if x else kernel(named(x))"
    assert reached(source) == reached(f"# A comment moves it.\n{source}")
    assert reached(source) != reached(source.replace("if x", "if not x"))
    assert reached(source) != reached(source, factor=3)
    assert reached(source) != reached(source, fields=("b", "a"))
    through = source.replace("called(x)", "part.called(x)")
    assert reached(through) == reached(through)
    assert reached(through) != reached(through, factor=3)


COMPILE = """
import time
import torch
from cvbench.boxes import crowd_iou, iou, nms, soft_nms, voc_iou
from cvbench.boxes.jit import compiled
compiled(lambda: None)()  # numba itself starts in about a second, whatever it is to run
boxes, scores = torch.rand(9, 4), torch.rand(9)
start = time.process_time()
for measure in (iou, crowd_iou, voc_iou):
    measure(boxes, boxes)
nms(boxes, scores, 0.5, groups=torch.arange(9))
soft_nms(boxes, scores)
print(time.process_time() - start)
"""


@pytest.mark.slow
def test_all_kernels_compile_once_in_15_s_and_load_in_less_than_a_third(tmp_path: Path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    cold_s, warm_s = (
        float(subprocess.check_output([sys.executable, "-c", COMPILE], env=environment)) for _ in range(2)
    )
    assert cold_s < 15
    assert warm_s < 0.3
