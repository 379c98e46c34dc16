"""Faster R-CNN beside torchvision's: the whole call, decoding included; nothing is asserted of the speed."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.speed, pytest.mark.timeout(1800)]


def test_a_detector_beside_its_peer(capsys):
    command = [sys.executable, "-m", "tests.speed.faster_rcnn"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    with capsys.disabled():
        print(f"\n{finished.stdout}")
