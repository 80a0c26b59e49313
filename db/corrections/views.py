"""Corrections of the view from which an image was taken."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.corrections.author import Author, begin
from db.corrections.images import of_image
from severity.domain import View


def correct_view(session: Session, author: Author, image_id: int, view: View) -> View:
    """State from which view an image was taken, instead of what its file says.

    Scores do not depend on it, and stay; levels do, since each view shifts scores.

    Returns
    -------
    The view that it had until now.

    Raises
    ------
    RefusedCorrection
        There is no such image.
    """
    begin(session, author, "view corrected")
    before = View(of_image(session, _VIEW, image_id))
    if before is not view:
        session.execute(_STATE, {"image": image_id, "view": view.value})
    return before


_VIEW = text("SELECT view FROM image WHERE id = :image")
_STATE = text("UPDATE image SET view = CAST(:view AS projection) WHERE id = :image")
