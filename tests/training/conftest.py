"""The folder of the images that models are trained on; see the README there."""

import os
from pathlib import Path

import pytest

# Read on import: the tests run without the settings of whoever starts them.
_DATA = Path(os.environ.get("SEVERITY_TEST_DATA", Path(__file__).parents[3] / "shared/data"))


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real images and labels, or skip the test."""
    if not (_DATA / "cidc" / "metadata.csv").is_file():
        pytest.skip("no ../shared/data and no SEVERITY_TEST_DATA: real images are not available")
    return _DATA
