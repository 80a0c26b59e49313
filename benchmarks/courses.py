"""Measure courses in a database of many patients: ``python -m benchmarks.courses --help``."""

import argparse
import random
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from benchmarks.scale.building import IMAGES_OF_A_PATIENT, build
from benchmarks.scale.command import Sections, run
from benchmarks.scale.figures import Figure, percentiles, timed
from benchmarks.scale.server import execute_alone, without_crash_safety
from db.courses import due
from db.engine import Database
from db.reading.courses import course
from db.reading.tables import read_as_reader
from db.reading.worklist import WorklistFilter, WorklistPage, worklist_page
from flows.courses.update import update_courses
from flows.resources import Progress, Resources
from flows.scoring.registration import register_model_version
from flows.settings import Settings
from severity.cores import cores
from severity.domain import Verdict, View

_SCORES = 10_000_000
_TIMES, _SLOW_TIMES = 500, 20
_TOUCHED = (100, 1_000, 10_000)
_REFIT_SECONDS = 600  # of all courses, at the full size
_PATIENT_MS, _WORKLIST_MS, _PAGE_MS, _COHORT_MS, _LIST_MS = 2, 100, 300, 1000, 300
_WORKLIST_MS_BEFORE, _COHORT_MS_BEFORE, _LIST_MS_BEFORE = 24_000, 33_000, 23_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    The exit code: 0, or 1 if something is wrong; a target that is missed is only shown.
    """
    options = _options(arguments)
    return run(
        lambda url, folder, progress: _measured(options, _settings(options, url, folder), progress),
        database=options.database,
        file=options.json,
    )


def _settings(options: argparse.Namespace, url: str, folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(url),
        pseudonym_key=SecretStr(secrets.token_hex(32)),
        home=folder / "home",
        episode_days=options.episode_days,
    )


def _measured(options: argparse.Namespace, settings: Settings, progress: Console) -> Sections:
    """Build the database, unless one is named, and measure courses in it."""
    assert settings.database_url is not None  # noqa: S101 - see `_settings`
    database = Database(settings.database_url.get_secret_value())
    database.upgrade()
    registered = register_model_version(Resources(settings, Progress()))
    if not options.database:
        with without_crash_safety(database):
            build(database, options.scores, registered.row_id, progress)
    measuring = _Measuring(database, registered.version.key)
    sections = {"Computing": measuring.computing(progress), "Size": measuring.size()}
    sections["Asking"] = measuring.asking()
    database.dispose()
    return sections


class _Measuring:
    """Measures computing courses and asking for them, by one model version."""

    def __init__(self, database: Database, model_version: str) -> None:
        self._database, self._version = database, model_version
        self._random = random.Random(1)  # noqa: S311 - no secret
        ((scores, last),) = self._rows(_COUNTS)
        self._scores, self._last = int(str(scores)), int(str(last))

    def computing(self, progress: Console) -> list[Figure]:
        """Measure computing all courses, three times, and then those of some patients."""
        first = self._all("all courses for the first time", progress, connections=cores())
        by_one = self._all("refit by one connection", progress, connections=1)
        refit = self._all("refit of all courses", progress, connections=cores())
        target = _REFIT_SECONDS * self._scores / _SCORES
        ratio = Figure("by one, compared with it", by_one.value / refit.value, "times as long")
        rate = Figure("images in a second, of the last", self._scores / refit.value, "/s")
        execute_alone(self._database, "VACUUM ANALYZE")
        figures = [first, by_one, replace(refit, target=target), ratio, rate]
        return figures + [self._touched(count) for count in _TOUCHED if count < self._last]

    def _all(self, name: str, progress: Console, *, connections: int) -> Figure:
        # Else each would also clear away what the one before has left.
        execute_alone(self._database, "VACUUM ANALYZE")
        with self._database.transaction() as session:
            due.add_all(session)
        seconds = self._update(connections)
        progress.print(f"{name}: {seconds:.1f} s")
        return Figure(name, seconds, "s")

    def _touched(self, patients: int) -> Figure:
        """Measure the update after a night that touched so many patients."""
        persons = self._random.sample(range(1, self._last + 1), patients)
        self._rows(_TOUCH, persons=persons, model=self._version)
        seconds = self._update()
        return Figure(f"update of {patients:,} patients", 1000 * seconds / patients, "ms each")

    def _update(self, connections: int = 1) -> float:
        began = time.perf_counter()
        update_courses(self._database, connections=connections)
        return time.perf_counter() - began

    def size(self) -> list[Figure]:
        """Return the bytes of the tables of courses for each scored image, with their indexes."""
        return [
            Figure(str(table), float(str(size)) / self._scores, "bytes for each score")
            for table, size in self._rows(_SIZES)
        ]

    def asking(self) -> list[Figure]:
        """Measure what readers and dashboards ask."""
        return [
            *self._patients(),
            *self._slow("worklist of 50", _WORKLIST, _WORKLIST_MS, _WORKLIST_MS_BEFORE),
            *self._pages(),
            *self._slow("list of patients", _LIST, _LIST_MS, _LIST_MS_BEFORE),
            *self._slow("cohort curve", _COHORT, _COHORT_MS, _COHORT_MS_BEFORE),
        ]

    def _pages(self) -> list[Figure]:
        """Measure pages of the worklist by each filter, and by those that leave nearly nobody."""
        # A session that has computed courses without any group looks for each person's in all.
        self._database.dispose()
        self._rows(_GROUPS)
        execute_alone(self._database, "VACUUM ANALYZE patient_summary")
        ((latest,),) = self._rows("SELECT max(latest_at) FROM patient_summary")
        assert isinstance(latest, datetime)  # noqa: S101 - courses were computed
        everybody = WorklistFilter(self._version)
        named = {
            "first": everybody,
            **{f"verdict {verdict}": replace(everybody, verdict=verdict) for verdict in Verdict},
            **{f"view {view}": replace(everybody, view=view) for view in (View.PA, View.UNKNOWN)},
            **{
                f"since {days} days": replace(everybody, since=latest - timedelta(days=days))
                for days in (1, 30, 365)
            },
            **{
                f"group {group}": replace(everybody, group=group)
                for group in ("arm=0", "ward=0", "ward=none")
            },
            "all filters": WorklistFilter(
                self._version, Verdict.BETTER, latest - timedelta(days=365), "arm=0", View.AP
            ),
        }
        return [figure for name, chosen in named.items() for figure in self._page(name, chosen)]

    def _page(self, name: str, chosen: WorklistFilter) -> list[Figure]:
        """Measure a worklist's pages, each after the one before."""
        page = WorklistPage(())

        def ask(_: int) -> None:
            nonlocal page
            with self._database.transaction() as session:
                read_as_reader(session)
                page = worklist_page(session, chosen, after=page.next)

        return percentiles(f"page, {name}", timed(_SLOW_TIMES, ask), target=_PAGE_MS)

    def _slow(self, name: str, query: str, target: float, before: float) -> list[Figure]:
        def ask(_: int) -> object:
            return self._rows(query, model=self._version)

        return percentiles(name, timed(_SLOW_TIMES, ask), target=target, before=before)

    def _patients(self) -> list[Figure]:
        """Measure patients' courses, each time of another, by a dashboard and by the program."""
        persons = [self._random.randint(1, self._last) for _ in range(2 * _TIMES)]
        keys = [str(key) for (key,) in self._rows(_KEYS, persons=persons)]

        def ask(number: int) -> None:
            values = {"patient": keys[number], "model": self._version}
            with self._database.connection() as connection, connection.begin():
                connection.exec_driver_sql(_COURSE, values).all()

        def read(number: int) -> None:
            with self._database.transaction() as session:
                course(session, keys[_TIMES + number], self._version)

        return [
            *percentiles("course of a patient", timed(_TIMES, ask), target=_PATIENT_MS),
            *percentiles("course of a patient, as the program reads it", timed(_TIMES, read)),
        ]

    def _rows(self, query: str, **values: object) -> list[tuple[object, ...]]:
        with self._database.connection() as connection, connection.begin():
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            result = connection.exec_driver_sql(query, values or None)
            return [tuple(row) for row in result] if result.returns_rows else []


_COUNTS = "SELECT (SELECT count(*) FROM score), max(id) FROM patient"

_TOUCH = """
    INSERT INTO course_due (person_id, model_version_id)
    SELECT person_id, model_version.id
    FROM unnest(%(persons)s) AS person_id CROSS JOIN model_version WHERE key = %(model)s
"""

_SIZES = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE oid IN ('course'::regclass, 'patient_summary'::regclass, 'cohort_level'::regclass)
    ORDER BY 1
"""

_KEYS = """
    SELECT patient_key FROM unnest(%(persons)s) AS asked (person) JOIN patient ON id = person
"""

_COURSE = """
    SELECT * FROM patient_course WHERE patient_key = %(patient)s AND model_version = %(model)s
    ORDER BY calendar_known DESC, acquired_at, image_id
"""

_WORKLIST = """
    SELECT * FROM worklist WHERE model_version = %(model)s
    ORDER BY worklist_order, patient_key LIMIT 50
"""

# Two arms of half of all patients, and a ward of one in ten thousand.
_GROUPS = """
    INSERT INTO patient_attribute (patient_id, name, value, source)
    SELECT id, name, value, 'benchmark'
    FROM patient CROSS JOIN LATERAL (
        VALUES ('arm', mod(id, 2)::text), ('ward', CASE WHEN mod(id, 10000) = 1 THEN '0' END)
    ) AS named (name, value)
    WHERE value IS NOT NULL
    ON CONFLICT DO NOTHING
"""

_LIST = """
    SELECT patient_key FROM patient_list WHERE model_version = %(model)s
    ORDER BY latest_at DESC LIMIT 1000
"""

_COHORT = """
    SELECT * FROM cohort_course WHERE model_version = %(model)s AND score = 'geographic_extent'
    ORDER BY day
"""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.courses", description=__doc__)
    patients = f"scored images, of one in {IMAGES_OF_A_PATIENT} as many patients ({_SCORES:,})"
    parser.add_argument("--scores", type=int, default=_SCORES, help=patients)
    parser.add_argument(
        "--episode-days",
        type=float,
        default=90,
        help="gap that ends an episode; of 1,000,000 patients images are a year apart (90)",
    )
    parser.add_argument(
        "--database", metavar="URL", help="a database of scores that `benchmarks.scale` has built"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures into this file"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
