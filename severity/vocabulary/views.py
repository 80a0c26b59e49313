"""The view of a chest radiograph: what senders write of it, and which of it decides.

One table for DICOM attributes and sidecars; ``docs/films.md`` shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from severity.domain import Decision, Reason, View
from severity.errors import NotAFrontalChestRadiograph
from severity.vocabulary.words import words


class Projection(StrEnum):
    """What a value says of the projection."""

    PA = "PA"
    AP = "AP"
    AP_SUPINE = "AP supine"
    FRONTAL = "frontal"  # from the front or the back
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    SEVERAL = "frontal and another"  # as of a study of two images
    NOTHING = "nothing"


VIEW_WORDS = {
    Projection.PA: frozenset(
        words("PA POSTEROANTERIOR POSTEROANTERIORE POSTEROANTERIEUR POSTEROANTERIEURE DORSOVENTRAL")
    ),
    Projection.AP: frozenset(
        words("AP ANTEROPOSTERIOR ANTEROPOSTERIORE ANTEROPOSTERIEUR ANTEROPOSTERIEURE VENTRODORSAL")
    ),
    Projection.FRONTAL: frozenset(words("FRONTAL FRONTALE FACE FRENTE")),
    Projection.LATERAL: frozenset(
        words(
            "LL RL LLD RLD LLO RLO LLAT RLAT LTLAT RTLAT LATL LATR LAT LATERAL LATERALE LATERALIS "
            "LATERALES LATEROLATERAL LATEROLATERALE LEFTLATERAL RIGHTLATERAL PROFIL PROFILE PERFIL "
            "SEITLICH SEITLICHE SEITENAUFNAHME SAGITTAL ZIJDELINGS BOCZNE"
        )
    ),
    Projection.OBLIQUE: frozenset(
        words("LAO RAO LPO RPO OBL OBLIQUE OBLIQUO OBLICUA OBLICUO OBLIQUA SCHRAG SCHRAEG")
    ),
}
"""The words of each projection; any other word is a qualifier, such as erect or portable."""

LATERAL_ALONE = "L"
"""A lateral where it is the whole value; beside other words it may be a side of the body."""

WORD_PAIRS = {
    ("POSTERO", "ANTERIOR"): "PA",
    ("POSTERIOR", "ANTERIOR"): "PA",
    ("ANTERO", "POSTERIOR"): "AP",
    ("ANTERIOR", "POSTERIOR"): "AP",
    ("LATERO", "LATERAL"): "LATERAL",
}
"""Two words that are written apart, and the one that they are read as."""

SUPINE_WORDS = frozenset(words("SUPINE SUPINO RECUMBENT LYING LIEGEND COUCHE"))
"""Qualifiers that make an AP view one of a lying patient, unless ``SEMI`` is among the words."""

VIEW_CODES = {
    "272479007": Projection.PA,
    "R-10214": Projection.PA,
    "R-40888": Projection.PA,
    "399348003": Projection.AP,
    "R-10206": Projection.AP,
    "399033003": Projection.FRONTAL,
    "R-10202": Projection.FRONTAL,
    "399067008": Projection.LATERAL,
    "R-102CD": Projection.LATERAL,
    "399173006": Projection.LATERAL,
    "R-10236": Projection.LATERAL,
    "399198007": Projection.LATERAL,
    "R-10232": Projection.LATERAL,
    "399260004": Projection.LATERAL,
    "R-10224": Projection.LATERAL,
    "399352003": Projection.LATERAL,
    "R-10228": Projection.LATERAL,
    "30730003": Projection.LATERAL,
    "G-A145": Projection.LATERAL,
    "399182000": Projection.OBLIQUE,
    "R-102C1": Projection.OBLIQUE,
    "399135007": Projection.OBLIQUE,
    "R-10220": Projection.OBLIQUE,
    "399356000": Projection.OBLIQUE,
    "R-40985": Projection.OBLIQUE,
    "399006002": Projection.OBLIQUE,
    "R-10212": Projection.OBLIQUE,
    "399038007": Projection.OBLIQUE,
    "R-10210": Projection.OBLIQUE,
    "399059000": Projection.OBLIQUE,
    "R-10216": Projection.OBLIQUE,
    "399312000": Projection.OBLIQUE,
    "R-10208": Projection.OBLIQUE,
    "399160007": Projection.OBLIQUE,
    "R-10204": Projection.OBLIQUE,
    "260427002": Projection.OBLIQUE,
    "R-40783": Projection.OBLIQUE,
    "399184004": Projection.OBLIQUE,
    "R-10238": Projection.OBLIQUE,
    "399236003": Projection.OBLIQUE,
    "R-10234": Projection.OBLIQUE,
}
"""SNOMED CT's codes and the older ones of SNOMED RT (DICOM PS3.16, CID 4010)."""

_VIEWS = {Projection.PA: View.PA, Projection.AP: View.AP, Projection.AP_SUPINE: View.AP_SUPINE}
_NO_FRONTAL = {Projection.LATERAL, Projection.OBLIQUE}


@dataclass(frozen=True)
class Statement:
    """What one attribute or column says of the view. A hint never decides; it may raise a doubt.

    ``written`` is its value, empty where it may name a patient.
    """

    source: str
    says: Projection
    written: str = ""
    is_hint: bool = False


def view_in_words(text: str) -> Projection:
    """Return what a value says of the view, with any qualifiers around it, in any case."""
    if words(text) == (LATERAL_ALONE,):
        return Projection.LATERAL
    spoken = _joined(words(text))
    frontal = {
        projection
        for projection in (Projection.PA, Projection.AP, Projection.FRONTAL)
        if VIEW_WORDS[projection] & spoken
    }
    other = [projection for projection in _NO_FRONTAL if VIEW_WORDS[projection] & spoken]
    if frontal and other:
        return Projection.SEVERAL
    if other:
        return Projection.LATERAL if Projection.LATERAL in other else Projection.OBLIQUE
    if not frontal:
        return Projection.NOTHING
    if {Projection.PA, Projection.AP} <= frontal:
        return Projection.FRONTAL
    return _frontal(frontal, spoken)


def view_of_code(value: str, meaning: str) -> Projection:
    """Return what a coded view says: its meaning, which a person saw, before its value."""
    in_words = view_in_words(meaning)
    return VIEW_CODES.get(value.strip().upper(), in_words) if _is_vague(in_words) else in_words


def view_of_orientation(along_rows: str, along_columns: str) -> Projection:
    """Return what Patient Orientation says: a lateral's rows or columns run from front to back.

    References
    ----------
    * DICOM PS3.3, C.7.6.1.1.1 (Patient Orientation).
    """
    directions = {along_rows[:1].upper(), along_columns[:1].upper()}
    if directions & {"A", "P"}:
        return Projection.LATERAL
    return Projection.FRONTAL if directions & {"L", "R"} else Projection.NOTHING


def decide_view(statements: Sequence[Statement]) -> tuple[View, Decision]:
    """Return the view, and what decided it: the first statement that is no hint and says anything.

    A view that a later statement or a hint contradicts is unknown, as is an oblique one and one
    that nothing states: it is scored and flagged.

    Raises
    ------
    NotAFrontalChestRadiograph
        The deciding statement says that it is a lateral.
    """
    stated = [statement for statement in statements if statement.says is not Projection.NOTHING]
    deciding = next((statement for statement in stated if not statement.is_hint), None)
    if deciding is not None and deciding.says is Projection.LATERAL:
        raise NotAFrontalChestRadiograph(
            Reason.LATERAL, f"{deciding.source} says lateral; only frontal views are scored"
        )
    doubt = next((other for other in stated if other.says in _NO_FRONTAL), None)
    if doubt is not None:
        return View.UNKNOWN, _decision(View.UNKNOWN, deciding, f"{doubt.source} says {doubt.says}")
    named = next(
        (other for other in stated if not other.is_hint and other.says in _VIEWS), deciding
    )
    view = _VIEWS.get(named.says, View.UNKNOWN) if named else View.UNKNOWN
    return view, _decision(view, named, _open_question(named, stated))


def _joined(spoken: Sequence[str]) -> set[str]:
    pairs = pairwise(spoken)
    return {*spoken, *(WORD_PAIRS[pair] for pair in pairs if pair in WORD_PAIRS)}


def _frontal(frontal: set[Projection], spoken: set[str]) -> Projection:
    if Projection.PA in frontal:
        return Projection.PA
    if Projection.AP not in frontal:
        return Projection.FRONTAL
    is_supine = bool(SUPINE_WORDS & spoken) and "SEMI" not in spoken
    return Projection.AP_SUPINE if is_supine else Projection.AP


def _is_vague(projection: Projection) -> bool:
    return projection in {Projection.NOTHING, Projection.FRONTAL, Projection.SEVERAL}


def _decision(view: View, by: Statement | None, doubt: str) -> Decision:
    return Decision("view", view, by.source if by else "", by.written if by else "", doubt)


def _open_question(named: Statement | None, stated: Sequence[Statement]) -> str:
    """Return what is not known of the view, or which later statement names another."""
    if named is None:
        return "nothing says which view it is"
    if named.says not in _VIEWS:
        return f"it says {named.says}"
    others = (other for other in stated if not other.is_hint and other.says in _VIEWS)
    other = next((other for other in others if _VIEWS[other.says] != _VIEWS[named.says]), None)
    return f"{other.source} says {other.says}" if other else ""
