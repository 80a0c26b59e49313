"""What a PACS has, compared with what is known here by study date; what is missing is fetched."""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product

import db.pacs
from db.engine import Database
from db.pacs import Known, NamedInstance, Whereabouts
from flows.arrivals import DropFolder
from flows.errors import FilmNotGiven, PacsError
from flows.pacs.pacs import Instance, Modality, NotGiven, Pacs
from flows.pacs.patience import NoAnswer, Pace

_HERE = {Whereabouts.ACCEPTED, Whereabouts.REJECTED, Whereabouts.WAITING}


@dataclass(frozen=True)
class MissingFilm:
    """A film that the PACS has and that is not here: its keyed digest, and why, as a code."""

    instance: str
    reason: NotGiven


@dataclass(frozen=True)
class DayReport:
    """What a PACS has of a study date and modality, and where it is here, in films.

    ``fetched`` are the keyed digests of those that were missing and are in the drop folder now,
    ``unnamed`` of those that the PACS named before and does not name any more. Of those that are
    ``waiting``, the ``overdue`` have done so for more than a day.
    """

    day: date
    modality: Modality
    in_pacs: int
    accepted: int
    rejected: int
    waiting: int
    fetched: tuple[str, ...] = ()
    missing: tuple[MissingFilm, ...] = ()
    overdue: int = 0
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A PACS, and what it is compared with: the drop folder and the database."""

    pacs: Pacs
    folder: DropFolder
    database: Database
    pacs_id: int
    today: date
    parallel: int
    pace: Pace

    def of_days(
        self, days: int, *, most_tries: float = math.inf, tells_unnamed: bool = False
    ) -> Iterator[DayReport]:
        """Compare the last days, today first, and fetch what is missing; yield what there was.

        A film that failed ``most_tries`` times is not asked for again. What the PACS named before,
        and names no more, is told if that is asked for, once all days are compared: the PACS may
        have corrected a film's study date, or modality, to one that is compared later.

        Raises
        ------
        PacsError
            The PACS does not answer, or sent films and nothing is here: the folder is another.
        NotKept
            The disk is short or fails.
        """
        reports, missed = [], list[DayReport]()
        for back, modality in product(range(days), Modality):
            day = self.today - timedelta(back)
            before = self._named(day, modality) if tells_unnamed else set()
            report = self._of_day(day, modality, most_tries, before)
            if report.unnamed:
                missed.append(report)
            elif report.in_pacs:
                reports.append(report)
                yield report
        for report in map(self._without_renamed, missed):
            if report.in_pacs or report.unnamed:
                reports.append(report)
                yield report
        _check_folder(reports)

    def _without_renamed(self, report: DayReport) -> DayReport:
        """Leave out of what is named no more what was named since of another day or modality."""
        still = self._named(report.day, report.modality)
        return replace(report, unnamed=tuple(name for name in report.unnamed if name in still))

    def _named(self, day: date, modality: Modality) -> set[str]:
        with self.database.transaction() as session:
            return db.pacs.named_on(session, self.pacs_id, day, modality)

    def _of_day(
        self, day: date, modality: Modality, most_tries: float, before: set[str]
    ) -> DayReport:
        films = {
            self.folder.instance(film.image_uid): film
            for film in self.pacs.instances(day, modality)
        }
        known = self._known(films)
        places = {name: self._place(film, known.get(name)) for name, film in films.items()}
        gone = [name for name, place in places.items() if place is None]
        given_up = {name for name in gone if name in known and known[name].tries >= most_tries}
        reasons = self._fetch_all({name: films[name] for name in gone if name not in given_up})
        reasons |= dict.fromkeys(given_up, NotGiven.GIVEN_UP)
        report = _report(day, modality, list(places.values()), reasons)
        waiting = [name for name, place in places.items() if place is Whereabouts.WAITING]
        return replace(
            report,
            overdue=sum(name in known and known[name].is_old for name in waiting),
            unnamed=tuple(sorted(before - films.keys())),
        )

    def _known(self, films: Mapping[str, Instance]) -> Mapping[str, Known]:
        named = [
            NamedInstance(name, film.study_date, film.modality) for name, film in films.items()
        ]
        uids = {name: film.image_uid for name, film in films.items()}
        with self.database.transaction() as session:
            db.pacs.name_instances(session, self.pacs_id, named)
            return db.pacs.known(session, self.pacs_id, uids)

    def _place(self, film: Instance, known: Known | None) -> Whereabouts | None:
        """Return where a film is here; None if it is not, whatever was fetched before."""
        if known is not None and known.whereabouts in _HERE:
            return known.whereabouts
        return Whereabouts.WAITING if self.folder.has(film.image_uid) else None

    def _fetch_all(self, films: Mapping[str, Instance]) -> dict[str, NotGiven | None]:
        """Fetch films, some at a time; return why each is not here, or None of those that are."""
        with ThreadPoolExecutor(self.parallel, "pacs") as pool:
            asked = {pool.submit(self._fetch, name, film): name for name, film in films.items()}
            try:
                return {asked[answered]: answered.result() for answered in as_completed(asked)}
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch(self, name: str, film: Instance) -> NotGiven | None:
        self.pace.wait()
        reason = self._asked(film)
        with self.database.transaction() as session:
            if reason is None:
                db.pacs.record_fetched(session, self.pacs_id, name)
            else:
                db.pacs.record_failed(session, self.pacs_id, name, reason)
        return reason

    def _asked(self, film: Instance) -> NotGiven | None:
        """Ask for a film; return why the PACS does not give it, if it answers other questions."""
        if not film.can_be_asked_for:
            return NotGiven.NO_UID
        try:
            self.pacs.fetch(film, self.folder)
        except FilmNotGiven as error:
            return NotGiven(str(error))
        except NoAnswer:
            self.pacs.check()
            return NotGiven.NO_ANSWER
        return None


def _check_folder(reports: Sequence[DayReport]) -> None:
    """Raise PacsError if films were sent to our receiver, and of all films none is here.

    One film alone may come under another name, and would hold up the others each time.
    """
    reasons = {film.reason for report in reports for film in report.missing}
    is_any_here = any(report.in_pacs > len(report.missing) for report in reports)
    if NotGiven.NOT_IN_FOLDER in reasons and not is_any_here:
        raise PacsError(
            "the PACS sent films, and none is in the drop folder: SEVERITY_PACS_FOLDER must be "
            "that of the receiver"
        )


def _report(
    day: date,
    modality: Modality,
    places: Sequence[Whereabouts | None],
    reasons: Mapping[str, NotGiven | None],
) -> DayReport:
    return DayReport(
        day,
        modality,
        in_pacs=len(places),
        accepted=places.count(Whereabouts.ACCEPTED),
        rejected=places.count(Whereabouts.REJECTED),
        waiting=places.count(Whereabouts.WAITING),
        fetched=tuple(sorted(name for name, reason in reasons.items() if reason is None)),
        missing=tuple(
            MissingFilm(name, reason)
            for name, reason in sorted(reasons.items())
            if reason is not None
        ),
    )
