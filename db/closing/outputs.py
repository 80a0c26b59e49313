"""What a network returns beside the scores: the backbone's findings, and triage."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlalchemy.orm import Session

from db.closing.batch import Closing
from db.closing.outcomes import Scored
from db.prepared import Prepared

FINDINGS, TRIAGE = "findings", "triage"


def write(closing: Closing, scored: Sequence[Scored]) -> None:
    """Store the findings and triage of new scores, as numbers; their names are stored once."""
    for kind in (FINDINGS, TRIAGE):
        by_object = dict(zip(closing.objects(scored), _numbers(scored, kind), strict=True))
        for names, group in groupby(by_object.items(), key=lambda item: tuple(item[1])):
            if names:
                _write(closing, kind, dict(group))


def _numbers(scored: Sequence[Scored], kind: str) -> list[Mapping[str, float]]:
    return [item.score.findings if kind == FINDINGS else item.score.triage for item in scored]


def _write(closing: Closing, kind: str, by_object: Mapping[int, Mapping[str, float]]) -> None:
    """Store the numbers of objects whose numbers have the same names."""
    numbers = list(by_object.values())
    names = list(numbers[0])
    closing.execute(
        (_ADD_OUTPUTS,),
        names=_names_id(closing.session, kind, names),
        objects=list(by_object),
        # Flat: in an array of arrays PostgreSQL knows only single numbers.
        numbers=[value for mapping in numbers for value in mapping.values()],
        count=len(names),
    )


def _names_id(session: Session, kind: str, names: Sequence[str]) -> int:
    values = {"kind": kind, "names": list(names)}
    row_id: int | None = _NAMES.execute(session, values).scalar()
    if row_id is None:
        row_id = _ADD_NAMES.execute(session, values).scalar_one()
    return row_id


_ADD_NAMES = Prepared(
    """
    INSERT INTO output_names (kind, names)
    SELECT :kind, CAST(:names AS text[])
    RETURNING id
    """
)

_NAMES = Prepared(
    "SELECT id FROM output_names WHERE kind = :kind AND names = CAST(:names AS text[])"
)

_ADD_OUTPUTS = Prepared(
    """
    INSERT INTO score_output (image_id, model_version_id, output_names_id, numbers)
    SELECT object.image_id, :model, :names,
        (CAST(:numbers AS float8[]))[(place - 1) * :count + 1 : place * :count]
    FROM unnest(CAST(:objects AS bigint[])) WITH ORDINALITY AS batch (object_id, place)
    JOIN object ON object.id = batch.object_id
    ON CONFLICT DO NOTHING
    """
)
