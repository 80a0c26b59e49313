"""The commands on treatments, on files as hospitals send them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

from severity.domain import PatientId
from tests.builders.archive import Film

WHY = ("--why", "it was another patient's", "--who", "dr.roe")
EVENTS = (
    "SELECT patient_key, kind::text, label, starts_is_date, ends_at::text, source, is_removed"
    " FROM event JOIN patient ON patient.id = patient_id ORDER BY starts_at, event.id"
)
NAMED = "PID-4711-0815"
UNKNOWN = "PID-nobody-77"


@pytest.fixture
def keys(resources, archive):
    """The keys of two patients, of whom the second is one of the issuer Town."""
    keys = {
        NAMED: resources.pseudonym(PatientId(NAMED)),
        "Town": resources.pseudonym(PatientId(NAMED, "Town")),
    }
    archive.add(*(Film(f"film-{place}", patient=key) for place, key in enumerate(keys.values())))
    return keys


@pytest.fixture
def write(tmp_path):
    def write(*lines: str, name: str = "treatments.csv") -> str:
        file = tmp_path / name
        file.write_text("\n".join(["patient,issuer,kind,label,start,end,group.arm", *lines]))
        return str(file)

    return write


def imported(command, *arguments):
    """Import with JSON; return the report, of which the exit code is part."""
    result = command("events", "import", *arguments, "--json")
    return json.loads(result.out) | {"code": result.code}


def counts(**changed):
    return {"new": 0, "changed": 0, "unchanged": 0, "removed": 0} | changed


def test_patients_are_known_by_their_keys_and_an_import_again_changes_nothing(
    correct, archive, keys, write
):
    file = write(
        f"{NAMED},,drug,Remdesivir,2020-03-05,2020-03-09,A",
        f"{NAMED},Town,stay,ICU,2020-03-05 10:00,,B",
        f"{keys['Town']},,procedure,Intubation,2020-03-06,,B",
    )

    first = imported(correct, file, "--source", "ward")
    again = imported(correct, file, "--source", "ward")

    assert first == {"events": counts(new=3), "groups": counts(new=2), "refused": {}, "code": 0}
    assert again["events"] == counts(unchanged=3)
    assert again["groups"] == counts(unchanged=2)
    assert archive.rows(EVENTS) == [
        (keys[NAMED], "drug", "Remdesivir", True, "2020-03-09 00:00:00+00", "ward", False),
        (keys["Town"], "stay", "ICU", False, None, "ward", False),
        (keys["Town"], "procedure", "Intubation", True, None, "ward", False),
    ]
    assert archive.rows("SELECT count(*) FROM correction") == [(0,)]


@pytest.mark.parametrize("source", ["", "s" * 201, "ward\nsystem", "=ward"])
def test_a_source_that_cannot_be_stored_is_wrong_use(correct, archive, keys, write, source):
    result = correct("events", "import", write(f"{NAMED},,,,,,A"), "--source", source)

    assert result.code == 2
    assert "--source" in result.err
    assert archive.rows(EVENTS) == []


def test_a_changed_end_and_a_changed_group_are_recorded(correct, archive, keys, write):
    correct("events", "import", write(f"{NAMED},,drug,x,2020-03-05,,A"))
    file = write(f"{NAMED},,drug,x,2020-03-05,2020-03-07,B")

    changed = imported(correct, file, "--who", "dr.roe")

    assert (changed["events"], changed["groups"]) == (counts(changed=1), counts(changed=1))
    history = json.loads(correct("patient", "history", NAMED, "--json").out)
    assert [(event["who"], event["before"], event["after"]) for event in history] == [
        (
            "dr.roe",
            {"event": 1, "ends_at": None, "ends_is_date": False},
            {"ends_at": "2020-03-07T00:00:00+00:00", "ends_is_date": True},
        ),
        ("dr.roe", {"name": "arm", "value": "A"}, {"value": "B"}),
    ]


def test_what_cannot_be_imported_is_named_by_line_and_the_rest_is_imported(
    correct, archive, keys, write
):
    file = write(
        f"{UNKNOWN},,drug,x,2020-03-05,,",
        f"{NAMED},,drug,x,2020-03-05,,A",
        f"{NAMED},,drug,x,5.3.2020,,",
        f"{UNKNOWN},,drug,y,2020-03-05,,",
        f"{NAMED},,drug,x,2020-03-05,2020-03-09,",
        f"{NAMED},,drug,y,2020-03-05,,B",
        f"{NAMED},,drug,x,2020-03-05,,A",
    )

    report = imported(correct, file)

    assert report["code"] == 3
    assert report["events"] == counts(new=1)
    assert report["refused"] == {
        "unknown_patient": [2, 5],
        "wrong_time": [4],
        "contradiction": [6, 7],
    }
    told = correct("events", "import", file)
    assert "unknown_patient: lines 2, 5" in told.out
    assert told.code == 3


def test_a_bundle_is_imported_by_the_identifier_that_the_films_carry(
    correct, archive, keys, tmp_path
):
    identifiers = [{"system": "mrn", "value": NAMED}, {"system": "insurance", "value": "77"}]
    patient = {"resourceType": "Patient", "id": "a", "identifier": identifiers}
    stay = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "ACUTE"},
        "subject": {"reference": "Patient/a"},
        "period": {"start": "2020-03-05T10:00:00Z"},
    }
    file = tmp_path / "bundle.json"
    entries = [{"resource": stay}, {"resource": patient}]
    file.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))

    unclear = imported(correct, str(file))
    clear = imported(correct, str(file), "--identifier-system", "mrn")

    assert (unclear["code"], unclear["refused"]) == (3, {"ambiguous_patient": [1]})
    assert (clear["code"], clear["events"]) == (0, counts(new=1))
    assert [row[:3] for row in archive.rows(EVENTS)] == [(keys[NAMED], "stay", "ACUTE")]


def test_the_issuer_of_all_lines_may_be_named_once(correct, archive, keys, write):
    correct("events", "import", write(f"{NAMED},,drug,x,2020-03-05,,"), "--issuer", "Town")

    assert [row[0] for row in archive.rows(EVENTS)] == [keys["Town"]]


def test_a_removed_event_stays_removed_until_it_is_restored(correct, archive, keys, write):
    file = write(f"{NAMED},,drug,x,2020-03-05,,")
    correct("events", "import", file)

    removed = correct("events", "remove", "1", *WHY)
    assert "Undo: cxr-severity events restore 1 --why" in removed.out
    assert imported(correct, file)["events"] == counts(removed=1)
    listed = json.loads(correct("events", "list", NAMED, "--json").out)
    assert [event["is_removed"] for event in listed["events"]] == [True]
    assert "Nothing changed" in correct("events", "remove", "1", *WHY).out

    assert correct("events", "restore", "1", *WHY).code == 0
    assert imported(correct, file)["events"] == counts(unchanged=1)
    whats = [row[0] for row in archive.rows("SELECT what FROM correction ORDER BY id")]
    assert whats == ["event removed", "event restored"]
    assert correct("events", "remove", "2", *WHY).code == 2


def test_a_removed_group_stays_removed_until_it_is_restored(correct, archive, keys, write):
    file = write(f"{NAMED},,,,,,B")
    correct("events", "import", file)

    removed = correct("events", "remove-group", NAMED, "arm", *WHY)
    assert f"Undo: cxr-severity events restore-group {keys[NAMED]} arm --why" in removed.out
    assert imported(correct, file)["groups"] == counts(removed=1)
    assert json.loads(correct("events", "list", NAMED, "--json").out)["groups"] == {}
    assert archive.rows("SELECT name FROM patient_groups") == []
    assert "Nothing changed" in correct("events", "remove-group", NAMED, "arm", *WHY).out

    assert correct("events", "restore-group", NAMED, "arm", *WHY).code == 0
    assert imported(correct, file)["groups"] == counts(unchanged=1)
    assert json.loads(correct("events", "list", NAMED, "--json").out)["groups"] == {"arm": "B"}
    whats = [row[0] for row in archive.rows("SELECT what FROM correction ORDER BY id")]
    assert whats == ["group removed", "group restored"]


def test_a_group_that_the_patient_was_never_in_is_refused(correct, archive, keys):
    assert correct("events", "remove-group", NAMED, "arm", *WHY).code == 2
    assert correct("events", "restore-group", "p-" + 20 * "0", "arm", *WHY).code == 2


def test_no_group_of_a_merged_patient_counts_instead_of_a_removed_one(
    correct, archive, keys, write
):
    own, other = keys.values()
    correct("events", "import", write(f"{own},,,,,,B", f"{other},,,,,,A"))
    correct("patient", "merge", other, "--into", own, *WHY)

    correct("events", "remove-group", own, "arm", *WHY)

    assert json.loads(correct("events", "list", own, "--json").out)["groups"] == {}
    assert archive.rows("SELECT DISTINCT groups FROM patient_summary") in ([], [(None,)])


def test_a_list_shows_dates_as_dates_in_the_zone_that_they_were_read_in(
    correct, archive, keys, write, monkeypatch
):
    monkeypatch.setenv("SEVERITY_TIMEZONE", "America/New_York")
    correct(
        "events",
        "import",
        write(
            f"{NAMED},,drug,x,2020-03-05,2020-03-06,A",
            f"{NAMED},,drug,[b]y,2020-03-05 20:00,,",
        ),
    )

    listed = json.loads(correct("events", "list", NAMED, "--json").out)

    assert [(event["start"], event["end"]) for event in listed["events"]] == [
        ("2020-03-05", "2020-03-06"),
        ("2020-03-06T01:00:00Z", None),
    ]
    assert listed["groups"] == {"arm": "A"}
    table = correct("events", "list", NAMED).out
    assert "[b]y" in table
    assert "Not for diagnosis" in table


def test_days_since_day_0_are_listed_as_days(correct, archive, keys, tmp_path):
    file = tmp_path / "days.csv"
    file.write_text(f"patient,kind,label,start_day,end_day\n{NAMED},stay,ICU,3,4.5\n")
    correct("events", "import", str(file))

    (event,) = json.loads(correct("events", "list", NAMED, "--json").out)["events"]

    assert (event["start"], event["end"]) == ("day 3", "day 4.5")


def test_no_identifier_leaves_the_file(program, archive, keys, tmp_path, database_url):
    """Whatever is right, wrong or unknown; in the database, its log and all that is printed."""
    identifiers = (NAMED, UNKNOWN)
    log = Path(str(make_url(database_url).query["host"])) / "log"
    before = log.stat().st_size
    csv, bundle = tmp_path / "t.csv", tmp_path / "t.json"
    csv.write_text(
        "patient,kind,label,start,group.arm\n"
        f"{NAMED},drug,x,2020-03-05,A\n{UNKNOWN},drug,x,2020-03-05,A\n{NAMED}\x00,drug,x,1,\n"
        f'"{NAMED},drug\n{NAMED},drug,x,{NAMED},\n'
    )
    subject = {"identifier": {"value": NAMED}}
    procedure = {"resourceType": "Procedure", "status": "completed", "subject": subject}
    resources = [procedure, procedure | {"code": NAMED}, procedure | {"status": [NAMED]}]
    entries = json.dumps([{"resource": resource} for resource in resources])
    bundle.write_text(f'{{"resourceType": "Bundle", "entry": {entries[:-1]}, {{"x": "{NAMED}')

    ended = [
        program("events", "import", str(csv)),
        program("events", "import", str(csv), "--json"),
        program("events", "import", str(bundle)),
        program("events", "import", str(bundle), DATABASE_URL=database_url.replace("test_", "no_")),
    ]

    assert [result.returncode for result in ended] == [3, 3, 2, 1]
    written = [file.read_text() for file in (tmp_path / "home").rglob("*") if file.is_file()]
    written += [text for result in ended for text in (result.stdout, result.stderr)]
    with log.open() as file:
        file.seek(before)
        written.append(file.read())
    written += [
        str(row)
        for (table,) in archive.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for row in archive.rows(f"SELECT t::text FROM {table} AS t")  # noqa: S608
    ]
    assert not [text for text in written for name in identifiers if name in text]
    assert [row[0] for row in archive.rows(EVENTS)] == [keys[NAMED]]


def test_a_large_file_is_not_in_memory_as_a_whole(database_url, archive, keys, tmp_path):
    file = tmp_path / "large.csv"
    padding = "x" * 1000
    with file.open("w") as out:
        out.write("patient,kind,label,start,comment\n")
        out.writelines(f"{NAMED},drug,x,2020-03-05,{padding}\n" for _ in range(200_000))
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom zoneinfo import ZoneInfo\n"
        "from flows.events.reading import records\nfrom flows.events.record import Naming\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "naming = Naming(lambda patient, issuer: 'p-1', ZoneInfo('UTC'))\n"
        "count = sum(1 for _ in records(Path(sys.argv[1]), naming))\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True
    )

    count, kilobytes = map(int, ended.stdout.split())
    assert count == 200_000
    assert kilobytes < file.stat().st_size / 1000 / 10
