"""What identifies the patient and study of an image: read again from its film, never stored.

The database has pseudonyms alone. A file that must carry the hospital's identifiers is made from
the film in hand, or from the film where it still lies in its source.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from db.reading import image_files
from db.reading.image_files import ImageFile
from flows.resources import Resources
from flows.sources import LedgerObjects, SidecarsAbove, read_local_file
from severity.dicom import read_identity
from severity.domain import PatientId
from severity.errors import RejectedImage
from severity.files.sidecar import SidecarRecord

NOT_ITS_PATIENT = "its film names another patient than the database"
UNDESCRIBED = "its film is no DICOM file, and no sidecar describes it"
MOVED = "a person moved it to another patient than the one whom its film names"
_MOST_NAMED = 10  # ids in one message


@dataclass(frozen=True)
class Identifiers:
    """The patient of an image, and what its film says of both: never stored, logged or shown.

    ``attributes`` are those of a DICOM film by keyword, such as ``AccessionNumber``, empty where it
    states none; there are none of a PNG or JPEG file.
    """

    image_id: int
    patient: PatientId = field(repr=False)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Unidentified:
    """An image whose identifiers cannot be had, and why; the reason names nobody."""

    image_id: int
    problem: str

    @property
    def names_another(self) -> bool:
        """Whether what carries the identifiers of its film is of a person whose it is not.

        Only where a person said so: another issuer in the settings would look the same.
        """
        return self.problem == MOVED


def identify(
    resources: Resources, image_ids: Sequence[int], films: Iterable[Path] = ()
) -> list[Identifiers | Unidentified]:
    """Read what identifies images, in their order: from the films in hand, else from their sources.

    A film is believed if it is the image's, by its content or its SOP Instance UID, and if the
    pseudonym of its patient is that of the image's patient, or of whom this one was merged into.

    Parameters
    ----------
    films
        Files in hand.

    Raises
    ------
    DatabaseError
        The database cannot be used.
    """
    if not image_ids:
        return []
    with resources.read_database().transaction() as session:
        files = image_files.of_images(session, image_ids)
    in_hand = _FilmsInHand.read(films, resources)
    return asyncio.run(
        _identify(resources, [(each, files.get(each)) for each in image_ids], in_hand)
    )


def unidentified_text(results: Iterable[Identifiers | Unidentified]) -> str:
    """Return how many images could not be identified, with their ids and why; empty if none."""
    images: dict[str, list[int]] = {}
    for result in results:
        if isinstance(result, Unidentified):
            images.setdefault(result.problem, []).append(result.image_id)
    return "; ".join(f"{_counted(ids)}: {problem}" for problem, ids in images.items())


def _counted(ids: Sequence[int]) -> str:
    """Return how many images these are, with the first of their ids."""
    named = ", ".join(map(str, ids[:_MOST_NAMED])) + (", ..." if len(ids) > _MOST_NAMED else "")
    return f"{len(ids)} image{'s' if len(ids) > 1 else ''} ({named})"


@dataclass(frozen=True)
class _Film:
    """A film that was read: its patient and, if it is DICOM, its attributes."""

    patient: PatientId
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class _FilmsInHand:
    """Films that a person named, by the hash of their content and by their SOP Instance UID."""

    by_content: Mapping[str, _Film]
    by_uid: Mapping[str, _Film]

    @classmethod
    def read(cls, paths: Iterable[Path], resources: Resources) -> "_FilmsInHand":
        sidecars = SidecarsAbove(resources.settings.all_sources)
        by_content: dict[str, _Film] = {}
        by_uid: dict[str, _Film] = {}
        for path in paths:
            content = read_local_file(path)
            film = _dicom_film(content) or _described_film(sidecars.record(path))
            by_content[hashlib.sha256(content).hexdigest()] = film
            if film.attributes:
                by_uid[film.attributes["SOPInstanceUID"]] = film
        return cls(by_content, by_uid)

    def of(self, file: ImageFile) -> _Film | None:
        return self.by_content.get(file.content_sha256) or self.by_uid.get(file.image_uid)


async def _identify(
    resources: Resources,
    files: Sequence[tuple[int, ImageFile | None]],
    in_hand: _FilmsInHand,
) -> list[Identifiers | Unidentified]:
    objects = LedgerObjects()
    results: list[Identifiers | Unidentified] = []
    for image_id, file in files:
        if file is None:
            results.append(Unidentified(image_id, "there is no such image"))
            continue
        try:
            film = in_hand.of(file) or await _from_source(file, objects)
        except RejectedImage as error:
            results.append(Unidentified(image_id, str(error)))
        else:
            results.append(_believed(resources, file, film))
    return results


async def _from_source(file: ImageFile, objects: LedgerObjects) -> _Film:
    read = await objects.read(file.content_sha256, file.places)
    film = _dicom_film(read.content)
    return film or _described_film(await objects.record(read.place))


def _dicom_film(content: bytes) -> _Film | None:
    """Return what a film says; None if it is not DICOM."""
    attributes = read_identity(content)
    if attributes is None:
        return None
    patient = PatientId(attributes["PatientID"], attributes["IssuerOfPatientID"])
    return _Film(patient, attributes)


def _described_film(record: SidecarRecord | None) -> _Film:
    """Return what a sidecar says of a film; of nobody if there is no record."""
    described = record or SidecarRecord()
    return _Film(PatientId(described.patient_id, described.issuer), {})


def _believed(resources: Resources, file: ImageFile, film: _Film) -> Identifiers | Unidentified:
    """Return what a film says if it is of the patient whom the database knows."""
    if not film.attributes and not film.patient.value:
        return Unidentified(file.image_id, UNDESCRIBED)
    if resources.pseudonym(film.patient) in {file.patient_key, file.person_key}:
        return Identifiers(file.image_id, film.patient, film.attributes)
    return Unidentified(file.image_id, MOVED if file.was_moved else NOT_ITS_PATIENT)
