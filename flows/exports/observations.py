"""What is exported of a film, in whatever format: its scores, its courses, its status and time."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from db.reading.results import FilmResult, ScoreResult
from flows.exports.concepts import (
    EXTENT,
    EXTENT_BY_LUNG,
    EXTENT_COURSE,
    OPACITY,
    OPACITY_BY_LUNG,
    OPACITY_COURSE,
    P_BETTER,
    P_WITHIN,
    P_WORSE,
    Concept,
    Side,
)
from flows.reports.courses.words import percent, probability
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.vocabulary.times import local_date


class Status(StrEnum):
    """What a result is to a system that may have an earlier one."""

    FINAL = "final"
    CORRECTED = "corrected"  # it changed since it was sent
    ENTERED_IN_ERROR = "entered in error"  # the film was withdrawn since it was sent


@dataclass(frozen=True)
class ObservedLung:
    """What one lung has of a score: its code, its side, the points and the scale that they have."""

    concept: Concept
    side: Side
    points: float
    scale: Scale


@dataclass(frozen=True)
class Observed:
    """One score of a film: the codes of the score, its lungs and its course, and the results."""

    concept: Concept
    course_concept: Concept
    lung_concepts: Mapping[Side, Concept]
    result: ScoreResult

    @property
    def lungs(self) -> tuple[ObservedLung, ...]:
        """What the right and the left lung have of the score; empty if the model draws none."""
        by_lung = self.result.by_lung
        if by_lung is None:
            return ()
        return tuple(
            ObservedLung(self.lung_concepts[side], side, points, self.result.scale_of_lung)
            for side, points in ((Side.RIGHT, by_lung.right), (Side.LEFT, by_lung.left))
        )

    def chances(self) -> Iterator[tuple[Concept, float]]:
        """Yield the probabilities of worse, better and unchanged that are known."""
        result = self.result
        for concept, chance in (
            (P_WORSE, result.worse),
            (P_BETTER, result.better),
            (P_WITHIN, result.within),
        ):
            if chance is not None:
                yield concept, chance


def observed_scores(film: FilmResult) -> tuple[Observed, Observed]:
    """Return both scores of a film with their codes: extent, then opacity."""
    return (
        Observed(EXTENT, EXTENT_COURSE, EXTENT_BY_LUNG, film.geographic_extent),
        Observed(OPACITY, OPACITY_COURSE, OPACITY_BY_LUNG, film.opacity),
    )


@dataclass(frozen=True)
class Subject:
    """A patient and a study as the hospital knows them: never stored, logged or shown.

    ``system`` is the URL of the patients' identifiers; empty, as each of the others, if unknown.
    ``name`` is as DICOM writes it: family, given, middle name, prefix and suffix between carets.
    """

    identifier: str = field(repr=False)
    issuer: str = ""
    system: str = ""
    study_uid: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    name: str = field(default="", repr=False)


@dataclass(frozen=True)
class Report:
    """A film's result as other systems know it, by an identifier that stays the same.

    Without ``subject`` the patient is named by the pseudonym alone. ``is_identified`` states
    whether the destination is to get the hospital's identifiers.
    """

    report_id: UUID
    film: FilmResult
    status: Status = Status.FINAL
    is_identified: bool = False
    subject: Subject | None = None

    def part_id(self, concept: Concept) -> UUID:
        """Return the identifier of one observation of the report."""
        return uuid5(self.report_id, concept.code)

    @property
    def observed(self) -> tuple[Observed, Observed]:
        """Both scores: extent, then opacity."""
        return observed_scores(self.film)

    @property
    def taken(self) -> datetime | date | None:
        """When the film was taken: in UTC, as a date where only that is known, or None."""
        at = self.film.acquired_at
        if at is None:
            return None
        if not self.film.time_of_day_known:
            return local_date(at, self.film.acquired_zone)
        return at.astimezone(UTC)

    @property
    def content_sha256(self) -> str:
        """The hash of all that is exported, whatever the format; another is a change.

        It is without the image's id and UID, which may change where the same result stays, and
        without the hospital's identifiers, which are read again only of what changed.
        """
        film = asdict(self.film, dict_factory=_as_at_first)
        content = film | {"identified": self.is_identified}
        del content["image_id"], content["image_uid"]
        return hashlib.sha256(json.dumps(content, default=_plain).encode()).hexdigest()

    @property
    def sent_sha256(self) -> str:
        """The hash by which it is recorded as sent: another one if a film that counts is withdrawn.

        Such a film is of another patient by now, whom it does not name.
        """
        if not self.film.is_valid or self.status is not Status.ENTERED_IN_ERROR:
            return self.content_sha256
        return hashlib.sha256(f"{self.content_sha256} {self.status}".encode()).hexdigest()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in words, for a person; what it is for comes first."""
        film = self.film
        sentences = [RESEARCH_USE_ONLY]
        if film.simulated:
            sentences.append("Simulated: no image of a patient.")
        if film.out_of_distribution is not None:
            sentences.append(f"Out of distribution ({film.out_of_distribution}): not reliable.")
        if film.unlike_processing is not None:
            how = f"Processed unlike the training films ({film.unlike_processing})"
            sentences.append(f"{how}: scores may be off.")
        sentences.extend(map(_sentence, self.observed))
        return (*sentences, f"Model version {film.model_version}; view {film.view}.")


def _sentence(observed: Observed) -> str:
    result = observed.result
    said = f"{observed.concept.display}: {result.points:.1f} of {result.scale.highest:g} points"
    if result.interval:
        said += (
            f" (90 % prediction interval {result.interval.low:.1f} to {result.interval.high:.1f})"
        )
    if observed.lungs:
        said += "; " + ", ".join(f"{lung.side} lung {lung.points:.1f}" for lung in observed.lungs)
    if result.verdict is None:
        return f"{said}."
    behind = probability(result)
    chance = "" if behind is None else f" (probability {percent(behind)})"
    return f"{said}; compared with the baseline: {result.verdict}{chance}."


def _plain(value: object) -> str:
    """Return what JSON has no form for; times in UTC, whatever the zone of the connection."""
    return str(value.astimezone(UTC) if isinstance(value, datetime) else value)


def _as_at_first(fields: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a result, without those that were added since and say nothing of it.

    Else every result that was ever sent would look changed, and be sent again.
    """
    return {name: value for name, value in fields if name not in _ADDED or value is not None}


_ADDED = {"by_lung", "unlike_processing"}
