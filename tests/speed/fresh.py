"""What only a new process can tell: peak memory, and what first calls cost.

python -m tests.speed.fresh memory CONTENDER [TRUTH RESULTS]   by how many bytes memory peaks
python -m tests.speed.fresh first-calls                        what first calls take beyond second ones
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.speed.peers import Files, evaluated, loaded
from tests.speed.scenes import boxes_at_size


def child(*arguments: str, **environment: str) -> Any:
    """The answer of a new process."""
    command = [sys.executable, "-m", "tests.speed.fresh", *arguments]
    run = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **environment})
    return json.loads(run.stdout.splitlines()[-1])


def memory(contender: str, *files: str) -> int:
    """How far resident memory rises, at its peak, above what it was with the data at hand."""
    if contender == "cvbench":
        from cvbench.metrics.coco_evaluation import evaluate_coco
        from cvbench.metrics.coco_figures import values

        def work(scene: Any) -> None:
            values(evaluate_coco(scene.truth, scene.detections, classes=80))

        work(boxes_at_size(images=5, found=3, objects=9))  # compiled before, like the peers' code
        scene = boxes_at_size()
        before = _from_here()
        work(scene)
    else:
        sides = loaded(contender, Files(*map(Path, files)))
        before = _from_here()
        evaluated(contender, sides, "bbox")
    return _status("VmHWM") - before


def _from_here() -> int:
    """Resident memory now, and the peak forgotten."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


NUMBA = "numba imports itself"
"""No kernel of ours, but what the first of them waits for: most of numba's modules, and scipy's BLAS."""


def first_calls() -> dict[str, float]:
    """Processor seconds by piece of work: the first call less the second. Other work leaves them alone."""
    beyond = {}
    for name, call in _pieces().items():
        times = []
        for _ in range(2):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        beyond[name] = max(0.0, times[0] - times[1])
    return beyond


def _pieces() -> dict[str, Callable[[], Any]]:
    """Every compiled loop of box core, metrics and readers, on little data; imports are done here.

    Nothing compiled runs before its piece is called.
    """
    from numba.core.registry import cpu_target

    from cvbench.boxes import assign, crowd_iou, iou, nms, soft_nms
    from cvbench.boxes import match_coco as match_pairs
    from cvbench.metrics.coco_arrays import mask_regions
    from cvbench.metrics.coco_bootstrap import resampled_figures
    from cvbench.metrics.coco_errors import explain_errors
    from cvbench.metrics.coco_evaluation import evaluate_coco, match_coco
    from cvbench.metrics.pixel_counts import confusion
    from cvbench.metrics.run_lengths import encode, parse
    from cvbench.metrics.voc_evaluation import VocDetections, VocTruth, match_voc
    from cvbench.scoring.json_rows import WORTH_IT, Form, read_list

    scene = boxes_at_size(images=20, found=20, objects=150)
    t, d = scene.truth, scene.detections
    boxes, scores = torch.rand(50, 4).cumsum(1), torch.rand(50)
    seen = np.searchsorted(scene.numbers, t.image), np.searchsorted(scene.numbers, d.image)
    entry = b'{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [0, 0, 1, 1]}'
    listed = b"[" + b", ".join([entry] * (WORTH_IT // len(entry) + 1)) + b"]"
    fields = {"image_id": Form.WHOLE, "category_id": Form.WHOLE, "score": Form.REAL, "bbox": Form.BOX}

    def masks_of(n: int) -> Any:
        return mask_regions(encode(np.ones((n, 4, 4), bool)))

    def by_masks() -> Any:
        truth = type(t)(t.image, t.label, masks_of(len(t.label)), t.area, t.crowd)
        return evaluate_coco(truth, type(d)(d.image, d.label, masks_of(len(d.label)), d.score), classes=80)

    def numba_itself() -> None:
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()

    def by_matrix() -> Any:
        overlaps, none = torch.rand(3, 2, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.bool)
        sides = {"crowd": none[0, :2], "ignored": none[:, :2], "outside": none}
        return match_pairs(overlaps, thresholds=torch.tensor([0.5]), **sides), assign(overlaps.float())

    def resampled() -> Any:
        matches = match_coco(t, d, classes=80)
        return resampled_figures(matches, [np.ones((2, len(matches.numbers)))])

    return {
        NUMBA: numba_itself,
        "iou": lambda: (iou(boxes, boxes), crowd_iou(boxes, boxes)),
        "nms": lambda: nms(boxes, scores, 0.5, groups=torch.zeros(50, dtype=torch.int64)),
        "soft_nms": lambda: soft_nms(boxes, scores),
        "matching, assigning": by_matrix,
        "coco bbox": lambda: evaluate_coco(t, d, classes=80),
        "masks": lambda: (masks_of(1), parse(np.zeros(0, np.uint8), np.zeros(1, np.int64))),
        "coco segm": by_masks,
        "bootstrap": resampled,
        "errors": lambda: explain_errors(t, d, classes=80),
        "voc": lambda: match_voc(
            VocTruth(seen[0], t.label, t.regions.xywh, t.crowd),
            VocDetections(seen[1], d.label, d.regions.xywh, d.score),
            classes=80,
        ),
        "miou": lambda: confusion(np.zeros(9, np.uint8), np.zeros(9, np.uint8), 3),
        "large files": lambda: read_list(listed, fields),
    }


if __name__ == "__main__":
    answer = memory(*sys.argv[2:]) if sys.argv[1] == "memory" else first_calls()
    print(json.dumps(answer))
