"""Annotations that nobody evaluates cost nothing; those that are evaluated are jaxtyping's."""

import jaxtyping
import numpy as np

from cvbench.boxes import array_types
from tests.test_start import modules_of


def test_a_type_that_is_looked_at_is_jaxtypings_own():
    for name in array_types.__all__:
        found, own = (getattr(module, name)[np.ndarray, "n 2"] for module in (array_types, jaxtyping))
        assert (found.array_type, found.dtypes, found.dim_str) == (own.array_type, own.dtypes, own.dim_str)


def test_a_comparison_waits_neither_for_jaxtyping_nor_for_what_scipy_copies_from_numpy():
    loaded = modules_of("import cvbench.compare.comparison")
    assert {"scipy.special", "numpy"} <= loaded
    assert not {"jaxtyping", "asyncio", "numpy.f2py.crackfortran", "numpy.ma.core", "filelock"} & loaded


def test_what_was_put_off_is_there_when_it_is_asked_for():
    code = "import cvbench.statistics.distributions, numpy; assert numpy.ma.array([1]).sum() == 1"
    assert "numpy.ma.core" in modules_of(f"{code}; import numpy.f2py; numpy.f2py.run_main")
