"""The scores of one image as a DICOM structured report: TID 1500 in a Comprehensive 3D SR.

No standard code exists for the two scores, so they are private concepts of the coding scheme
`SCHEME`; all else is of DICOM, SNOMED CT and UCUM. IHE's profile "AI Results" asks for this form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.enum import ContentQualificationValues
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes
from pydicom.uid import ComputedRadiographyImageStorage

from flows.exports.dicom.composite_context import CompositeContext
from flows.exports.dicom.instance import MANUFACTURER, UidMaker, finish
from severity.domain import RESEARCH_USE_ONLY, Interval, Scale, View

SCHEME = "99CXRSEV"
"""The coding scheme of our own concepts: private ones begin with 99 (DICOM PS3.16, 8.2)."""

EXTENT = CodedConcept("EXTENT", SCHEME, "Geographic extent of lung opacity")
OPACITY = CodedConcept("OPACITY", SCHEME, "Degree of lung opacity")
LOWEST = CodedConcept("SCALE-LOWEST", SCHEME, "Lowest value of the scale")
HIGHEST = CodedConcept("SCALE-HIGHEST", SCHEME, "Highest value of the scale")
COVERAGE = CodedConcept("COVERAGE", SCHEME, "Coverage of the prediction interval")
POINTS = CodedConcept("{score}", "UCUM", "score")

SERIES_NUMBER = 9101
"""Beyond the numbers that scanners give."""

_SCHEME_ITEM = CodingSchemeIdentificationItem(
    SCHEME, name="cxr-severity", responsible_organization="cxr-severity"
)
_PERCENT = CodedConcept("%", "UCUM", "percent")
_DECIMALS = 2  # of points: a score errs by a hundred times as much
_HIGHEST_NUMBER = 2**31 - 1  # of an integer string (IS)
_COVERED = 90  # percent of new images whose readers' mean the interval contains
_CHEST_RADIOGRAPH = CodedConcept("399208008", "SCT", "Plain X-ray of chest")
_ABOVE = CodedConcept("371886008", "SCT", "+, range of upper measurement uncertainty")
_BELOW = CodedConcept("371885007", "SCT", "-, range of lower measurement uncertainty")
_VIEWS: Mapping[View, CodedConcept] = MappingProxyType(
    {
        View.PA: codes.cid4010.PosteroAnterior,
        View.AP: codes.cid4010.AnteroPosterior,
        View.AP_SUPINE: codes.cid4010.AnteroPosterior,
    }
)


@dataclass(frozen=True)
class ReportedScore:
    """One score of an image on its scale, with its 90 % prediction interval if there is one."""

    points: float
    scale: Scale
    interval: Interval | None


@dataclass(frozen=True)
class Model:
    """The model version that scored: its key, its name, and what else identifies it, as text."""

    version: str
    name: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportedImage:
    """An image as it is reported: our number of it, its view, and both scores by one model version.

    ``scored_at`` is in the zone in which it is to be written.
    """

    image_id: int
    view: View
    is_simulated: bool
    geographic_extent: ReportedScore
    opacity: ReportedScore
    model: Model
    scored_at: datetime


def structured_report(
    image: ReportedImage, context: CompositeContext, *, derive_uid: UidMaker
) -> Comprehensive3DSR:
    """Return the report of one image's scores, the same for the same scores and model version.

    It refers to the film, if that is known, and joins its study.
    """
    model = image.model
    evidence = context.dataset()
    if not context.refers_to_film:  # highdicom takes patient and study from an instance
        evidence.SOPClassUID = ComputedRadiographyImageStorage
        evidence.SOPInstanceUID = evidence.SeriesInstanceUID = context.study_uid
    report = Comprehensive3DSR(
        evidence=[evidence],
        content=_content(image, context, derive_uid)[0],
        series_instance_uid=derive_uid("report series", context.study_uid, model.version),
        series_number=SERIES_NUMBER,
        series_description=f"Severity scores. {RESEARCH_USE_ONLY}",
        sop_instance_uid=derive_uid("not known yet"),
        instance_number=min(image.image_id, _HIGHEST_NUMBER),
        manufacturer=MANUFACTURER,
        manufacturer_model_name=model.name,
        software_versions=model.version,
        is_complete=True,
        content_qualification=ContentQualificationValues.RESEARCH,
        coding_schemes=[_SCHEME_ITEM],
    )
    if not context.refers_to_film:
        del report.CurrentRequestedProcedureEvidenceSequence
    finish(report, at=image.scored_at, derive_uid=derive_uid)
    return report


def _content(
    image: ReportedImage, context: CompositeContext, derive_uid: UidMaker
) -> MeasurementReport:
    """Return the report's tree: who observed what, of which image, by which algorithm."""
    model = image.model
    observer = DeviceObserverIdentifyingAttributes(
        uid=derive_uid("observer", model.version),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=model.name,
    )
    return MeasurementReport(
        observation_context=ObservationContext(
            ObserverContext(
                observer_type=codes.DCM.Device, observer_identifying_attributes=observer
            )
        ),
        procedure_reported=_CHEST_RADIOGRAPH,
        imaging_measurements=[_group(image, context, derive_uid)],
        title=codes.DCM.ImagingMeasurementReport,
    )


def _group(
    image: ReportedImage, context: CompositeContext, derive_uid: UidMaker
) -> MeasurementsAndQualitativeEvaluations:
    """Return both scores of the image, with what qualifies them, as one group (TID 1501)."""
    model = image.model
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=derive_uid("tracking", str(image.image_id), model.version),
            identifier=f"image {image.image_id}",
        ),
        finding_type=codes.DCM.Opacity,
        finding_sites=[FindingSite(anatomic_location=codes.SCT.Lung)],
        algorithm_id=AlgorithmIdentification(
            name=f"{MANUFACTURER} {model.name}",
            version=model.version,
            parameters=model.details or None,
            family=codes.cid7162.ArtificialIntelligence,
            manufacturer=MANUFACTURER,
        ),
        measurements=[
            _measurement(EXTENT, image.geographic_extent),
            _measurement(OPACITY, image.opacity),
        ],
        qualitative_evaluations=_evaluations(image.view),
        source_images=_film(context),
    )
    group[0].ContentSequence.extend(_comments(image))
    return group


def _measurement(name: CodedConcept, score: ReportedScore) -> Measurement:
    """Return a score with the ends of its scale and, if it is known, its interval (TID 300)."""
    points = round(score.points, _DECIMALS)
    measurement = Measurement(name=name, value=points, unit=POINTS)
    properties = [(LOWEST, score.scale.lowest, POINTS), (HIGHEST, score.scale.highest, POINTS)]
    if score.interval is not None:
        properties += [
            (_ABOVE, round(score.interval.high - points, _DECIMALS), POINTS),
            (_BELOW, round(points - score.interval.low, _DECIMALS), POINTS),
            (COVERAGE, _COVERED, _PERCENT),
        ]
    measurement[0].ContentSequence = ContentSequence(
        [
            NumContentItem(
                item, value, unit, relationship_type=RelationshipTypeValues.HAS_PROPERTIES
            )
            for item, value, unit in properties
        ]
    )
    return measurement


def _evaluations(view: View) -> list[QualitativeEvaluation]:
    """Return the view of the image; nothing if it is not known."""
    if view not in _VIEWS:
        return []
    evaluations = [QualitativeEvaluation(codes.DCM.ImageView, _VIEWS[view])]
    if view is View.AP_SUPINE:
        supine = QualitativeEvaluation(codes.DCM.PatientPosition, codes.SCT.SupineBodyPosition)
        evaluations.append(supine)
    return evaluations


def _film(context: CompositeContext) -> list[SourceImageForMeasurementGroup] | None:
    if not context.refers_to_film:
        return None
    uids = context.attributes
    return [SourceImageForMeasurementGroup(uids["SOPClassUID"], uids["SOPInstanceUID"])]


def _comments(image: ReportedImage) -> list[TextContentItem]:
    """Return what a reader must know before the numbers."""
    texts = [RESEARCH_USE_ONLY]
    if image.is_simulated:
        texts.append("SIMULATED: opacities were painted into a real image; this is no patient.")
    return [
        TextContentItem(codes.DCM.Comment, text, relationship_type=RelationshipTypeValues.CONTAINS)
        for text in texts
    ]
