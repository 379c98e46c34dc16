"""Shapes and types in signatures are checked while testing; a full run checks those of the whole package.

Timed tests check none: slowness fails no property.
"""

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

CHECKED = ["cvbench.boxes", "cvbench.metrics", "cvbench.models"]
"""Where most arrays are computed; a check costs about as much as a small kernel, and slows imports."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--check-all-shapes", action="store_true", help="check shapes and types in the whole package"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported."""
    if not config.getoption("benchmark_enable"):
        # As for mypy, a whole number is a float too (PEP 484's tower).
        checked = "cvbench" if config.getoption("check_all_shapes") else CHECKED
        install_import_hook(checked, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")


settings.register_profile("default", deadline=None, max_examples=20)
settings.register_profile("full", deadline=None)
settings.load_profile("default")
