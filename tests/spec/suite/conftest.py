"""What the tests of suites share: how the problems of a text are told."""

import pytest

from cvbench.errors import SuiteError
from cvbench.spec.suite import parse_suite


@pytest.fixture
def problems():
    """Every problem of a suite's text, without the file's name in front: (what, remedy) pairs."""

    def told(text, *overrides):
        with pytest.raises(SuiteError) as error:
            parse_suite(text, path="a.yaml", overrides=overrides)
        found = [str(problem).partition("\n  ") for problem in error.value.problems]
        return [(what.removeprefix("a.yaml: "), remedy) for what, _, remedy in found]

    return told
