"""The quickstart, with a few images of each data set: a net of each task from data to measurements."""

import json
from pathlib import Path

from cvbench.record import Record
from tests.runner.launching import cvbench

QUICKSTART = Path(__file__).parents[2] / "suites" / "quickstart.yaml"
FEW = (
    *("models.0.options.width=0.125", "models.1.options.width=0.125"),
    *("models.0.data={name: fashion, limit: 16}", "models.0.train.limit=64"),
    *("models.1.data.limit=4", "models.1.train.epochs=1", "models.1.train.limit=8"),
    *("models.2.data.limit=4", "models.2.train.epochs=1", "models.2.train.limit=8"),
    *("time={latency: {warmup: 10ms, duration: 100ms, iterations: 5}, throughput: null}", "expect={}"),
)


def test_a_net_of_each_task_is_trained_scored_and_timed(tmp_path):
    done = cvbench("run", QUICKSTART, *FEW, "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    records = [Record.model_validate(record) for record in json.loads(done.stdout)["records"]]
    scored = {"resnet18": "top1", "yolo_v3_tiny": "AP50", "unet": "mIoU"}
    assert [record.cell.model.name for record in records] == list(scored)
    for record in records:
        assert record.artifact.source == "trained"
        assert record.curve.terms
        assert 0 <= record.measurement(scored[record.cell.model.name]).value <= 1
        assert record.measurement("latency_p50").value > 0
        assert {item.kind for item in record.attachments} >= {"outcomes", "samples", "pictures"}
        [run] = tmp_path.glob("quickstart/*/run.json")
        assert all((run.parent / item.file).exists() for item in record.attachments)
