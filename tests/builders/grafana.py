"""The files that Grafana is provisioned with, and the SQL in them as Grafana would send it."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
ERRORS = ", errors"


def dashboards() -> list[str]:
    """The names of all dashboards."""
    return sorted(file.stem for file in (GRAFANA / "dashboards").glob("*.json"))


def dashboard(name: str) -> dict[str, Any]:
    content = (GRAFANA / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(content)
    return loaded


def provisioned(name: str) -> dict[str, Any]:
    """A file of the provisioning, such as ``alerting``."""
    content = (GRAFANA / "provisioning" / name / "severity.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(content)
    return loaded


def alerts() -> dict[str, dict[str, Any]]:
    """The rules of alerts, by title."""
    return {
        rule["title"]: rule
        for group in provisioned("alerting")["groups"]
        for rule in group["rules"]
    }


def alert_query(rule: Mapping[str, Any]) -> str:
    (query,) = (step for step in rule["data"] if step["datasourceUid"] != "__expr__")
    sql: str = query["model"]["rawSql"]
    return sql


def queries(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the SQL of every query of the dashboard."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"${variable['name']}", variable["query"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["target"]["rawSql"]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            # The second query of a panel is of errors: intervals, bands, what is stable.
            name = panel["title"] + (ERRORS if target["refId"] == "B" else "")
            yield name, target["rawSql"]


def interpolated(sql: str, values: Mapping[str, str]) -> str:
    """Fill in the variables as Grafana does for ``${name:sqlstring}``: quoted, quotes doubled.

    The dashboards use none of Grafana's other formats, nor its macros.
    """

    def literal(match: re.Match[str]) -> str:
        return "'" + values[match["name"]].replace("'", "''") + "'"

    return re.sub(r"\$\{(?P<name>\w+):sqlstring\}", literal, sql)
