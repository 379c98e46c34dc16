import pytest

from cvbench.errors import CellError
from cvbench.models.building import build_model
from cvbench.runner.fingerprint import fingerprint
from cvbench.runner.messages import RoundSlot
from cvbench.runner.progress import StageTimes
from cvbench.runner.round_process import shuffled
from cvbench.runner.round_worker import time_slot
from cvbench.spec.cell import Cell, DataSpec, EndToEndPlan, LatencyPlan, ModelSpec, TimingPlan
from cvbench.training import save_weights
from tests.records import cell

WHOLE = EndToEndPlan(batch=4, window=0.05, windows=3)
QUICK = LatencyPlan(warmup=0.01, duration=0.1, iterations=10)


@pytest.fixture
def slot(tmp_path):
    timed = Cell(
        model=ModelSpec(name="resnet18", options={"size": 32, "width": 0.125}),
        data=DataSpec(name="fashion", limit=8),
        time=TimingPlan(latency=QUICK, throughput=None, end_to_end=WHOLE, rounds=1),
    )
    model = build_model(timed.model, 10)
    save_weights(model, tmp_path / "weights.safetensors")
    return RoundSlot(
        cell=timed, checkpoint=tmp_path / "weights.safetensors", sha256=fingerprint(model), staged=tmp_path
    )


def test_a_slot_times_what_was_scored(slot):
    times = StageTimes(lambda _: None, {"import": 1.5})
    found = time_slot(slot, times=times)
    names = [item.name for item in found.attachments]
    assert names[:3] == ["latency@batch=1", "forward@batch=1", "postprocess@batch=1"]
    assert names[3:6] == ["end_to_end@batch=4", "loader_only@batch=4", "model_only@batch=4"]
    stages = [name.removeprefix("stage_").partition("@")[0] for name in names[6:]]
    assert stages == ["load", "copy", "forward", "postprocess", "to_host", "whole"]
    assert set(found.frozen) == set(names[:3])
    assert list(times.spent) == ["import", "data", "build", "time", "save"]
    read = {one.name: one.value for one in found.measurements}
    assert read["cold_import"] == 1.5
    assert read["cold_load"] == times.spent["build"]
    assert read["cold_first_call"] > 0
    assert read["flops"] == 2 * read["macs"] > 0


def test_other_weights_are_not_timed(slot):
    other = slot.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(CellError, match=r"these are not the scored weights \([0-9a-f]{12}, not 0{12}\)"):
        time_slot(other, times=StageTimes(lambda _: None))


def test_the_order_of_a_round_is_its_seeds_alone():
    cells = [cell(seed=number) for number in range(8)]
    assert shuffled(cells, 1) == shuffled(cells[::-1], 1)
    assert shuffled(cells, 1) != shuffled(cells, 2)
    assert sorted(one.seed for one in shuffled(cells, 3)) == list(range(8))


def test_over_many_rounds_every_cell_stands_everywhere():
    cells = [cell(seed=number) for number in range(4)]
    places = {(one.seed, place) for seed in range(100) for place, one in enumerate(shuffled(cells, seed))}
    assert len(places) == 16
