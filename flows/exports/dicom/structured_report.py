"""The scores of one image as a DICOM structured report: TID 1500 in a Comprehensive 3D SR.

No standard code exists for the two scores, so they are private concepts; all else is of DICOM,
SNOMED CT and UCUM. IHE's profile "AI Results" asks for this form.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.enum import ContentQualificationValues
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    ContainerContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    ImageContentItem,
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

from db.reading.model_versions import StoredVersion
from db.reading.results import FilmResult
from flows.exports.concepts import PROCESSING, SCHEME, UNLIKE_PROCESSING, Concept, Side
from flows.exports.dicom.composite_context import CompositeContext
from flows.exports.dicom.instance import MANUFACTURER, Reporting, finish
from flows.exports.observations import Observed, ObservedLung, observed_scores
from severity.domain import RESEARCH_USE_ONLY, Scale, View

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
_SOURCE = CodedConcept("260753009", "SCT", "Source")
_ABOVE = CodedConcept("371886008", "SCT", "+, range of upper measurement uncertainty")
_BELOW = CodedConcept("371885007", "SCT", "-, range of lower measurement uncertainty")
_VIEWS: Mapping[View, CodedConcept] = MappingProxyType(
    {
        View.PA: codes.cid4010.PosteroAnterior,
        View.AP: codes.cid4010.AnteroPosterior,
        View.AP_SUPINE: codes.cid4010.AnteroPosterior,
    }
)
_Property = tuple[CodedConcept, float, CodedConcept]  # its name, value and unit
_LATERALITIES = MappingProxyType({Side.RIGHT: codes.SCT.Right, Side.LEFT: codes.SCT.Left})


def structured_report(
    film: FilmResult, context: CompositeContext, reporting: Reporting
) -> Comprehensive3DSR:
    """Return the report of one image's scores, the same for the same scores and model version.

    It refers to the film, if that is known, and joins its study.
    """
    model, derive_uid = reporting.model, reporting.derive_uid
    evidence = context.dataset()
    if not context.refers_to_film:  # highdicom takes patient and study from an instance
        evidence.SOPClassUID = ComputedRadiographyImageStorage
        evidence.SOPInstanceUID = evidence.SeriesInstanceUID = context.study_uid
    report = Comprehensive3DSR(
        evidence=[evidence],
        content=_content(film, context, reporting)[0],
        series_instance_uid=derive_uid("report series", context.study_uid, model.key),
        series_number=SERIES_NUMBER,
        series_description=f"Severity scores. {RESEARCH_USE_ONLY}",
        sop_instance_uid=derive_uid("not known yet"),
        instance_number=min(film.image_id, _HIGHEST_NUMBER),
        manufacturer=MANUFACTURER,
        manufacturer_model_name=model.name,
        software_versions=model.key,
        is_complete=True,
        content_qualification=ContentQualificationValues.RESEARCH,
        coding_schemes=[_SCHEME_ITEM],
    )
    if not context.refers_to_film:
        del report.CurrentRequestedProcedureEvidenceSequence
    finish(report, reporting, at=film.scored_at)
    return report


def _content(
    film: FilmResult, context: CompositeContext, reporting: Reporting
) -> MeasurementReport:
    """Return the report's tree: who observed what, of which image, by which algorithm."""
    model = reporting.model
    observer = DeviceObserverIdentifyingAttributes(
        uid=reporting.derive_uid("observer", model.key),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=model.name,
    )
    report = MeasurementReport(
        observation_context=ObservationContext(
            ObserverContext(
                observer_type=codes.DCM.Device, observer_identifying_attributes=observer
            )
        ),
        procedure_reported=_CHEST_RADIOGRAPH,
        imaging_measurements=list(_groups(film, context, reporting)),
        title=codes.DCM.ImagingMeasurementReport,
    )
    if context.refers_to_film:
        content = report[0].ContentSequence
        content.insert(len(content) - 1, _image_library(context))  # before the measurements
    return report


def _image_library(context: CompositeContext) -> ContainerContentItem:
    """Return the library of the one image, by its UIDs alone (TID 1600 and 1601).

    highdicom's own asks for rows and columns, which are optional, and for which a film would have
    to be decoded.
    """
    uids = context.attributes
    contains = RelationshipTypeValues.CONTAINS
    library = ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=contains)
    group = ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=contains)
    film = ImageContentItem(
        _SOURCE,
        uids["SOPClassUID"],
        uids["SOPInstanceUID"],
        relationship_type=contains,
    )
    group.ContentSequence = ContentSequence([film])
    library.ContentSequence = ContentSequence([group])
    return library


def _groups(
    film: FilmResult, context: CompositeContext, reporting: Reporting
) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    """Yield both scores of the image, then what each lung has of both, each as a group."""
    scores = observed_scores(film)
    yield _group(film, context, reporting, measurements=[_of_score(score) for score in scores])
    lungs = [lung for score in scores for lung in score.lungs]
    for side in Side:
        of_side = [_of_lung(lung) for lung in lungs if lung.side is side]
        if of_side:
            yield _group(film, context, reporting, measurements=of_side, side=side)


def _group(
    film: FilmResult,
    context: CompositeContext,
    reporting: Reporting,
    *,
    measurements: Sequence[Measurement],
    side: Side | None = None,
) -> MeasurementsAndQualitativeEvaluations:
    """Return measurements of both lungs, or of one, with what qualifies them (TID 1501)."""
    model = reporting.model
    tracked = ("tracking", film.image_uid, model.key, *([side] if side else []))
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=reporting.derive_uid(*tracked),
            identifier=f"image {film.image_id}" + (f", {side} lung" if side else ""),
        ),
        finding_type=codes.DCM.Opacity,
        finding_sites=[
            FindingSite(codes.SCT.Lung, laterality=_LATERALITIES[side] if side else None)
        ],
        algorithm_id=AlgorithmIdentification(
            name=f"{MANUFACTURER} {model.name}",
            version=model.key,
            parameters=_parameters(model),
            family=codes.cid7162.ArtificialIntelligence,
            manufacturer=MANUFACTURER,
        ),
        measurements=measurements,
        qualitative_evaluations=_evaluations(film),
        source_images=_film(context),
    )
    group[0].ContentSequence.extend(_comments(film))
    return group


def _parameters(model: StoredVersion) -> list[str]:
    """Return what the model version is made of, as text."""
    return [
        f"weights sha256 {model.weights_sha256}",
        f"head sha256 {model.head_sha256}",
        f"preprocessing {model.preprocessing}",
        f"precision {model.precision}",
    ]


def _of_score(score: Observed) -> Measurement:
    """Return a score with the ends of its scale and, if it is known, its interval."""
    result = score.result
    points = round(result.points, _DECIMALS)
    interval: list[_Property] = []
    if result.interval is not None:
        interval = [
            (_ABOVE, round(result.interval.high - points, _DECIMALS), POINTS),
            (_BELOW, round(points - result.interval.low, _DECIMALS), POINTS),
            (COVERAGE, _COVERED, _PERCENT),
        ]
    return _measurement(score.concept, points, [*_ends(result.scale), *interval])


def _of_lung(lung: ObservedLung) -> Measurement:
    return _measurement(lung.concept, round(lung.points, _DECIMALS), _ends(lung.scale))


def _ends(scale: Scale) -> list[_Property]:
    return [(LOWEST, scale.lowest, POINTS), (HIGHEST, scale.highest, POINTS)]


def _measurement(concept: Concept, points: float, properties: Sequence[_Property]) -> Measurement:
    """Return points with the properties that they have (TID 300)."""
    measurement = Measurement(name=_coded(concept), value=points, unit=POINTS)
    measurement[0].ContentSequence = ContentSequence(
        [
            NumContentItem(
                item, value, unit, relationship_type=RelationshipTypeValues.HAS_PROPERTIES
            )
            for item, value, unit in properties
        ]
    )
    return measurement


def _evaluations(film: FilmResult) -> list[QualitativeEvaluation]:
    """Return the view of the image, if it is known, and how its processing is unlike, if it is."""
    evaluations = []
    if film.view in _VIEWS:
        evaluations.append(QualitativeEvaluation(codes.DCM.ImageView, _VIEWS[film.view]))
    if film.view is View.AP_SUPINE:
        supine = QualitativeEvaluation(codes.DCM.PatientPosition, codes.SCT.SupineBodyPosition)
        evaluations.append(supine)
    if film.unlike_processing is not None:
        how = _coded(PROCESSING[film.unlike_processing])
        evaluations.append(QualitativeEvaluation(_coded(UNLIKE_PROCESSING), how))
    return evaluations


def _coded(concept: Concept) -> CodedConcept:
    return CodedConcept(concept.code, SCHEME, concept.display)


def _film(context: CompositeContext) -> list[SourceImageForMeasurementGroup] | None:
    if not context.refers_to_film:
        return None
    uids = context.attributes
    return [SourceImageForMeasurementGroup(uids["SOPClassUID"], uids["SOPInstanceUID"])]


def _comments(film: FilmResult) -> list[TextContentItem]:
    """Return what a reader must know before the numbers."""
    texts = [RESEARCH_USE_ONLY]
    if film.simulated:
        texts.append("SIMULATED: opacities were painted into a real image; this is no patient.")
    return [
        TextContentItem(codes.DCM.Comment, text, relationship_type=RelationshipTypeValues.CONTAINS)
        for text in texts
    ]
