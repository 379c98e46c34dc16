"""Python imports this first in every worker of the harness: stub cells, and the fault that it is to meet."""

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
runpy.run_path(str(HERE.parents[1] / "runner" / "stubs" / "sitecustomize.py"))

if "cvbench.runner.worker" in sys.orig_argv:
    from faulty import install

    install("worker")
