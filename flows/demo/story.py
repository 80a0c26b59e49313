"""The demonstration's story: eight simulated patients, their images, treatments and fates.

Values alone: `flows.demo.images` makes the files. The amounts were chosen so that the product's own
verdicts come out as `DemoPatient.story` tells, by each bundled model, and not by a hair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from severity.domain import Fate, PatientId, Reason, Verdict
from severity.simulation import Course

_FIRST_MORNING = datetime(2020, 3, 1, 8)  # noqa: DTZ001 - DICOM times have no zone


@dataclass(frozen=True)
class Anatomy:
    """How one simulated patient's images differ from another's, apart from the opacities."""

    tilt_degrees: float = 0.0
    stoutness: float = 1.0
    """Width over height, relative to the radiograph that all are made from."""
    gamma: float = 1.0


@dataclass(frozen=True)
class DemoPatient:
    """A simulated patient: what happens, and at which hours images are taken.

    Parameters
    ----------
    story
        What happens, in a line.
    verdict
        What the latest image says of geographic extent; None if nothing follows the baseline.
    course
        The amount of opacities by day.
    hours
        When images are taken, in hours since the first morning of the story.
    ap_hours
        At which of them the view is AP; PA else.
    unnamed_hours
        At which of them nobody knew yet who the patient was.
    late_hours
        Which of the images arrive only after all others have been scored.
    """

    number: int
    name: str
    story: str
    verdict: Verdict | None
    course: Course
    hours: tuple[int, ...]
    anatomy: Anatomy = Anatomy()
    ap_hours: frozenset[int] = frozenset()
    unnamed_hours: frozenset[int] = frozenset()
    late_hours: frozenset[int] = frozenset()

    @property
    def patient_id(self) -> PatientId:
        """Patient ID, DICOM (0010,0020)."""
        return PatientId(f"SIM-{self.number:04d}")

    @property
    def unnamed_id(self) -> PatientId:
        """The identifier that the patient had before anybody knew who it was."""
        return PatientId(f"SIM-UNNAMED-{self.number:04d}")


@dataclass(frozen=True)
class DemoImage:
    """One image to make. Its UIDs depend on the patient, the hour and the view alone."""

    patient: DemoPatient
    hour: int
    view: str = "PA"
    added: float = 0.0
    """Amount painted beyond the patient's course."""

    @property
    def taken(self) -> datetime:
        """When the image is taken; each patient comes ten minutes after the one before."""
        minutes = timedelta(minutes=10 * self.patient.number)
        return _FIRST_MORNING + timedelta(hours=self.hour) + minutes

    @property
    def patient_id(self) -> str:
        """Patient ID, DICOM (0010,0020), as it was known when the image was taken."""
        unnamed = self.hour in self.patient.unnamed_hours
        return (self.patient.unnamed_id if unnamed else self.patient.patient_id).value

    @property
    def name(self) -> str:
        """File name in the drop folder."""
        return f"film-{self.patient.number:04d}-{self.taken:%Y-%m-%d-%H%M}-{self.view.lower()}.dcm"

    @property
    def amount(self) -> float:
        """Amount of opacities on [0, 1]."""
        return self.patient.course.amount(self.hour / 24) + self.added

    @property
    def is_late(self) -> bool:
        """Whether it arrives only after all others have been scored."""
        return self.hour in self.patient.late_hours


def _days(*days: int) -> tuple[int, ...]:
    return tuple(24 * day for day in days)


_WATCHED = (*range(5), *range(144, 149))  # every hour, and again six days later

PATIENTS = (
    DemoPatient(
        1,
        "ONE",
        "gets worse for two weeks",
        Verdict.WORSE,
        Course(((0, 0.06), (5, 0.28), (10, 0.62), (14, 0.88))),
        _days(0, 2, 4, 7, 9, 12, 14),
    ),
    DemoPatient(
        2,
        "TWO",
        "gets better after dexamethasone",
        Verdict.BETTER,
        Course(((0, 0.60), (4, 0.80), (9, 0.25), (14, 0.05))),
        _days(0, 1, 3, 5, 7, 9, 11, 14),
        Anatomy(1.2, 0.95, 1.06),
    ),
    DemoPatient(
        3,
        "THREE",
        "past the peak, and still worse than on admission",
        Verdict.WORSE,
        Course(((0, 0.05), (6, 0.90), (8, 0.90), (14, 0.40))),
        _days(0, 1, 3, 5, 7, 9, 11, 14),
        Anatomy(-1.0, 1.05, 0.95),
    ),
    DemoPatient(
        4,
        "FOUR",
        "ten images, on two days six days apart",
        Verdict.UNCHANGED,
        Course(((0, 0.30),)),
        _WATCHED,
        Anatomy(0.6, 0.98, 1.03),
        ap_hours=frozenset(_WATCHED),
    ),
    DemoPatient(
        5,
        "FIVE",
        "two images do not tell, and the second is AP",
        Verdict.CANNOT_TELL,
        Course(((0, 0.20), (2, 0.60))),
        _days(0, 2),
        ap_hours=frozenset(_days(2)),
    ),
    DemoPatient(
        6,
        "SIX",
        "came without a name: two identifiers, merged",
        Verdict.BETTER,
        Course(((0, 0.75), (1, 0.75), (5, 0.20), (9, 0.10))),
        _days(0, 1, 5, 7, 9),
        ap_hours=frozenset(_days(0, 1)),
        unnamed_hours=frozenset(_days(0, 1)),
    ),
    DemoPatient(
        7,
        "SEVEN",
        "the first image came last, and became the baseline",
        Verdict.WORSE,
        Course(((0, 0.05), (3, 0.55), (9, 0.65))),
        _days(0, 3, 6, 9),
        Anatomy(-0.8, 1.02, 1.02),
        late_hours=frozenset(_days(0)),
    ),
    DemoPatient(
        8,
        "EIGHT",
        "clear; of four files three were rejected",
        None,
        Course(((0, 0.0),)),
        _days(13),
    ),
)

DEMO_IMAGES = tuple(
    DemoImage(patient, hour, "AP" if hour in patient.ap_hours else "PA")
    for patient in PATIENTS
    for hour in patient.hours
)

COPY = "copy"
"""Expected fate of a file with the same bytes as another."""

NOT_AN_IMAGE = "read-me-i-am-not-an-image.dcm"
REJECT_COPY = "reject-copy.dcm"
REJECT_EXTREMITY = "reject-extremity.dcm"
REJECT_LATERAL = "reject-lateral.dcm"
REJECT_TRUNCATED = "reject-truncated.dcm"
REJECT_UID_CONFLICT = "reject-uid-conflict.dcm"  # must sort after the image that it contradicts

DEMO_EXPECTATIONS: Mapping[str, str] = MappingProxyType(
    {image.name: Fate.SCORED.value for image in DEMO_IMAGES}
    | {
        NOT_AN_IMAGE: Reason.NOT_AN_IMAGE.value,
        REJECT_COPY: COPY,
        REJECT_EXTREMITY: Reason.NOT_CHEST.value,
        REJECT_LATERAL: Reason.LATERAL.value,
        REJECT_TRUNCATED: Reason.CORRUPT.value,
        REJECT_UID_CONFLICT: Reason.UID_CONFLICT.value,
    }
)
"""The expected fate of each file: "scored", "copy", or the reason code of its rejection."""
