"""Who looks at which patient is recorded before anything is shown."""

from dataclasses import dataclass

from fastapi import Request

from db import lookups
from flows.dashboard.security.user import user_of
from flows.resources import Resources


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
        resources: Resources = request.app.state.resources
        with resources.read_database().transaction() as session:
            lookups.record(session, user_of(request).name, patient_key, page=self.page)
