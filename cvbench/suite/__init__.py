"""Suites: from a YAML file to the cells that are run. Importing them imports no torch."""

from cvbench.suite.form import SuiteFile, suite_schema
from cvbench.suite.loading import load_suite, parse_suite
from cvbench.suite.planning import Planned, plan, reason_to_skip
from cvbench.suite.suite import Suite

__all__ = [
    "Planned",
    "Suite",
    "SuiteFile",
    "load_suite",
    "parse_suite",
    "plan",
    "reason_to_skip",
    "suite_schema",
]
