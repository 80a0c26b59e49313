"""What docs/treatments.md says is true of the program."""

import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from db.events import EventKind
from flows.events.reading import records
from flows.events.record import Naming, Problem, Record

PAGE = (Path(__file__).parents[3] / "docs" / "treatments.md").read_text(encoding="utf-8")
CSV = re.findall(r"```csv\n(.*?)```", PAGE, flags=re.DOTALL)
(FHIR,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def read(tmp_path):
    def read(content: str, name: str) -> list[Record]:
        file = tmp_path / name
        file.write_text(content, encoding="utf-8")
        naming = Naming(lambda patient, issuer: f"p-{patient}{issuer}", ZoneInfo("UTC"))
        read_all = list(records(file, naming))
        assert all(isinstance(record, Record) for record in read_all)
        return read_all

    return read


def test_the_examples_of_csv_are_read_as_they_stand(read):
    treated, grouped = (read(content, "t.csv") for content in CSV)

    assert [(r.event.kind, r.event.label, r.event.start.is_date) for r in treated] == [
        ("drug", "Remdesivir", True),
        ("procedure", "Intubation", False),
    ]
    assert [(r.patient_key, {g.name: g.value for g in r.groups}) for r in grouped] == [
        ("p-4711", {"arm": "A", "ICU": "yes"}),
        ("p-0815", {"arm": "B", "ICU": "no"}),
    ]


def test_the_example_of_fhir_is_read_as_it_stands(read):
    events = [record.event for record in read(FHIR, "t.json")]

    assert {event.patient_key for event in events} == {"p-4711"}
    assert [(event.kind, event.label) for event in events] == [
        ("drug", "Remdesivir"),
        ("procedure", "Intubation"),
        ("stay", "Intensive care"),
    ]
    assert json.loads(FHIR)["resourceType"] == "Bundle"


def test_the_queries_are_of_views_and_columns_that_exist(database):
    (page,) = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
    queries = [query for query in page.split(";") if query.strip()]

    with database.transaction() as session:
        assert [session.execute(text(query)).all() for query in queries] == [[], []]


@pytest.mark.parametrize("code", [*Problem, *EventKind])
def test_each_code_is_explained(code):
    assert f"`{code}`" in PAGE
