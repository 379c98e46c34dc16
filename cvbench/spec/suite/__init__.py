"""Suites: from a YAML file to cells. Does not import torch."""

from cvbench.spec.suite.bundled import find_suite, suites
from cvbench.spec.suite.loading import load_suite, parse_suite
from cvbench.spec.suite.planning import Planned, plan, plan_cell
from cvbench.spec.suite.schema import SuiteFile, suite_schema
from cvbench.spec.suite.suite import Suite

__all__ = [
    "Planned",
    "Suite",
    "SuiteFile",
    "find_suite",
    "load_suite",
    "parse_suite",
    "plan",
    "plan_cell",
    "suite_schema",
    "suites",
]
