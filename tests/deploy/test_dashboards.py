"""The SQL of all dashboards and alerts, run under the role that Grafana uses."""

import re
from itertools import product
from typing import Any

import pytest
from sqlalchemy import RowMapping

from db.engine import Database
from flows.courses.update import update_courses
from severity.domain import RESEARCH_USE_ONLY
from tests.builders import grafana
from tests.builders.postgres import execute

# That state the scores of a model version: two are never joined.
OF_A_MODEL_VERSION = {
    *("patient_course", "patient_trend", "patient_list", "worklist", "event_response"),
    "patient_lungs",
    *("cohort_course", "cohort_response", "cohort_response_by_group"),
}
# What each variable may be; others are what people paste.
CHOSEN = {
    "model_version": ("v1", "absent", "v1' OR 'a' = 'a"),
    "patient": ("p-one", "p-one' OR 'a' = 'a"),
    "group": ("any", "arm=drug", "' OR 'a' = 'a"),
    "label": ("steroid", "' OR 'a' = 'a"),
    "kind": ("drug", "' OR 'a' = 'a"),
    "group_name": ("arm",),
    "score": ("opacity",),
    "verdict": ("any", "worse"),
    "days": ("any", "7"),
    "view": ("any", "AP supine"),
}
ANY = {name: values[0] for name, values in CHOSEN.items()}


def ask(reader: Database, dashboard: str, name: str, **chosen: str) -> list[RowMapping]:
    """Run a query of a dashboard, by the title of its panel."""
    sql = dict(grafana.queries(grafana.dashboard(dashboard)))[name]
    return rows(reader, grafana.interpolated(sql, {**ANY, **chosen}))


def rows(reader: Database, sql: str) -> list[RowMapping]:
    with reader.engine.connect() as connection:
        return list(connection.exec_driver_sql(sql.replace("%", "%%")).mappings())


def column(answer: list[RowMapping], name: str) -> list[object]:
    return [row[name] for row in answer]


def value(reader: Database, alert: str) -> object:
    """Return the one number that a rule compares."""
    (row,) = rows(reader, grafana.alert_query(grafana.alerts()[alert]))
    (number,) = row.values()
    return number


@pytest.mark.parametrize("dashboard", grafana.dashboards())
def test_each_query_of_a_dashboard_runs_with_any_choice(reader: Database, dashboard: str) -> None:
    for _, sql in grafana.queries(grafana.dashboard(dashboard)):
        names = sorted(set(re.findall(r"\$\{(\w+):sqlstring\}", sql)))
        for values in product(*(CHOSEN[name] for name in names)):
            filled = grafana.interpolated(sql, dict(zip(names, values, strict=True)))
            assert "$" not in filled
            rows(reader, filled)


@pytest.mark.parametrize("dashboard", grafana.dashboards())
def test_no_query_joins_two_model_versions(dashboard: str) -> None:
    for name, sql in grafana.queries(grafana.dashboard(dashboard)):
        read = [
            view
            for view in re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", sql)
            if view in OF_A_MODEL_VERSION
        ]
        asked = len(re.findall(r"WHERE model_version = \$\{model_version:sqlstring\}", sql))
        assert asked >= len(read), name
    variables = grafana.dashboard(dashboard)["templating"]["list"]
    assert not any(variable["multi"] or variable["includeAll"] for variable in variables)


@pytest.mark.parametrize("dashboard", grafana.dashboards())
def test_each_dashboard_reads_the_provisioned_source_and_says_that_it_is_for_research(
    dashboard: str,
) -> None:
    content = grafana.dashboard(dashboard)
    (source,) = grafana.provisioned("datasources")["datasources"]
    users = [
        *(variable for variable in content["templating"]["list"] if variable["type"] == "query"),
        *content["annotations"]["list"],
        *(panel for panel in content["panels"] if panel["type"] != "text"),
        *(target for panel in content["panels"] for target in panel.get("targets", ())),
    ]
    expected = {"type": source["type"], "uid": source["uid"]}
    assert all(user["datasource"] == expected for user in users)
    shown = [panel["options"]["content"] for panel in content["panels"] if panel["type"] == "text"]
    assert any(RESEARCH_USE_ONLY in text for text in shown)
    assert "triage" not in str(content).lower()


def test_the_worklist_has_whoever_is_most_probably_worse_first(reader: Database) -> None:
    everybody = ask(reader, "worklist", "Worklist")
    assert set(column(everybody, "Patient")) == {"p-one", "p-two", "p-three"}
    assert column(everybody, "Patient")[-1] == "p-two"  # a single image on the calendar
    probable = [row["Probability of worsening"] for row in everybody[:-1]]
    assert probable == sorted(probable, reverse=True)
    (counts,) = ask(reader, "worklist", "Patients by verdict")
    assert (counts["Patients"], counts["Nothing after the baseline"]) == (3, 1)


def test_the_worklist_is_filtered(reader: Database) -> None:
    def patients(**chosen: str) -> list[object]:
        return column(ask(reader, "worklist", "Worklist", **chosen), "Patient")

    assert patients(group="arm=drug") == ["p-one"]
    assert patients(days="30") == []
    assert sorted(map(str, patients(days="100000"))) == ["p-one", "p-three", "p-two"]
    assert patients(view="AP") == ["p-one"]
    (verdict,) = column(ask(reader, "worklist", "Worklist", group="arm=drug"), "Verdict")
    assert patients(verdict=str(verdict), group="arm=drug") == ["p-one"]
    assert column(ask(reader, "worklist", "$group"), "group") == ["any", "arm=drug"]


def test_a_patient_has_levels_within_their_bands_and_scores_beside_them(reader: Database) -> None:
    scores = ask(reader, "patient-course", "Geographic extent", patient="p-three")
    flagged = "Score of an image (OUT OF DISTRIBUTION)"
    assert [(row["metric"], row["value"]) for row in scores] == [
        (flagged, 8.0),
        ("Score of an image", 3.0),
        (flagged, 7.0),
        ("Score of an image", 4.0),
    ]
    levels = ask(reader, "patient-course", f"Geographic extent{grafana.ERRORS}", patient="p-three")
    assert len(levels) == 3, "none before the first image in distribution"
    assert all(row["Level, low"] < row["Level"] < row["Level, high"] for row in levels)
    marks = ask(reader, "patient-course", "Images out of distribution", patient="p-three")
    assert column(marks, "text") == [
        "Out of distribution: inverted",
        "Out of distribution: rotated",
    ]
    images = ask(reader, "patient-course", "Images", patient="p-three")
    # The last two are days since an unknown day 0.
    assert [row["Taken"] is None for row in images] == [False] * 4 + [True] * 2


def test_a_patient_has_the_extent_of_each_lung_where_the_model_draws_lungs(
    reader: Database,
) -> None:
    def lungs(patient: str) -> list[tuple[object, object]]:
        answer = ask(reader, "patient-course", "Extent of each lung", patient=patient)
        return [(row["metric"], row["value"]) for row in answer]

    assert lungs("p-one") == [("Right lung", 3.0), ("Left lung", 1.0)]
    assert lungs("p-three") == [
        ("Right lung (OUT OF DISTRIBUTION)", 3.5),
        ("Left lung (OUT OF DISTRIBUTION)", 3.5),
    ]
    assert lungs("p-two") == []


def test_images_of_unlike_processing_are_marked(reader: Database) -> None:
    images = ask(reader, "patient-course", "Images", patient="p-one")
    assert column(images, "Unlike processing") == ["", "", "enhanced"]
    latest = {row["Patient"]: row["Latest image is"] for row in ask(reader, "worklist", "Worklist")}
    assert latest["p-one"] == "processed unlike the training films"
    assert latest["p-two"] == ""


def test_treatments_are_marked_with_what_followed(reader: Database) -> None:
    assert column(ask(reader, "patient-course", "Treatments"), "text") == ["steroid"]
    responses = ask(reader, "patient-course", "Responses to treatments")
    assert column(responses, "Day") == [0, 1, 3, 7, 14]
    assert column(ask(reader, "cohort", "$label"), "label") == ["steroid"]
    around = ask(reader, "cohort", "Levels around the start of the treatment")
    assert [row["Day"] for row in around] == [0, 1]
    groups = ask(reader, "cohort", "Responses by group")
    assert set(column(groups, "Group")) == {"drug"}


def test_one_curve_is_drawn_of_a_label_that_two_kinds_of_treatment_have(
    reader: Database, owner: Database
) -> None:
    url = owner.engine.url.render_as_string(hide_password=False)
    execute(
        url,
        """
        INSERT INTO event
            (patient_id, starts_at, kind, starts_is_date, zone, label, source)
        SELECT patient_id, starts_at, 'other', starts_is_date, zone, label, source FROM event
        """,
    )
    update_courses(owner)
    kinds = column(ask(reader, "cohort", "$kind"), "kind")
    around = ask(reader, "cohort", "Levels around the start of the treatment")
    execute(url, "DELETE FROM event WHERE kind = 'other'")
    execute(url, "DELETE FROM event_label WHERE kind = 'other'")

    assert kinds == ["drug", "other"]
    assert [row["Day"] for row in around] == [0, 1]


def test_a_course_that_is_not_up_to_date_says_so(reader: Database, owner: Database) -> None:
    def answers() -> tuple[list[object], dict[object, object]]:
        rows = ask(reader, "worklist", "Worklist")
        of_patient = column(ask(reader, "patient-course", "Up to date"), "Up to date")
        return of_patient, {row["Patient"]: row["Up to date"] for row in rows}

    url = owner.engine.url.render_as_string(hide_password=False)
    before = answers()
    execute(
        url,
        """
        INSERT INTO course_due (person_id, model_version_id)
        SELECT patient.id, model_version.id FROM patient CROSS JOIN model_version
        WHERE patient_key = 'p-one' AND key = 'v1'
        """,
    )
    due = answers()
    execute(url, "DELETE FROM course_due")

    assert before == (["yes"], dict.fromkeys(("p-one", "p-two", "p-three"), ""))
    assert due == (["NO"], {"p-one": "NO", "p-two": "", "p-three": ""})
    assert answers() == before


def test_every_file_is_accounted_for(reader: Database) -> None:
    balance = ask(reader, "operations", "Balance")
    assert [(row["Model version"], row["Seen"], row["Unaccounted for"]) for row in balance] == [
        ("v1", 14, 0),
        ("v2", 14, 0),
    ]
    assert column(balance, "Unlike processing") == [1, 0]
    (hour,) = ask(reader, "operations", "Throughput")
    assert (hour["Received"], hour["Scored"], hour["Rejected"]) == (14, 14, 1)


def test_no_alert_fires_while_all_is_well(reader: Database) -> None:
    assert value(reader, "Nothing received") < 2
    assert value(reader, "Oldest waiting") < 2
    assert value(reader, "A balance that fails") == 0
    assert value(reader, "Rejections rising") == 0
    assert value(reader, "Drift") == 0


@pytest.mark.parametrize(
    ("alert", "statement", "undone"),
    [
        (
            "A balance that fails",
            "UPDATE tally SET n = n + 1 WHERE what = 'scored'",
            "UPDATE tally SET n = n - 1 WHERE what = 'scored'",
        ),
        (
            "Nothing received",
            "UPDATE hour_count SET hour = hour - interval '2 days'",
            "UPDATE hour_count SET hour = hour + interval '2 days'",
        ),
        (
            "Oldest waiting",
            "UPDATE sighting SET seen_at = seen_at - interval '2 days'",
            "UPDATE sighting SET seen_at = seen_at + interval '2 days'",
        ),
        (
            "Rejections rising",
            """
            INSERT INTO hour_count (hour, source_id, run_id, what, n)
            SELECT now() - days * interval '1 day', source.id, run.id, what, 50
            FROM source CROSS JOIN (SELECT min(id) AS id FROM run) AS run
            CROSS JOIN (VALUES (0, 'rejected'), (3, 'accepted')) AS counted (days, what)
            """,
            "DELETE FROM hour_count WHERE n = 50",
        ),
        (
            "Drift",
            "INSERT INTO drift_report SELECT id, now(), '{}' FROM model_version",
            "DELETE FROM drift_report",
        ),
    ],
)
def test_an_alert_fires_when_something_is_wrong(
    reader: Database, owner: Database, alert: str, statement: str, undone: str
) -> None:
    url = owner.engine.url.render_as_string(hide_password=False)
    execute(url, statement)
    fired = value(reader, alert)
    execute(url, undone)

    assert fired > threshold(alert) >= value(reader, alert)


def threshold(alert: str) -> Any:
    """Return the number above which a rule fires."""
    rule = grafana.alerts()[alert]
    (condition,) = (step for step in rule["data"] if step["refId"] == rule["condition"])
    assert condition["model"]["expression"] == "A"
    (compared,) = condition["model"]["conditions"]
    assert compared["evaluator"]["type"] == "gt"
    (number,) = compared["evaluator"]["params"]
    return number
