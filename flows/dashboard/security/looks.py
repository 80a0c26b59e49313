"""Who looks at which patient is recorded before anything is shown."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request

from db import lookups
from flows.dashboard.request import resources_of
from flows.dashboard.security.user import user_of


@dataclass(frozen=True)
class Look:
    """What each route with a ``{patient_key}`` depends on: it records who looks, in a transaction.

    As in ``@router.get("/patients/{patient_key}", dependencies=[Depends(Look("patient"))])``. Where
    it cannot be recorded, the answer is that the database is away, and no patient.

    Attributes
    ----------
    page
        What is shown, in small letters and blanks.
    """

    page: str

    def __call__(self, request: Request, patient_key: str) -> None:
        """Record who looks at a patient; of one who does not exist nothing."""
        record_looks(request, [patient_key], page=self.page)


def record_looks(request: Request, patient_keys: Iterable[str], *, page: str) -> None:
    """Record who looks at patients, and commit it; of those who do not exist nothing.

    Whoever asks for it has no other transaction open: waiting for a second connection with the
    first in hand, as many requests as the pool has would wait for each other.
    """
    resources = resources_of(request)
    with resources.read_database().transaction() as session:
        for patient_key in dict.fromkeys(patient_keys):
            lookups.record(session, user_of(request).name, patient_key, page=page)
