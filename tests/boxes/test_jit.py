"""Kernels work where nothing can be cached, in threads, in forked workers, and in time."""

import multiprocessing
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from cvbench.boxes import iou, nms
from cvbench.boxes.jit import compiled
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
