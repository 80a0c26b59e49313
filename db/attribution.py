"""Who changes what, and why: triggers write it beside each correction."""

from sqlalchemy.orm import Session

from db.prepared import Prepared


def attribute(session: Session, *, who: str, what: str, why: str) -> None:
    """Name the corrections of a transaction, from here to its end."""
    _ATTRIBUTE.execute(session, {"who": who, "what": what, "why": why})


_ATTRIBUTE = Prepared(
    """
    SELECT set_config('severity.who', :who, true), set_config('severity.what', :what, true),
        set_config('severity.why', :why, true)
    """
)
