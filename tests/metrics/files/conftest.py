"""Files are read in two ways, by their size; tests of small ones can ask for either."""

import pytest

from cvbench.metrics.files import json_columns


@pytest.fixture(params=["decoded", "straight"])
def either_way(request, monkeypatch):
    """The test runs twice: as small files are read, and as large ones are."""
    if request.param == "straight":
        monkeypatch.setattr(json_columns, "WORTH_IT", 0)
