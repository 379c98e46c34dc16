"""Development tasks: `uv run nox -s tests|full|lint|types|architecture|speed|fuzz|docs|package|minimums|gpu`.

Sessions run in the environment of `uv run`, so nothing is installed twice.
"""

import os
import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "lint", "types", "architecture"]

COVERAGE_FLOOR = 85
"""Minimum branch coverage in percent, without worker processes and compiled kernels; never lower it."""
SIDE_BY_SIDE = ["-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
SETTINGS = {
    "OMP_NUM_THREADS": "1",  # one core per process; small tensors do not gain from more
    "OMP_WAIT_POLICY": "PASSIVE",  # idle threads must not spin
    "PYTHONDONTWRITEBYTECODE": "",  # otherwise each worker process compiles the sources again
}


@nox.session
def tests(session: nox.Session) -> None:
    """The default tests: offline, at most five minutes on two cores.

    `CVBENCH_COVERAGE=1` stores their branch coverage, to which `nox -s full -- --rest` adds.
    """
    coverage = ["--cov", "--cov-report="] if os.environ.get("CVBENCH_COVERAGE") else []
    session.run("pytest", *(session.posargs or [*SIDE_BY_SIDE, *coverage]), env=SETTINGS)


@nox.session
def full(session: nox.Session) -> None:
    """All tests except `slow`, `gpu` and `speed`, with more checks: 15 minutes on two cores.

    Checks shapes in the whole package, properties with five times the examples, and branch coverage against
    its floor. `nox -s full -- --rest` skips tests that `nox -s tests` runs, except property tests, and adds
    its coverage to the stored one.
    """
    checks = ["-m", "not slow and not gpu and not speed", "--check-all-shapes", "--hypothesis-profile=full"]
    if set(session.posargs) <= {"--rest"}:  # coverage of a selection means nothing
        checks += ["--cov", "--cov-report=term:skip-covered", f"--cov-fail-under={COVERAGE_FLOOR}"]
        checks += ["--cov-append"] if session.posargs else []
    session.run("pytest", *checks, *SIDE_BY_SIDE, *session.posargs, env=SETTINGS)


@nox.session
def slow(session: nox.Session) -> None:
    """Tests that take more than half a minute each."""
    session.run("pytest", "-m", "slow", *session.posargs, env=SETTINGS)


@nox.session
def lint(session: nox.Session) -> None:
    """Lint and format check."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("python", "-m", "tests.architecture.words")


@nox.session
def types(session: nox.Session) -> None:
    """Type check."""
    session.run("mypy")


@nox.session
def architecture(session: nox.Session) -> None:
    """Layer check: modules import only from lower layers."""
    session.run("lint-imports")


@nox.session
def speed(session: nox.Session) -> None:
    """Speed compared with peer libraries, interleaved; writes results/reference/speed-<machine>.md and .json.

    `nox -s speed -- iou nms` measures only these rows. `uv run --group speed` installs the peers; a missing
    peer is noted in its row.
    """
    session.run("python", "-m", "tests.benchmarks.speed.table", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the docs site into site/, strictly; it needs the packages of `uv run --group docs`.

    Open `site/index.html`: the site needs no server and loads nothing from the network.
    """
    session.run(
        "mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"}, external=True
    )


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, install it in a new environment, and run a bundled suite in an empty folder."""
    made = Path(session.create_tmp()).resolve()
    session.run("uv", "build", "--quiet", "--out-dir", str(made / "dist"), external=True)
    session.run("uv", "venv", "--quiet", "--clear", str(made / "venv"), *_python(session), external=True)
    [wheel] = (made / "dist").glob("*.whl")
    here = str(made / "venv/bin/python")
    session.run("uv", "pip", "install", "--quiet", "--python", here, str(wheel), external=True)
    empty = made / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir()
    session.chdir(empty)
    cvbench = str(made / "venv/bin/cvbench")
    for words in (["--version"], ["list", "suites"], ["plan", "quickstart"]):
        session.run(cvbench, *words, external=True)
    quick = ["train.epochs=1", "train.limit=64", "expect.resnet18.top1=0", "--limit=32", "--only=resnet18"]
    session.run(cvbench, "run", "quickstart", *quick, external=True)
    session.run(cvbench, "report", "quickstart", "-o", "quickstart.html", external=True)
    session.run(here, "-c", "import cvbench; print(cvbench.load_suite('quickstart').name)", external=True)


@nox.session
def minimums(session: nox.Session) -> None:
    """The default tests with the oldest versions of direct dependencies that pyproject.toml allows."""
    made = Path(session.create_tmp()).resolve()
    session.run("uv", "venv", "--quiet", "--clear", str(made / "venv"), *_python(session), external=True)
    here = str(made / "venv/bin/python")
    oldest = ["--resolution", "lowest-direct", "--python", here, "--all-extras"]
    pins = str(made / "oldest.txt")
    session.run("uv", "pip", "compile", "--quiet", *oldest, "pyproject.toml", "-o", pins, external=True)
    packages = ["-e", ".", "--group", "test", "--constraints", pins]
    session.run("uv", "pip", "install", "--quiet", "--python", here, *packages, external=True)
    session.run(here, "-m", "pytest", *(_tests(session) or SIDE_BY_SIDE), env=SETTINGS, external=True)


def _python(session: nox.Session) -> list[str]:
    """The option of uv for the Python of `nox -s … -- --python=3.13`, by default the oldest supported one."""
    asked = [word.partition("=")[2] for word in session.posargs if word.startswith("--python=")]
    return ["--python", *(asked or ["3.11"])]


def _tests(session: nox.Session) -> list[str]:
    """The arguments for pytest: all after `--` except the Python version."""
    return [word for word in session.posargs if not word.startswith("--python=")]


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzzing of all file readers: `nox -s fuzz -- --inputs 10000 --seed 1 --keep DIR`."""
    session.run("python", "-m", "tests.benchmarks.fuzz.table", *session.posargs, env=SETTINGS)


@nox.session
def gpu(session: nox.Session) -> None:
    """Tests that need a CUDA device."""
    if shutil.which("nvidia-smi") is None and not os.environ.get("CVBENCH_FORCE_GPU"):
        session.skip("no NVIDIA driver found; set CVBENCH_FORCE_GPU=1 to run anyway")
    session.run("pytest", "-m", "gpu", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Fault injection: kills and disk errors at random moments; writes results/reference/faults-<machine>.md.

    300 faults by default; `nox -s faults -- --count 30 --seed 7` injects 30 with another random seed.
    """
    session.run("python", "-m", "tests.faults.table", *session.posargs)
