"""The one way in: `uv run nox -s tests|lint|types|architecture|speed|gpu`.

Sessions run in the environment that `uv run` has made, so nothing is installed twice.
"""

import os
import shutil

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint", "types", "architecture"]

COVERAGE_FLOOR = 85
"""Branch coverage in percent, without what runs in worker processes or in compiled kernels; it only rises."""


@nox.session
def tests(session: nox.Session) -> None:
    """The default tests with branch coverage: offline, a few minutes."""
    coverage = ["--cov", "--cov-report=term:skip-covered", f"--cov-fail-under={COVERAGE_FLOOR}"]
    side_by_side = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadscope"]
    # Threads that wait for work must not keep the other processes from theirs.
    session.run("pytest", *(session.posargs or coverage + side_by_side), env={"OMP_WAIT_POLICY": "PASSIVE"})


@nox.session
def slow(session: nox.Session) -> None:
    """Tests that take more than half a minute each."""
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types."""
    session.run("mypy")


@nox.session
def architecture(session: nox.Session) -> None:
    """The layers: a file imports only downhill."""
    session.run("lint-imports")


@nox.session
def speed(session: nox.Session) -> None:
    """Ours beside its peers, taking turns; writes results/reference/speed-<machine>.md and .json.

    `nox -s speed -- iou nms` measures these rows only. Peers come with `uv run --group speed`; one that
    is missing is told in its row.
    """
    session.run("python", "-m", "tests.benchmarks.speed.table", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """Tests that need a CUDA device."""
    if shutil.which("nvidia-smi") is None and not os.environ.get("CVBENCH_FORCE_GPU"):
        session.skip("no NVIDIA driver is to be seen here")
    session.run("pytest", "-m", "gpu", *session.posargs)
