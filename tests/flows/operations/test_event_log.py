"""The structured log: whole lines from any number of processes, and never too much of it."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.operations.event_log import EventLog, RunEvents
from flows.settings import Settings


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_run_has_a_line_for_each_batch_and_one_with_their_sums(tmp_path):
    events = RunEvents(EventLog(tmp_path / "events.jsonl"), {"run": 7})
    for scored in (3, 2):
        events.batch({"scored": scored, "rejected": 1})
    events.end("finished", {"enlisted": 9})

    *batches, run = lines(tmp_path / "events.jsonl")
    assert [(line["event"], line["run"], line["scored"]) for line in batches] == [
        ("batch", 7, 3),
        ("batch", 7, 2),
    ]
    sums = {name: run[name] for name in ("event", "run", "state", "enlisted", "scored", "rejected")}
    assert sums == {
        "event": "run",
        "run": 7,
        "state": "finished",
        "enlisted": 9,
        "scored": 5,
        "rejected": 2,
    }


def test_it_begins_anew_by_size_and_keeps_four_older_files(tmp_path):
    log = EventLog(tmp_path / "events.jsonl", largest_bytes=200)
    for number in range(100):
        log.write("batch", {"number": number})

    files = sorted(tmp_path.glob("events.jsonl*"))
    assert [file.name for file in files] == [
        "events.jsonl",
        *(f"events.jsonl.{n}" for n in (1, 2, 3, 4)),
    ]
    assert all(file.stat().st_size <= 200 for file in files)
    assert lines(files[0])[-1]["number"] == 99
    kept = [line["number"] for file in (*reversed(files[1:]), files[0]) for line in lines(file)]
    assert kept == list(range(kept[0], 100))


def test_who_writes_at_once_loses_no_line_at_a_rotation(tmp_path):
    """Each opens the file and its lock anew, so that threads are to each other as processes."""
    log = EventLog(tmp_path / "events.jsonl", largest_bytes=6_000)

    def write(_):
        for number in range(100):
            log.write("batch", {"number": number})

    with ThreadPoolExecutor(2) as writers:
        list(writers.map(write, range(2)))

    numbers = [line["number"] for file in tmp_path.glob("events.jsonl*") for line in lines(file)]
    assert sorted(numbers) == sorted([*range(100), *range(100)])


def test_only_its_owner_reads_it(tmp_path):
    log = EventLog(tmp_path / "log" / "events.jsonl")
    log.write("run", {})

    assert log.file.stat().st_mode & 0o077 == 0
    assert log.file.parent.stat().st_mode & 0o077 == 0


def test_what_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "log").write_text("a file where the folder should be")

    EventLog(tmp_path / "log" / "events.jsonl").write("run", {})

    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_line_of_which_a_full_disk_takes_a_part_leaves_nothing_behind(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    log.write("batch", {"number": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.file.stat().st_size + 10, limits[1]))
    try:
        log.write("batch", {"number": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    log.write("batch", {"number": 3})

    assert [line["number"] for line in lines(log.file)] == [1, 3]


@pytest.mark.parametrize("is_on", [True, False])
def test_it_is_written_only_where_it_is_asked_for(is_on):
    assert (EventLog.of(Settings(event_log=is_on)) is not None) is is_on
