"""The SQL of the dashboard of trends, run under the role that Grafana uses."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest
from sqlalchemy import RowMapping

from db.engine import Database
from severity.domain import RESEARCH_USE_ONLY
from tests.builders import grafana
from tests.builders.grafana import ERRORS

ROLE = "severity_dashboard"
VIEWS = ("patient_trend", "patient_list", "balance", "model_versions")  # that it reads
BALANCE = "Balance of the model version"
SMALLEST = "Smallest detectable change"
DATASOURCE = "grafana-postgresql-datasource"
DAY_0 = datetime(2020, 3, 1, 9, tzinfo=UTC)  # of the images in conftest.py


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return grafana.dashboard("patient-trend")


class Ask(Protocol):
    """Run a query of the dashboard, by the title of its panel."""

    def __call__(self, name: str, model_version: str = "", patient: str = "") -> list[RowMapping]:
        """Return the rows that Grafana would get."""


@pytest.fixture
def ask(reader: Database, dashboard: dict[str, Any]) -> Ask:
    queries = dict(grafana.queries(dashboard))

    def rows(name: str, model_version: str = "", patient: str = "") -> list[RowMapping]:
        sql = grafana.interpolated(
            queries[name], {"model_version": model_version, "patient": patient}
        )
        with reader.engine.connect() as connection:
            return list(connection.exec_driver_sql(sql).mappings())

    return rows


def _columns(rows: list[RowMapping], *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_each_query_runs_with_any_value_of_its_variables(
    ask: Ask, dashboard: dict[str, Any]
) -> None:
    for name, _ in grafana.queries(dashboard):
        for version in ("v1", "v2", "absent", "", "v1' OR 'a' = 'a"):
            for patient in ("p-one", "p-two", "absent", "", "p-one' OR 'a' = 'a"):
                rows = ask(name, version, patient)
                unknown = version not in {"v1", "v2"} or patient not in {"p-one", "p-two"}
                if unknown and name not in {"$model_version", "$patient", BALANCE, SMALLEST}:
                    assert rows == [], name


def test_a_query_is_plain_sql_once_its_variables_are_filled_in(
    dashboard: dict[str, Any],
) -> None:
    for name, sql in grafana.queries(dashboard):
        assert "$" not in grafana.interpolated(sql, {"model_version": "", "patient": ""}), name


def test_each_query_reads_one_view_of_one_model_version(dashboard: dict[str, Any]) -> None:
    for name, sql in grafana.queries(dashboard):
        if name != "$model_version":
            (view,) = re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", sql)
            assert view in VIEWS, name
            assert "WHERE model_version = ${model_version:sqlstring}" in sql, name
            assert not re.search(r"\bOR\b", sql), name


def test_one_model_version_and_one_patient_are_chosen_never_several(
    dashboard: dict[str, Any],
) -> None:
    version, patient = dashboard["templating"]["list"]
    assert (version["name"], patient["name"]) == ("model_version", "patient")
    for variable in (version, patient):
        assert not variable["multi"]
        assert not variable["includeAll"]
        assert variable["hide"] == 0
    assert not version["allowCustomValue"]
    assert patient["allowCustomValue"]  # a key can be pasted


def test_the_newest_model_version_is_offered_first(ask: Ask) -> None:
    assert _columns(ask("$model_version"), "model_version") == [("v2",), ("v1",)]


def test_only_patients_of_the_model_version_are_offered_the_newest_first(ask: Ask) -> None:
    assert _columns(ask("$patient", "v1"), "patient_key") == [
        ("p-two",),
        ("p-three",),
        ("p-one",),
    ]
    assert _columns(ask("$patient", "v2"), "patient_key") == [("p-one",)]


def test_a_course_is_that_of_one_patient_by_one_model_version(ask: Ask) -> None:
    days = ("time", "metric", "value")
    first, second, third = (DAY_0.replace(day=day) for day in (1, 4, 6))

    assert _columns(ask("Geographic extent", "v1", "p-one"), *days) == [
        (first, "Geographic extent", 2.0),
        (second, "Geographic extent", 5.0),
        (third, "Geographic extent", 4.0),
    ]
    assert _columns(ask("Opacity", "v1", "p-one"), *days) == [
        (first, "Opacity", 1.0),
        (second, "Opacity", 3.0),
        (third, "Opacity", 2.5),
    ]
    assert _columns(ask("Opacity", "v2", "p-one"), *days) == [
        (first, "Opacity", 6.0),
        (second, "Opacity", 5.0),
    ]


def test_simulated_images_are_marked_in_the_legend(ask: Ask) -> None:
    rows = ask("Geographic extent", "v1", "p-two")
    assert _columns(rows, "metric", "value") == [("Geographic extent (SIMULATED)", 2.5)]


def test_images_without_a_calendar_date_are_drawn_by_day_alone(ask: Ask) -> None:
    calendar = [*ask("Geographic extent", "v1", "p-two"), *ask("Opacity", "v1", "p-two")]
    assert {row["time"] for row in calendar} == {DAY_0.replace(month=4, day=30)}

    by_day = ask("By day, where no calendar date is known", "v1", "p-two")
    assert _columns(by_day, "Day", "Geographic extent", "Opacity") == [
        (0, 3.0, 2.0),
        (10, 1.0, 0.5),
    ]
    assert ask("By day, where no calendar date is known", "v1", "p-one") == []


def test_a_change_of_view_is_marked(ask: Ask) -> None:
    marks = ask("Changes of view", "v1", "p-one")
    assert _columns(marks, "time", "text") == [(DAY_0.replace(day=4), "View changed to AP")]
    # The change of p-two lies between images without a date.
    assert ask("Changes of view", "v1", "p-two") == []


def test_the_table_holds_each_image_with_its_changes(ask: Ask) -> None:
    rows = ask("Observations", "v1", "p-one")
    assert _columns(rows, "Date", "Days since baseline", "View", "View changed", "Simulated") == [
        (DAY_0, 0, "PA", "", ""),
        (DAY_0.replace(day=4), 3, "AP", "yes", ""),
        (DAY_0.replace(day=6), 5, "AP", "", ""),
    ]
    changes = ("", " from baseline", " from previous", " from peak")
    assert _columns(rows, *(f"Extent{change}" for change in changes)) == [
        (2.0, 0.0, None, 0.0),
        (5.0, 3.0, 3.0, 0.0),
        (4.0, 2.0, -1.0, -1.0),
    ]
    assert _columns(rows, *(f"Opacity{change}" for change in changes)) == [
        (1.0, 0.0, None, 0.0),
        (3.0, 2.0, 2.0, 0.0),
        (2.5, 1.5, -0.5, -0.5),
    ]


def test_the_table_shows_no_date_where_none_is_known(ask: Ask) -> None:
    rows = ask("Observations", "v1", "p-two")
    assert _columns(rows, "Date", "Days since baseline", "Simulated") == [
        (DAY_0.replace(month=4, day=30), 0, "SIMULATED"),
        (None, 0, ""),
        (None, 10, ""),
    ]


def test_the_table_states_what_a_change_means(ask: Ask) -> None:
    rows = ask("Observations", "v1", "p-one")
    extent = ("Extent interval", "Extent is, from baseline", "Extent is, from previous")
    assert _columns(rows, *extent) == [
        ("0.8-3.2", None, None),
        ("3.8-6.2", "worse", "worse"),
        ("2.8-5.2", "worse", "stable"),
    ]
    # The error of opacity is not known, nor any error of the other version.
    opacity = ("Opacity interval", "Opacity is, from baseline", "Opacity is, from previous")
    assert _columns(rows, *opacity) == [
        ("0.5-1.5", None, None),
        ("2.5-3.5", None, None),
        ("2.0-3.0", None, None),
    ]
    assert set(_columns(ask("Observations", "v2", "p-one"), *extent)) == {(None, None, None)}


def test_the_table_compares_nothing_with_an_image_that_is_out_of_distribution(ask: Ask) -> None:
    rows = ask("Observations", "v1", "p-three")
    names = ("Days since baseline", "Out of distribution", "Extent", "Extent from baseline")
    assert _columns(rows, *names, "Extent is, from previous") == [
        (-2, "inverted", 8.0, None, None),
        (0, "", 3.0, 0.0, None),
        (2, "rotated", 7.0, None, None),
        (4, "", 4.0, 1.0, "stable"),
        (-1, "layout", 8.0, None, None),
        (0, "", 3.5, 0.0, None),
    ]


def test_images_out_of_distribution_are_points_of_their_own_in_every_chart(ask: Ask) -> None:
    rows = ask("Geographic extent", "v1", "p-three")
    flagged = "Geographic extent (OUT OF DISTRIBUTION)"
    assert _columns(rows, "metric", "value") == [
        (flagged, 8.0),
        ("Geographic extent", 3.0),
        (flagged, 7.0),
        ("Geographic extent", 4.0),
    ]
    by_day = ask("By day, where no calendar date is known", "v1", "p-three")
    assert _columns(by_day, "Day", "Geographic extent", flagged) == [
        (-1, None, 8.0),
        (0, 3.5, None),
    ]
    marks = ask("Images out of distribution", "v1", "p-three")
    assert [mark["text"] for mark in marks] == [
        "Out of distribution: inverted",
        "Out of distribution: rotated",
    ]


def test_a_chart_has_intervals_and_the_range_of_stable_changes(ask: Ask) -> None:
    rows = ask(f"Geographic extent{ERRORS}", "v1", "p-three")
    smallest = 0.5 * 1.96 * 2**0.5
    assert _columns(rows, "time", "Interval, low", "Interval, high") == [
        (DAY_0.replace(day=3), 1.8, 4.2),
        (DAY_0.replace(day=7), 2.8, 5.2),
    ]
    for row in rows:
        assert row["Stable, low"] == pytest.approx(3 - smallest)
        assert row["Stable, high"] == pytest.approx(3 + smallest)
    # The error of opacity is not known: there is no line, not one at zero.
    opacity = ask(f"Opacity{ERRORS}", "v1", "p-three")
    assert set(_columns(opacity, "Stable, low", "Stable, high")) == {(None, None)}


def test_the_smallest_detectable_change_is_that_of_the_model_version(ask: Ask) -> None:
    (row,) = ask(SMALLEST, "v1")
    assert (row["Extent"], row["Opacity"]) == (pytest.approx(0.5 * 1.96 * 2**0.5), None)
    assert _columns(ask(SMALLEST, "v2"), "Extent", "Opacity") == [(None, None)]


def test_triage_reaches_no_panel(reader: Database, ask: Ask, dashboard: dict[str, Any]) -> None:
    """It has no part in the score, and a course must not be read as a diagnosis."""
    with reader.engine.connect() as connection:
        for view in VIEWS:
            columns = connection.exec_driver_sql(f"SELECT * FROM {view} LIMIT 0").keys()  # noqa: S608
            assert not [name for name in columns if "triage" in name]
    assert "triage" not in json.dumps(dashboard).lower()


def test_the_balance_is_that_of_one_model_version(ask: Ask) -> None:
    names = ("Seen", "Scored", "Rejected", "Waiting", "Out of distribution", "Unaccounted for")
    assert _columns(ask(BALANCE, "v1"), *names) == [(14, 12, 1, 1, 3, 0)]
    assert _columns(ask(BALANCE, "v2"), *names) == [(14, 2, 1, 11, 0, 0)]


def test_the_dashboard_states_that_it_is_for_research_only(dashboard: dict[str, Any]) -> None:
    shown = [
        panel["options"]["content"] for panel in dashboard["panels"] if panel["type"] == "text"
    ]
    assert any(RESEARCH_USE_ONLY in content for content in shown)


def test_each_panel_uses_the_provisioned_data_source(dashboard: dict[str, Any]) -> None:
    (source,) = grafana.provisioned("datasources")["datasources"]
    assert (source["type"], source["user"]) == (DATASOURCE, ROLE)
    assert source["secureJsonData"] == {"password": "$DASHBOARD_PASSWORD"}

    expected = {"type": DATASOURCE, "uid": source["uid"]}
    users = [
        *dashboard["templating"]["list"],
        *dashboard["annotations"]["list"],
        *(panel for panel in dashboard["panels"] if panel["type"] != "text"),
        *(target for panel in dashboard["panels"] for target in panel.get("targets", ())),
    ]
    assert all(user["datasource"] == expected for user in users)
