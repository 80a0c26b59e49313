"""The commands on patients, who are named as the hospital knows them."""

import json

import pytest

from db import lookups
from severity.domain import PatientId
from tests.builders.archive import Film
from tests.builders.commands import undo

WHY = ("--why", "one person, two numbers", "--who", "dr.roe")
MERGED = (
    "SELECT patient.patient_key, person.patient_key FROM patient JOIN patient AS person"
    " ON person.id = patient.person_id WHERE patient.id <> person.id ORDER BY 1"
)


@pytest.fixture
def keys(resources, archive):
    """The keys of the patients 1, 2 and 3, who have an image each."""
    keys = {name: resources.pseudonym(PatientId(name)) for name in ("1", "2", "3")}
    archive.add(*(Film(f"of-{name}", patient=key) for name, key in keys.items()))
    return keys


def test_a_merge_and_its_split_say_how_to_undo_them(correct, archive, keys):
    merged = correct("patient", "merge", "1", "--into", "2", *WHY)
    assert merged.code == 0
    assert f"Undo: cxr-severity patient split {keys['1']} --why" in merged.out
    assert archive.rows(MERGED) == [(keys["1"], keys["2"])]

    split = correct("patient", "split", keys["1"], *WHY)
    assert f"Undo: cxr-severity patient merge {keys['1']} --into {keys['2']} --why" in split.out
    assert archive.rows(MERGED) == []

    assert "Nothing changed" in correct("patient", "split", "1", *WHY).out
    whats = [
        event["what"] for event in json.loads(correct("patient", "history", "2", "--json").out)
    ]
    assert whats == ["patient merged", "patient split"]
    assert "dr.roe" in correct("patient", "history", "1").out


def test_the_undo_of_a_split_is_the_merge_that_was_and_not_the_whole_chain(correct, archive, keys):
    correct("patient", "merge", "1", "--into", "2", *WHY)
    correct("patient", "merge", "2", "--into", "3", *WHY)

    undo(correct, correct("patient", "split", "1", *WHY).out, WHY)
    correct("patient", "split", "2", *WHY)

    assert archive.rows(MERGED) == [(keys["1"], keys["2"])]


def test_a_list_is_merged_whole_and_again_without_harm(correct, archive, keys, tmp_path):
    merges = tmp_path / "merges.csv"
    merges.write_text("patient,into\n1,2\n2,3\n")

    for said in ("Merged: 2 pairs of patients", "Nothing changed"):
        done = correct("patient", "merge", "--from-csv", str(merges), *WHY)
        assert done.code == 0
        assert said in done.out
        assert archive.rows(MERGED) == sorted((keys[name], keys["3"]) for name in "12")
    assert archive.rows("SELECT count(*) FROM correction") == [(2,)]


def test_a_list_says_how_to_undo_each_pair_that_it_merged(correct, archive, keys, tmp_path):
    merges = tmp_path / "merges.csv"
    merges.write_text("patient,into\n1,2\n3,2\n")
    correct("patient", "merge", "3", "--into", "2", *WHY)

    merged = correct("patient", "merge", "--from-csv", str(merges), *WHY)

    assert merged.out.count("Undo: ") == 1
    undo(correct, merged.out.splitlines()[0], WHY)
    assert archive.rows(MERGED) == [(keys["3"], keys["2"])]


def test_a_merge_that_changes_nothing_names_no_undo(correct, keys):
    correct("patient", "merge", "1", "--into", "2", *WHY)

    again = correct("patient", "merge", "1", "--into", "2", *WHY).out

    assert "Nothing changed" in again
    assert "Undo" not in again


def test_of_a_list_with_errors_nothing_is_merged_and_each_line_is_named(
    correct, archive, keys, tmp_path
):
    merges = tmp_path / "merges.csv"
    merges.write_text("patient,into\n1,2\n2,1\n3,1\n3,2\n")

    result = correct("patient", "merge", "--from-csv", str(merges), *WHY)

    assert result.code == 2
    assert "line 3: " in result.err
    assert "line 5: " in result.err
    assert "line 2: " not in result.err
    assert len(result.err.splitlines()) == 1
    assert archive.rows(MERGED) == []
    assert archive.rows("SELECT count(*) FROM correction") == [(0,)]


@pytest.mark.parametrize(
    "listing",
    [("patient", "lookups"), ("patient", "history"), ("image", "list"), ("events", "list")],
    ids=" ".join,
)
def test_of_an_unknown_identifier_nothing_is_not_said_to_be_all(correct, keys, listing):
    """Whoever mistypes it would read that nobody looked at the patient."""
    result = correct(*listing, "4711")

    assert (result.code, result.out) == (2, "")
    assert "no patient is known here by this identifier" in result.err
    assert correct(*listing, "1").code == 0


@pytest.mark.parametrize(
    "arguments",
    [("1",), ("--into", "2"), (), ("1", "--into", "2", "--from-csv", "pyproject.toml")],
)
def test_a_merge_is_of_two_patients_or_of_a_list(correct, keys, arguments):
    assert correct("patient", "merge", *arguments, *WHY).code == 2


def test_a_patient_is_forgotten_when_the_key_is_typed(ask, correct, archive, keys, monkeypatch):
    from click.testing import CliRunner

    from flows.cli.app import app

    forget = ["patient", "forget", "1", *WHY]
    refused = CliRunner().invoke(app, forget, input="1\n")
    assert refused.exit_code != 0
    assert archive.rows("SELECT count(*) FROM patient") == [(3,)]

    done = CliRunner().invoke(app, forget, input=f"{keys['1']}\n")
    assert done.exit_code == 0
    assert "patients 1, images 1, scores 1, files 1" in done.output
    assert archive.rows("SELECT count(*) FROM patient") == [(2,)]

    assert correct("patient", "forget", "2", "--yes", *WHY).code == 0
    assert archive.rows("SELECT count(*) FROM score") == [(1,)]
    assert correct("patient", "forget", "2", "--yes", *WHY).code == 2


def test_an_audit_lists_who_looked_at_a_patient_and_at_whom_a_person_looked(correct, archive, keys):
    for who, name in (("dr.roe", "1"), ("dr.doe", "1"), ("dr.roe", "2")):
        archive.do(lookups.record, who, keys[name], page="patient")

    of_patient = json.loads(correct("patient", "lookups", "1", "--json").out)
    of_person = json.loads(correct("patient", "lookups", "--who", "dr.roe", "--json").out)

    assert [lookup["who"] for lookup in of_patient] == ["dr.doe", "dr.roe"]
    assert [lookup["patient_key"] for lookup in of_person] == [keys["2"], keys["1"]]
    assert "dr.doe" in correct("patient", "lookups").out
    assert correct("patient", "lookups", "3").out.strip() == "No lookups."
