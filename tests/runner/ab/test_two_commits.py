"""`cvbench duet` from the command line: a user's project of two commits, the second one slower."""

import json
import os
import subprocess
import sys

import pytest

NET = """
import time

from torch import nn

from cvbench.models.building import build_model
from cvbench.spec.cell import ModelSpec

EXTRA = {extra}  # of its own time


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.inner = build_model(ModelSpec(name="resnet18", options={{"size": 32, "width": 0.25}}), classes)
        self.preprocessing, self.loss, self.decode = (
            getattr(self.inner, name) for name in ("preprocessing", "loss", "decode")
        )

    def forward(self, images):
        start = time.perf_counter()
        outputs = self.inner(images)
        until = time.perf_counter() + EXTRA * (time.perf_counter() - start)
        while time.perf_counter() < until:
            pass
        return outputs
"""
SUITE = """
schema: 1
name: mine
data: fashion
train: {epochs: 1}
models: [{name: "net:Net", task: classification}]
time: {latency: {batch: 1}, throughput: null}
"""


def commit(folder, message):
    for arguments in (
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", message],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.slow
def test_a_slower_commit_is_called_so_and_ends_with_1(tmp_path):
    """Twice the time: that is seen on any machine."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "suite.yaml").write_text(SUITE)
    for number, share in enumerate((0.0, 1.0)):
        (tmp_path / "net.py").write_text(NET.format(extra=share))
        commit(tmp_path, f"state {number}")
    command = [sys.executable, "-m", "cvbench", "duet", "suite.yaml", "--base", "HEAD~1", "-o", "duet.json"]
    done = subprocess.run(
        [*command, "--no-null", "--seed", "0"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    told = json.loads((tmp_path / "duet.json").read_text())
    (outcome,) = told["outcomes"]
    assert outcome["name"] == "net:Net (batch=1)"
    assert (outcome["verdict"], outcome["stage"]) == ("worse", 2)
    assert outcome["ratio"] > 1.5
    assert "1 worse" in done.stdout
    assert told["base"].startswith("HEAD~1 (")
    assert len(told["raw"]) == outcome["stage"]
