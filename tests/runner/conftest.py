"""Suites of toys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.launching import SUITE

collect_ignore = ["stubs"]
"""Only workers import these: they put stub cells in the place of real ones."""


@pytest.fixture
def suite(tmp_path):
    """Write a suite of toys and return its path."""

    def write(*models: str, more: str = "") -> Path:
        path = tmp_path / "toys.yaml"
        path.write_text(SUITE.format(models=", ".join(models), more=more))
        return path

    return write
