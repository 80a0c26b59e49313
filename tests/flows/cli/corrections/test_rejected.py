"""The commands on rejected files."""

import csv
import json
from pathlib import Path
from uuid import UUID

import pytest

from db.ledger.places import ObstructedPlace, Place
from db.ledger.sightings import enlist_obstacles
from severity.domain import Reason
from tests.builders.archive import Film
from tests.builders.commands import undo

WHY = ("--why", "looked at them", "--who", "dr.roe")
SPOON = Film("doe-jane", rejected=Reason.NOT_CHEST)
SIDE = Film("roe-richard", rejected=Reason.LATERAL)


@pytest.fixture
def rejected(archive):
    """Two rejected files, the first of which lies in its folder."""
    (Path(archive.location) / "doe-jane.dcm").write_bytes(b"content of doe-jane")
    archive.add(SPOON)
    archive.add(SIDE)
    return [archive.object(SPOON), archive.object(SIDE)]


def listed(correct, *arguments):
    rows = json.loads(correct("rejected", "list", *arguments, "--json").out)
    return [row["object_id"] for row in rows]


def test_the_list_shows_what_needs_attention_and_no_name(correct, rejected):
    shown = correct("rejected", "list").out
    assert "not_chest" in shown
    assert "2 of 2" in shown
    assert "doe-jane" not in shown
    assert listed(correct) == [rejected[1], rejected[0]]
    assert listed(correct, "--reason", "lateral") == [rejected[1]]
    assert listed(correct, "--page", "2") == []


def test_one_file_is_shown_with_its_places_and_history(correct, rejected):
    correct("rejected", "dismiss", str(rejected[0]), *WHY)

    shown = correct("rejected", "show", str(rejected[0])).out

    for expected in ("doe-jane.dcm", "not_chest", "dr.roe", "rejection dismissed"):
        assert expected in shown
    assert correct("rejected", "show", "77").code == 2


def test_a_dismissed_file_leaves_the_list_and_comes_back(correct, rejected):
    spoon, side = map(str, rejected)
    dismissed = correct("rejected", "dismiss", spoon, *WHY)
    assert f"Undo: cxr-severity rejected dismiss {spoon} --undo --why" in dismissed.out
    assert listed(correct) == [rejected[1]]
    assert sorted(listed(correct, "--dismissed")) == rejected

    correct("rejected", "dismiss", spoon, side, "--undo", *WHY)
    assert sorted(listed(correct)) == rejected


def test_the_undo_of_a_dismissal_leaves_what_was_dismissed_before(correct, rejected):
    first, second = map(str, rejected)
    correct("rejected", "dismiss", first, *WHY)

    again = correct("rejected", "dismiss", first, *WHY)
    assert "Nothing changed" in again.out
    assert "Undo" not in again.out
    undo(correct, correct("rejected", "dismiss", first, second, *WHY).out, WHY)

    assert listed(correct) == [rejected[1]]


def test_files_are_released_by_id_and_by_reason(correct, archive, rejected):
    assert "1 file is judged again" in correct("rejected", "release", str(rejected[0]), *WHY).out
    assert listed(correct) == [rejected[1]]
    assert correct("rejected", "release", "--reason", "lateral", *WHY).code == 0
    assert listed(correct) == []
    assert archive.rows("SELECT count(*) FROM work") == [(2,)]


@pytest.mark.parametrize(
    "arguments",
    [(), ("1", "--reason", "lateral"), ("--reason", "lateral", "--instead-of", "1"), ("77",)],
)
def test_what_cannot_be_released_is_wrong_use(correct, rejected, arguments):
    result = correct("rejected", "release", *arguments, *WHY)

    assert result.code == 2
    assert len(result.err.splitlines()) == 1


def test_a_right_file_takes_the_place_of_an_image(correct, archive):
    first, right = Film("first", uid="1.1", extent=1), Film("right", uid="1.1", extent=5)
    archive.add(first)
    archive.add(right)
    image = archive.image(first)

    done = correct(
        "rejected", "release", str(archive.object(right)), "--instead-of", str(image), *WHY
    )
    archive.score()

    assert f"Undo: cxr-severity image restore {image} --why" in done.out
    standings = "SELECT standing::text FROM image ORDER BY id"
    assert archive.rows(standings) == [("superseded",), ("valid",)]
    correct("image", "restore", str(image), *WHY)
    assert archive.rows(standings) == [("valid",), ("superseded",)]


def test_the_undo_of_a_ruling_holds_before_the_next_run_too(correct, archive):
    first, wrong = Film("first", uid="1.1", extent=1), Film("wrong", uid="1.1", extent=5)
    archive.add(first)
    archive.add(wrong)
    image = str(archive.image(first))
    correct("rejected", "release", str(archive.object(wrong)), "--instead-of", image, *WHY)

    undone = correct("image", "restore", image, *WHY)
    archive.score()

    assert "Nothing changed" not in undone.out
    assert "Nothing changed" in correct("image", "restore", image, *WHY).out
    assert archive.rows("SELECT standing::text FROM image") == [("valid",)]


def test_an_export_has_neutral_names_and_an_index(correct, rejected, tmp_path):
    folder = tmp_path / "export"

    done = correct("rejected", "export", str(folder))

    assert done.code == 0
    assert "1 files are copied" in done.out
    assert sorted(file.name for file in folder.iterdir()) == [f"{rejected[0]}.bin", "index.csv"]
    assert (folder / f"{rejected[0]}.bin").read_bytes() == b"content of doe-jane"
    assert (folder.stat().st_mode & 0o777, (folder / "index.csv").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    with (folder / "index.csv").open(newline="") as file:
        rows = {int(row["id"]): row for row in csv.DictReader(file)}
    assert rows[rejected[0]]["key"] == "doe-jane.dcm"
    assert rows[rejected[0]]["reason"] == "not_chest"
    assert rows[rejected[1]]["file"] == ""
    assert rows[rejected[1]]["problem"]
    assert correct("rejected", "export", str(folder)).code == 2


def test_an_export_has_what_is_asked_for(correct, rejected, tmp_path):
    by_id, by_reason = tmp_path / "id", tmp_path / "reason"
    correct("rejected", "export", str(by_id), str(rejected[0]))
    correct("rejected", "export", str(by_reason), "--reason", "lateral")

    assert [file.name for file in by_reason.iterdir()] == ["index.csv"]
    assert (by_id / f"{rejected[0]}.bin").exists()
    assert correct("rejected", "export", str(tmp_path / "other"), "77").code == 2


def test_what_cannot_be_read_is_named_until_it_is_gone(correct, archive):
    place = ObstructedPlace(Place("doe-jane", UUID(int=0)), "unreadable_folder")
    archive.do(enlist_obstacles, archive.source_id, [place])

    assert "unreadable_folder" in correct("rejected", "unread").out
    (row,) = json.loads(correct("rejected", "unread", "--json").out)
    assert (row["source"], row["object_key"]) == (archive.location, "doe-jane")

    archive.rows("UPDATE sighting SET gone_at = now() RETURNING id")
    assert json.loads(correct("rejected", "unread", "--json").out) == []
