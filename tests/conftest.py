"""Shapes and types in signatures are checked while testing; a full run checks those of the whole package.

Timed tests check none: slowness fails no property.
"""

import gc

import pytest
from hypothesis import is_hypothesis_test, settings
from jaxtyping import install_import_hook

CHECKED = ["cvbench.boxes", "cvbench.metrics", "cvbench.models"]
"""Where most arrays are computed; a check costs about as much as a small kernel, and slows imports."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("full", "what `nox -s full` asks for")
    group.addoption("--check-all-shapes", action="store_true", help="check the whole package's signatures")
    group.addoption("--rest", action="store_true", help="leave out what `nox -s tests` runs")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported."""
    if not config.getoption("benchmark_enable"):
        # As for mypy, a whole number is a float too (PEP 484's tower).
        checked = "cvbench" if config.getoption("check_all_shapes") else CHECKED
        install_import_hook(checked, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--rest`, leave out what the default run has run: all but properties, which get more examples."""
    if config.getoption("rest"):
        kept, repeated = list[pytest.Item](), list[pytest.Item]()
        for item in items:
            rest = item.get_closest_marker("full") or is_hypothesis_test(getattr(item, "obj", None))
            (kept if rest else repeated).append(item)
        config.hook.pytest_deselected(items=repeated)
        items[:] = kept


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    """What is there stays: timing collects garbage before each slice, and need not look through all of it."""
    gc.collect()
    gc.freeze()


settings.register_profile("default", deadline=None, max_examples=20)
settings.register_profile("full", deadline=None)
settings.load_profile("default")
