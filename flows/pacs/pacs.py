"""The interface of a PACS: which films it has, and how one is brought into the drop folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from flows.arrivals import DropFolder
from flows.errors import FilmNotGiven
from severity.dicom import as_dicom_file, read_identity
from severity.errors import RejectedImage
from severity.vocabulary.body_parts import is_chest_in_words

_OF_UIDS = frozenset("0123456789.")


class Modality(StrEnum):
    """The modalities that a PACS is asked for: those that are scored."""

    CR = "CR"
    DX = "DX"


class NotGiven(StrEnum):
    """Why a film that a PACS named is not here. Codes are stable, as `severity.domain.Reason`'s."""

    REFUSED = "refused"  # the PACS says that it cannot give it, or may not
    NO_ANSWER = "no_answer"  # it answers other questions, and ends this one without an answer
    NOT_DICOM = "not_dicom"  # what came is no DICOM file
    ANOTHER_FILM = "another_film"  # what came is not what was asked for
    NO_UID = "no_uid"  # the PACS names it by what is no UID: it cannot be asked for
    NOT_IN_FOLDER = "not_in_folder"  # the PACS sent it to our receiver, and it did not arrive
    TOO_LARGE = "too_large"  # more bytes than any film that is scored
    GIVEN_UP = "given_up"  # it was asked for in vain too often, and is left to `reconcile`


@dataclass(frozen=True)
class Instance:
    """A film (SOP instance) as a PACS names it. The UIDs are never stored, logged or shown."""

    study_date: date
    modality: Modality
    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    image_uid: str = field(repr=False)

    @property
    def can_be_asked_for(self) -> bool:
        """Whether its UIDs are such: they become part of addresses."""
        uids = self.study_uid, self.series_uid, self.image_uid
        return all(uid and set(uid) <= _OF_UIDS for uid in uids)


class Pacs(Protocol):
    """An archive that names its films by study date, and gives each."""

    @property
    def location(self) -> str:
        """What names it in the database and in messages; no secret is in it."""

    def check(self) -> None:
        """Ask whether it answers; raises PacsError."""

    def instances(self, day: date, modality: Modality) -> Sequence[Instance]:
        """List the films of a study date, without those that it knows to be no chest.

        Raises
        ------
        PacsError
            It does not answer, or not with all of them.
        """

    def fetch(self, instance: Instance, folder: DropFolder) -> None:
        """Bring one film into the drop folder; once this returns, it is on disk.

        Raises
        ------
        FilmNotGiven
            The PACS answers, and does not give this one; the message is a code of `NotGiven`.
        PacsError
            It does not answer.
        NotKept
            The disk is short or fails.
        """


def may_be_chest(body_parts: Sequence[str]) -> bool:
    """Return false where a PACS knows that a film is of another body part alone.

    It is the rule by which a film is judged (`severity.vocabulary.body_parts`): what a PACS does
    not know, or knows of one of several parts, decides the film itself.
    """
    answers = [is_chest_in_words(part) for part in body_parts]
    return False not in answers or True in answers


def keep(instance: Instance, content: bytes, folder: DropFolder) -> None:
    """Write the film that a PACS gave into the drop folder.

    Raises
    ------
    FilmNotGiven
        It is another film, or no DICOM file: a page that asks for a password, for example.
    NotKept
        The disk is short or fails.
    """
    if (file := as_dicom_file(content)) is None:
        raise FilmNotGiven(NotGiven.NOT_DICOM)
    if _image_uid(file) not in {None, instance.image_uid}:
        raise FilmNotGiven(NotGiven.ANOTHER_FILM)
    folder.keep(instance.image_uid, content)


def _image_uid(file: bytes) -> str | None:
    """Return the UID of a film; None of a broken or odd file, which is judged as any other is."""
    try:
        identity = read_identity(file)
    except RejectedImage:
        return None
    return None if identity is None else identity["SOPInstanceUID"]
