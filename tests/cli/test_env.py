import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cvbench.cli.main import app
from cvbench.runner import environment


def test_json_is_one_document_with_the_three_groups():
    done = CliRunner().invoke(app, ["env", "--json"])
    document = json.loads(done.stdout)
    assert done.exit_code == 0
    assert set(document) == {"hard", "soft", "volatile", "disturbances"}
    assert document["hard"]["cpu_threads"] == environment.threads_available()


def test_people_read_what_must_agree_and_what_could_disturb():
    done = CliRunner().invoke(app, ["env"])
    assert "must be equal to compare speed" in done.stdout
    assert "could disturb measurements" in done.stdout


def test_nothing_tells_who_or_where_the_machine_is():
    import getpass
    import platform

    text = environment.probe().model_dump_json()
    assert platform.node() not in text
    assert f'"{getpass.getuser()}"' not in text


def test_two_looks_at_one_machine_agree_on_what_must_agree():
    assert environment.probe().hard == environment.probe().hard


LEFT = """
import gc
from numba.core.dispatcher import Dispatcher
from cvbench.cli.kernels import calls
for call in calls().values():
    call()
kernels = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]
ours = [kernel for kernel in kernels if kernel.py_func.__module__.startswith("cvbench")]
print(sum(bool(kernel.stats.cache_hits) for kernel in ours))
print([kernel.py_func.__name__ for kernel in ours if kernel.stats.cache_misses])
"""


@pytest.mark.slow
def test_compiling_ahead_leaves_nothing_to_compile(tmp_path):
    """In new processes with an empty cache, as after an installation."""

    def said(*command: str) -> str:
        elsewhere = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        return subprocess.check_output([sys.executable, *command], env=elsewhere, text=True)

    assert "all kernels are compiled" in said("-m", "cvbench", "env", "--compile")
    loaded, compiled = said("-c", LEFT).splitlines()
    assert int(loaded) > 25
    assert compiled == "[]"
