"""Reports of images and pages of courses, made one after the other of what the database has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from pydicom import Dataset

from db.engine import Database
from db.reading import courses, image_files, model_versions, patients
from db.reading.courses import Course
from db.reading.exports import Selection
from db.reading.results import FilmResult, Recipient
from flows.concurrency import in_batches
from flows.exports.dicom.composite_context import CompositeContext, of_film, of_pseudonym
from flows.exports.dicom.identifiers import Unidentified, identify
from flows.exports.dicom.instance import Reporting
from flows.exports.dicom.secondary_capture import secondary_capture
from flows.exports.dicom.structured_report import structured_report
from flows.exports.film_batches import film_batches
from flows.resources import Resources
from severity.vocabulary.times import local_date

_AT_ONCE = 50  # films, or patients, that are read together
_NOT_DICOM = "its film is not DICOM, or lacks a valid UID: no other file can refer to it"


class Kind(StrEnum):
    """What is made: a report of each image's scores, a page of each patient's course."""

    REPORT = "report"
    PAGE = "page"


@dataclass(frozen=True)
class Made:
    """An instance, its kind, and the image that it is about: of a page the latest one."""

    kind: Kind
    image_id: int
    dataset: Dataset

    @property
    def uid(self) -> str:
        """The instance's UID."""
        return str(self.dataset.SOPInstanceUID)


@dataclass
class Left:
    """Of what nothing was made.

    ``unidentified`` are images by id. A score that is out of distribution is not reliable: none
    leaves as a measurement. ``without_course`` counts patients. ``withdrawn`` are images that do
    not count any more, or not for the patient whom their films name, and of which the destination
    may have a report.
    """

    unidentified: dict[int, Unidentified] = field(default_factory=dict)
    out_of_distribution: int = 0
    without_course: int = 0
    withdrawn: set[int] = field(default_factory=set)

    @property
    def moved(self) -> list[int]:
        """The images of which reports name a patient whose they are not."""
        return [image for image, why in self.unidentified.items() if why.names_another]


@dataclass(frozen=True)
class Request:
    """Of which films what is made; and who they are of: by films in hand, sources or pseudonyms."""

    selection: Selection
    kinds: frozenset[Kind] = frozenset(Kind)
    films_in_hand: tuple[Path, ...] = ()
    by_pseudonym: bool = False


@dataclass(frozen=True)
class Making:
    """Makes what is requested; ``left`` says of what nothing was made so far."""

    resources: Resources
    request: Request
    left: Left = field(default_factory=Left)

    @cached_property
    def database(self) -> Database:
        """The database."""
        return self.resources.read_database()

    def instances(self, recipient: Recipient | None = None) -> Iterator[Made]:
        """Yield reports, then pages: of patients with a film of the selection, of all their films.

        Parameters
        ----------
        recipient
            Where they are sent: what it may have of images that were withdrawn is listed.
        """
        persons: dict[str, None] = {}
        for films in self._films(self.request.selection, recipient):
            counting = self._counting(films)
            persons.update(dict.fromkeys(film.patient_key for film in counting))
            if Kind.REPORT in self.request.kinds:
                yield from self._reports(counting)
        if Kind.PAGE in self.request.kinds:
            for batch in in_batches(persons, _AT_ONCE):
                yield from self._pages(batch)

    def list_withdrawn(self, model_version: str, recipient: Recipient) -> None:
        """List what a destination may have by another model version of withdrawn images."""
        selection = replace(self.request.selection, model_version=model_version)
        for films in self._films(selection, recipient):
            self._counting(films)

    def _films(
        self, selection: Selection, recipient: Recipient | None = None
    ) -> Iterator[list[FilmResult]]:
        return film_batches(self.database, selection, size=_AT_ONCE, recipient=recipient)

    def _counting(self, films: Sequence[FilmResult]) -> list[FilmResult]:
        """Return the films that count; list the others that the destination has."""
        self.left.withdrawn.update(film.image_id for film in films if not film.is_valid)
        return [film for film in films if film.is_valid]

    def _reports(self, films: Sequence[FilmResult]) -> Iterator[Made]:
        reliable = [film for film in films if film.out_of_distribution is None]
        self.left.out_of_distribution += len(films) - len(reliable)
        contexts = self._contexts([_Subject.of_film(film) for film in reliable])
        for film in reliable:
            if (context := contexts.get(film.image_id)) is not None:
                report = structured_report(film, context, self._reporting)
                yield Made(Kind.REPORT, film.image_id, report)

    def _pages(self, persons: Sequence[str]) -> Iterator[Made]:
        kept = [course for course in map(self._course, persons) if course.images]
        self.left.without_course += len(persons) - len(kept)
        latest = [_Subject.of_course(course) for course in kept]
        contexts = self._contexts(latest)
        for course, subject in zip(kept, latest, strict=True):
            if (context := contexts.get(subject.image_id)) is not None:
                films = self._films(Selection(course.model_version, course.patient_key))
                times = [film.scored_at for part in films for film in part]
                # Else the page of a film that was withdrawn would be the later one.
                times += self._corrected(course.patient_key)
                page = secondary_capture(course, context, self._reporting, at=max(times))
                yield Made(Kind.PAGE, subject.image_id, page)

    def _corrected(self, person: str) -> list[datetime]:
        with self.database.transaction() as session:
            at = patients.corrected_at(session, person)
        return [] if at is None else [at]

    def _course(self, person: str) -> Course:
        with self.database.transaction() as session:
            return courses.course(session, person, self.request.selection.model_version)

    def _contexts(self, subjects: Sequence["_Subject"]) -> dict[int, CompositeContext]:
        """Return the patients and studies of images, by image; list those that are not known."""
        if self.request.by_pseudonym:
            return self._pseudonymous(subjects)
        contexts: dict[int, CompositeContext] = {}
        ids = [subject.image_id for subject in subjects]
        for result in identify(self.resources, ids, self.request.films_in_hand):
            context = None if isinstance(result, Unidentified) else of_film(result)
            if context is not None:
                contexts[result.image_id] = context
            elif isinstance(result, Unidentified):
                self.left.unidentified[result.image_id] = result
            else:
                self.left.unidentified[result.image_id] = Unidentified(result.image_id, _NOT_DICOM)
        return contexts

    def _pseudonymous(self, subjects: Sequence["_Subject"]) -> dict[int, CompositeContext]:
        with self.database.transaction() as session:
            files = image_files.of_images(session, [subject.image_id for subject in subjects])
        return {
            subject.image_id: of_pseudonym(
                subject.patient_key,
                self.resources.derived_uid("study", files[subject.image_id].study_uid),
                subject.taken,
            )
            for subject in subjects
        }

    @cached_property
    def _reporting(self) -> Reporting:
        with self.database.transaction() as session:
            model = model_versions.stored(session, self.request.selection.model_version)
        return Reporting(model, self.resources.derived_uid, self.resources.settings.zone)


@dataclass(frozen=True)
class _Subject:
    """An image that an instance is about: whose it is, and the date on which it was taken."""

    image_id: int
    patient_key: str
    taken: date | None

    @classmethod
    def of_film(cls, film: FilmResult) -> Self:
        """Return the image of a result."""
        at = film.acquired_at
        taken = None if at is None else local_date(at, film.acquired_zone)
        return cls(film.image_id, film.patient_key, taken)

    @classmethod
    def of_course(cls, course: Course) -> Self:
        """Return the latest image of a course."""
        image = max(course.images, key=lambda each: (each.calendar_known, each.at, each.image_id))
        taken = local_date(image.at, image.zone) if image.calendar_known else None
        return cls(image.image_id, course.patient_key, taken)
