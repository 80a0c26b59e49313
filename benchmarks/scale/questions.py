"""What questions and corrections cost: balance, trend, verification, a merge, a withdrawal."""

import random
from dataclasses import replace

from benchmarks.jobs import BenchmarkError
from benchmarks.scale.building import Archive
from benchmarks.scale.figures import Figure, percentiles, timed
from benchmarks.scale.work import patient_key
from db import corrections, registration
from db.corrections import Author
from db.engine import Database
from db.reading import model_versions, trends
from db.reading.site import balances
from severity.domain import ModelVersion

_TIMES = 200
_CORRECTIONS = 20
_BALANCE_MS, _BALANCE_MS_BEFORE = 50, 3800
_AUTHOR = Author("benchmark", "measured")


class Questions:
    """Asks what a person asks, each time of another patient."""

    def __init__(self, database: Database, archive: Archive, version: ModelVersion) -> None:
        self._database, self._archive, self._model_version = database, archive, version.key
        # A version without scores: who looks for one must not read all of another's.
        with database.transaction() as session:
            registration.register_model(session, replace(version, name="unused"))
        self._random = random.Random(1)  # noqa: S311 - no secret

    def measure(self) -> list[Figure]:
        """Measure questions, then corrections; the last is the comparison of all counters."""
        return [
            *percentiles(
                "balance of all sources",
                timed(_TIMES, self._balance),
                target=_BALANCE_MS,
                before=_BALANCE_MS_BEFORE,
            ),
            *percentiles("trend of one patient", timed(_TIMES, self._trend)),
            *percentiles("other model versions with scores", timed(_TIMES, self._versions)),
            *percentiles("two patients merged", timed(_CORRECTIONS, self._merge)),
            *percentiles("an image withdrawn", timed(_CORRECTIONS, self._withdraw)),
            Figure("status --verify", timed(1, self._verify)[0] / 1000, "s"),
        ]

    def _balance(self, _: int) -> None:
        with self._database.transaction() as session:
            if not all(source.holds for source in balances.balances(session)):
                raise BenchmarkError("the balance does not hold")

    def _trend(self, _: int) -> None:
        with self._database.transaction() as session:
            trends.trend(session, self._patient(), self._model_version)

    def _versions(self, _: int) -> None:
        with self._database.transaction() as session:
            model_versions.with_scores(session, excluding=self._model_version)

    def _merge(self, _: int) -> None:
        with self._database.transaction() as session:
            corrections.merge(session, _AUTHOR, self._patient(), self._patient())

    def _withdraw(self, number: int) -> None:
        with self._database.transaction() as session:
            corrections.withdraw(session, _AUTHOR, number + 1)

    def _verify(self, _: int) -> None:
        with self._database.transaction() as session:
            if wrong := balances.verify(session):
                raise BenchmarkError(f"the counters contradict the rows: {wrong}")

    def _patient(self) -> str:
        return patient_key(self._random.randrange(self._archive.patients) + 1)
