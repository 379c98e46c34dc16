"""The metrics compared with their peers."""

import pytest

from tests.benchmarks.speed.measuring import measure
from tests.benchmarks.speed.rows import ROWS

pytestmark = pytest.mark.speed

METRICS = [name for name in ROWS if name.startswith("coco") or name in ("miou", "bootstrap")]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", METRICS)
def test_ours_beside_its_peers(benchmark, name):
    row = ROWS[name]
    times = benchmark.pedantic(measure, (row, row.contenders()), rounds=1)
    benchmark.extra_info.update({who: timed._asdict() for who, timed in times.items()})
    assert times["cvbench"].seconds
