"""The codes of results: as no standard code exists for the two scores, of a system of ours."""

from dataclasses import dataclass
from enum import StrEnum

from severity.domain import UnlikeProcessing, Verdict

SCHEME = "99CXRSEV"
"""The name of the code system in HL7 v2 and DICOM, where local ones begin with 99."""

SYSTEM_OID = "2.25.185765473087138596161091143088252995492"
SYSTEM = f"urn:oid:{SYSTEM_OID}"
"""The URL of the code system in FHIR: an OID from a UUID (ITU-T X.667), which needs no domain."""

MODEL_VERSIONS = f"{SYSTEM}.1"
"""The system of the identifiers of model versions."""

PSEUDONYMS_OID = f"{SYSTEM_OID}.2"
PSEUDONYMS = f"urn:oid:{PSEUDONYMS_OID}"
"""The system of patients' pseudonyms: keyed with the secret of the site that made them."""


@dataclass(frozen=True)
class Concept:
    """A code of the code system, with its name and what it means."""

    code: str
    display: str
    definition: str


class Side(StrEnum):
    """The patient's side."""

    RIGHT = "right"
    LEFT = "left"


EXTENT = Concept(
    "EXTENT",
    "Geographic extent of lung opacity",
    "How much of the lungs is involved: 0 to 8 points, more is worse (Cohen et al. 2020).",
)
OPACITY = Concept(
    "OPACITY",
    "Degree of lung opacity",
    "How dense the opacities are, in points of the model version's scale, more is worse.",
)
EXTENT_BY_LUNG = {
    Side.RIGHT: Concept(
        "EXTENT-RIGHT",
        "Geographic extent of opacity of the right lung",
        "What the patient's right lung has of the geographic extent: half of its points at most.",
    ),
    Side.LEFT: Concept(
        "EXTENT-LEFT",
        "Geographic extent of opacity of the left lung",
        "What the left lung has of the geographic extent: both lungs add up to it.",
    ),
}
OPACITY_BY_LUNG = {
    Side.RIGHT: Concept(
        "OPACITY-RIGHT",
        "Degree of opacity of the right lung",
        "What the patient's right lung has of opacity: half of its points at most.",
    ),
    Side.LEFT: Concept(
        "OPACITY-LEFT",
        "Degree of opacity of the left lung",
        "What the left lung has of opacity: both lungs add up to it.",
    ),
}
EXTENT_COURSE = Concept(
    "EXTENT-COURSE",
    "Course of the geographic extent of lung opacity",
    "How the level of geographic extent compares with that at the baseline of the episode.",
)
OPACITY_COURSE = Concept(
    "OPACITY-COURSE",
    "Course of the degree of lung opacity",
    "How the level of opacity compares with that at the baseline of the episode.",
)
REPORT = Concept(
    "REPORT",
    "Pneumonia severity on a chest radiograph",
    "Both scores of one radiograph by one model version, and the courses up to it.",
)
INTERVAL = Concept(
    "INTERVAL-90",
    "90 % prediction interval",
    "The points between which the mean of readers lies for 90 of 100 new patients.",
)
SCALE = Concept("SCALE", "Scale", "The lowest and the highest value that the score can have.")
LEVEL = Concept(
    "LEVEL", "Level", "The true points behind the radiographs so far, as they say together."
)
BAND = Concept("BAND-90", "90 % band", "The band that contains the level with 90 % probability.")
P_WORSE = Concept(
    "P-WORSE",
    "Probability of worse",
    "The probability that the level is above that at the baseline by more than the margin.",
)
P_BETTER = Concept(
    "P-BETTER",
    "Probability of better",
    "The probability that the level is below that at the baseline by more than the margin.",
)
P_WITHIN = Concept(
    "P-WITHIN", "Probability of unchanged", "The probability that the level is neither."
)
OUT_OF_DISTRIBUTION = Concept(
    "OUT-OF-DISTRIBUTION",
    "Out of distribution",
    "The radiograph is unlike those that scores rest on: its score is not reliable.",
)

UNLIKE_PROCESSING = Concept(
    "UNLIKE-PROCESSING",
    "Processing unlike the training films",
    "How the radiograph is processed unlike those that the model learned from: its score may be "
    "off.",
)

PROCESSING = {
    UnlikeProcessing.ENHANCED: Concept(
        "ENHANCED", "enhanced", "Detail is strong, relative to the large areas of light and dark."
    ),
    UnlikeProcessing.FLAT: Concept("FLAT", "flat", "Detail is weak, relative to them."),
}

VERDICTS = {
    Verdict.WORSE: Concept("WORSE", "worse", "Worse than at the baseline by more than the margin."),
    Verdict.BETTER: Concept("BETTER", "better", "Better by more than the margin."),
    Verdict.UNCHANGED: Concept("UNCHANGED", "unchanged", "Within the margin."),
    Verdict.CANNOT_TELL: Concept(
        "CANNOT-TELL", "cannot tell", "None of worse, better and unchanged is probable enough."
    ),
}

CONCEPTS = (
    EXTENT,
    OPACITY,
    *EXTENT_BY_LUNG.values(),
    *OPACITY_BY_LUNG.values(),
    EXTENT_COURSE,
    OPACITY_COURSE,
    REPORT,
    INTERVAL,
    SCALE,
    LEVEL,
    BAND,
    P_WORSE,
    P_BETTER,
    P_WITHIN,
    OUT_OF_DISTRIBUTION,
    UNLIKE_PROCESSING,
    *PROCESSING.values(),
    *VERDICTS.values(),
)
"""All of the code system."""
