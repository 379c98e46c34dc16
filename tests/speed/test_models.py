"""Classifiers beside torchvision's and timm's form of the same net; nothing is asserted of the speed."""

import subprocess
import sys

import pytest

from tests.speed.nets import NETS

pytestmark = [pytest.mark.speed, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("name", NETS)
def test_a_net_beside_its_peers(name, capsys):
    command = [sys.executable, "-m", "tests.speed.nets", name]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    with capsys.disabled():
        print(f"\n{finished.stdout}")
