"""Reading a patient's course: as it is kept, or across a change of the model version."""

from db.engine import Transaction
from db.reading import bridges, courses
from db.reading.courses import Course


def read_course(
    session: Transaction, patient_key: str, model_version: str, *, bridged: bool
) -> Course:
    """Read a patient's course by a model version.

    Parameters
    ----------
    bridged
        Go on across the newest bridge to the model version; see `flows.courses.bridged`.

    Raises
    ------
    LookupError
        There is no such model version.
    WrongParameters
        Another version of this program wrote the bridge or the parameters.
    """
    if not bridged:
        return courses.course(session, patient_key, model_version)
    # Imported here: it computes with SciPy, and the plain course is read as it is kept.
    from flows.courses.bridged import bridged_course  # noqa: PLC0415

    return bridged_course(session, patient_key, model_version)


def can_bridge(session: Transaction, course: Course) -> bool:
    """Return whether a bridge comes from another model version that scored the patient."""
    known = bridges.bridges(session, course.model_version)
    return any(bridge.former_version in course.other_versions for bridge in known)
