"""A PACS that speaks DIMSE: C-FIND names its films, C-GET or C-MOVE gives each."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association

from flows.arrivals import DropFolder
from flows.dicom_node import Node
from flows.errors import FilmNotGiven, PacsError
from flows.pacs.associations import ArrivingFilm, Caller, Calling
from flows.pacs.pacs import Instance, Modality, NotGiven, may_be_chest
from flows.pacs.patience import Patience

_VERIFICATION = UID("1.2.840.10008.1.1")
# Study Root Query/Retrieve: PS3.4, C.6.2.
_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
_SUCCESS, _PENDING = 0x0000, {0xFF00, 0xFF01}


class DimseNode:
    """A PACS that is a DICOM node.

    Each film is asked for on an association of its own: those that stay open for long are closed
    by firewalls, and by some archives.
    """

    def __init__(self, node: Node, calling: Calling, patience: Patience) -> None:
        self._node = node
        self._move_to = calling.move_to
        self._caller = Caller(node, calling, patience.answer_seconds)
        self._patience = patience

    @property
    def location(self) -> str:
        """``AET@HOST:PORT``."""
        return str(self._node)

    def check(self) -> None:
        """Ask for an echo (C-ECHO); raises PacsError if there is none."""
        self._patience.persist(self._echo)

    def _echo(self) -> None:
        with self._caller.associated(_VERIFICATION) as association:
            if "Status" not in association.send_c_echo():
                raise self._caller.no_answer("does not answer")

    def instances(self, day: date, modality: Modality) -> Sequence[Instance]:
        """List the films of a study date, without those that it knows to be no chest.

        Asked level by level, study, series and image, as any node answers (PS3.4, C.4.1.2.1).

        Raises
        ------
        PacsError
            The PACS does not answer, refuses, or does not give the whole list.
        """
        return self._patience.persist(lambda: self._instances(day, modality))

    def _instances(self, day: date, modality: Modality) -> Sequence[Instance]:
        with self._caller.associated(_FIND) as association:
            return [
                Instance(day, modality, study, series, image)
                for study in self._studies(association, day, modality)
                for series in self._series(association, study, modality)
                for image in self._images(association, study, series)
            ]

    def _studies(self, association: Association, day: date, modality: Modality) -> list[str]:
        asked = {"StudyDate": f"{day:%Y%m%d}", "ModalitiesInStudy": str(modality)}
        studies = self._answers(association, "STUDY", asked | {"StudyInstanceUID": ""})
        return [_text(study, "StudyInstanceUID") for study in studies]

    def _series(self, association: Association, study: str, modality: Modality) -> list[str]:
        asked = {"StudyInstanceUID": study, "Modality": str(modality)}
        returned = {"SeriesInstanceUID": "", "BodyPartExamined": ""}
        return [
            _text(series, "SeriesInstanceUID")
            for series in self._answers(association, "SERIES", asked | returned)
            if _text(series, "Modality").upper() in {"", modality}
            and may_be_chest(_texts(series, "BodyPartExamined"))
        ]

    def _images(self, association: Association, study: str, series: str) -> list[str]:
        asked = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        images = self._answers(association, "IMAGE", asked | {"SOPInstanceUID": ""})
        return [_text(image, "SOPInstanceUID") for image in images]

    def _answers(
        self, association: Association, level: str, asked: Mapping[str, str]
    ) -> list[Dataset]:
        answers = []
        for status, answer in association.send_c_find(_identifier(level, asked), _FIND):
            if "Status" not in status:
                raise self._caller.no_answer("ended an answer before its end")
            if status.Status in _PENDING and answer is not None:
                answers.append(answer)
            elif status.Status != _SUCCESS:
                raise PacsError(
                    f"the PACS {self._node} refuses a question: status 0x{status.Status:04X}"
                )
        return answers

    def fetch(self, instance: Instance, folder: DropFolder) -> None:
        """Bring one film into the drop folder; see `Pacs.fetch`.

        By C-MOVE the receiver writes it, which answers success when it is on disk.
        """
        if self._move_to is None:
            self._patience.persist(lambda: self._get(instance, folder))
        else:
            to = self._move_to
            is_sent = self._patience.persist(lambda: self._move(instance, to))
            if not folder.has(instance.image_uid):
                # If it was sent, under another UID, perhaps: some archives change what they send.
                raise FilmNotGiven(NotGiven.NOT_IN_FOLDER if is_sent else NotGiven.REFUSED)

    def _get(self, instance: Instance, folder: DropFolder) -> None:
        arriving = ArrivingFilm(instance, folder)
        with self._caller.associated(_GET, arriving) as association:
            self._ends_well(association.send_c_get(_film(instance), _GET))
        # Whatever else it sent, and says of that.
        if not arriving.is_kept:
            raise arriving.problem or FilmNotGiven(NotGiven.REFUSED)

    def _move(self, instance: Instance, to: str) -> bool:
        with self._caller.associated(_MOVE) as association:
            return self._ends_well(association.send_c_move(_film(instance), to, _MOVE))

    def _ends_well(self, answers: Iterator[tuple[Dataset, Dataset | None]]) -> bool:
        """Wait for the last answer; return whether the film was sent."""
        last = Dataset()
        for last, _ in answers:
            if "Status" not in last:
                raise self._caller.no_answer("ended an answer before its end")
        return bool(last.Status == _SUCCESS and last.get("NumberOfCompletedSuboperations", 1))


def _identifier(level: str, asked: Mapping[str, str]) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in asked.items():
        setattr(identifier, keyword, value)
    return identifier


def _film(instance: Instance) -> Dataset:
    return _identifier(
        "IMAGE",
        {
            "StudyInstanceUID": instance.study_uid,
            "SeriesInstanceUID": instance.series_uid,
            "SOPInstanceUID": instance.image_uid,
        },
    )


def _texts(answer: Dataset, keyword: str) -> list[str]:
    value = answer.get(keyword) or []
    return [str(part).strip() for part in ([value] if isinstance(value, str) else value)]


def _text(answer: Dataset, keyword: str) -> str:
    return next(iter(_texts(answer, keyword)), "")
