"""The network, proposals, decoding and suppression compile into one graph."""

import subprocess
import sys

import pytest

from tests.models.test_yolo_compiling import COMPILING


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["faster_rcnn_vgg16", "faster_rcnn_resnet50_fpn", "faster_rcnn_resnet18_fpn"]
)
def test_a_detector_compiles_into_one_graph_up_to_and_including_suppression(name):
    command = [sys.executable, "-c", COMPILING, name, "30"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
