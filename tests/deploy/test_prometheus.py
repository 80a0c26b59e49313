"""The example alerts: on metrics that are there, and as Prometheus itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from flows.operations.metrics import metrics_text, read_snapshot
from flows.resources import Progress, Resources
from flows.settings import Settings
from tests.builders.archive import Archive, Film
from tests.builders.settings import SECRET

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = FOLDER / "severity.rules.yml"


def test_alerts_watch_nothing_but_metrics_that_a_site_has(database_url, database, tmp_path):
    Archive(database).add(Film("a"))
    settings = Settings(
        database_url=database_url, pseudonym_key=SECRET, home=tmp_path, backup_folder=tmp_path
    )
    resources = Resources(settings, Progress())
    content = metrics_text(read_snapshot(resources), settings).decode()
    resources.read_database().dispose()
    rules = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]

    watched = {name for rule in rules for name in re.findall(r"cxr_severity_\w+", rule["expr"])}
    assert len(rules) >= 10
    assert watched <= set(re.findall(r"^# TYPE (\w+)", content, re.MULTILINE))


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "rules", "severity.rules.yml"],
        ["check", "config", "--syntax-only", "prometheus.yml"],
        ["test", "rules", "severity.rules.test.yml"],
    ],
    ids=" ".join,
)
def test_prometheus_reads_them_and_they_come_when_they_should(arguments):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine: apt-get install prometheus")
    ended = subprocess.run(
        [promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
