"""Two workers on two simulated hosts, where this machine lets us make them."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rich.console import Console

from benchmarks.hosts import simulated_hosts, why_not
from benchmarks.partition import ledger_story


@pytest.mark.server
def test_a_death_and_a_partition_end_with_each_image_scored_once():
    if reason := why_not():
        pytest.skip(reason)
    # Not below pytest's folder, which is closed to the user under whom PostgreSQL runs.
    with TemporaryDirectory(prefix="severity-hosts-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with simulated_hosts(2, folder) as hosts:
            counts = ledger_story(hosts, 48, Console(quiet=True), folder=folder).tell()

    assert counts["runs that were taken for dead"] >= 1
    assert {name for name, count in counts.items() if count and "wrong" in name} == set()
