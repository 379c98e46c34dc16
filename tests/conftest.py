"""Shapes and types in signatures are checked in all tests but timed ones; slowness fails no property."""

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported: a check costs about as much as a small kernel, so timing has none."""
    if not config.getoption("benchmark_enable"):
        # As for mypy, a whole number is a float too (PEP 484's tower).
        install_import_hook("cvbench", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")


settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
