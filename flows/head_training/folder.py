"""The whole training of a head: read a labelled folder, look at its films, fit, keep the model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.errors import UsageError
from flows.evaluation.comparison import grouped
from flows.evaluation.repeatability import MOST_PERTURBED, Noise, chosen_films, measure_noise
from flows.head_training.fit import Trained, settled_basis, train, with_errors
from flows.head_training.record import HeadChoice
from flows.labelled_films.features import SeenFilm, SeenOrRejected, look_at
from flows.labelled_films.folder import (
    BRIXIA_LABELS,
    LABELS,
    LabelKind,
    LabelledFolder,
    read_labelled,
)
from flows.labelled_films.repeats import Dated, read_repeats
from flows.models.catalogue import store
from flows.models.importing import name_problem, scale_problem
from flows.models.loading import load_feature_extractor
from flows.resources import Resources
from flows.settings import Settings
from severity.domain import Scale
from severity.models.backbone_catalogue import findings
from severity.models.scoring_model import ScoringModel


@dataclass(frozen=True)
class TrainingRequest:
    """What is to be fitted on which films; ``opacity`` is the scale of readers and head.

    At most ``perturbed`` films are turned, cropped and so on, to see how much scores move; with
    none, nothing is measured of that.
    """

    data: Path
    head: HeadChoice
    backbone: str
    labels: Sequence[LabelKind]
    opacity: Scale
    perturbed: int = MOST_PERTURBED


async def train_folder(request: TrainingRequest, have: Resources) -> Trained:
    """Fit a head on a labelled folder, measure it, and keep it as a new model.

    Raises
    ------
    UsageError
        The name, the scale or the labels cannot be used, the folder is not as described, too
        few films remain, or there is a model of that name, before the work or by its end.
    ModelUnavailable
        The backbone cannot be loaded, or the model cannot be kept.
    """
    name, settings = request.head.name, have.settings
    _check(request, settings)
    folder = _labelled(request)
    network = await asyncio.to_thread(load_feature_extractor, request.backbone, settings)
    seen = await look_at(folder.films, have, network)
    # In a thread: in a flow, its heart beats in this one.
    trained = await asyncio.to_thread(train, request.head, folder, seen, network)
    noise = Noise()
    if request.perturbed:
        model = network.under(trained.model.head)
        noise = await noise_on_new_patients(
            request.data, seen, have, model, perturbed=request.perturbed
        )
    trained = with_errors(trained, *noise.errors)
    if not store(settings).add(trained.model):
        raise UsageError(f"{name} was added by another process meanwhile, and is the same model")
    return trained


def _check(request: TrainingRequest, settings: Settings) -> None:
    """Refuse what cannot succeed before the work begins."""
    name = request.head.name
    if problem := name_problem(name) or scale_problem(request.opacity):
        raise UsageError(problem)
    if name in store(settings).names():
        raise UsageError(
            f"there is a model {name} already, and none is replaced: give another name"
        )
    settled_basis(request.head, findings(request.backbone))


def _labelled(request: TrainingRequest) -> LabelledFolder:
    tables = {name: (request.data / name).is_file() for name in (LABELS, BRIXIA_LABELS)}
    if LabelKind.READERS in request.labels and not tables[LABELS] and tables[BRIXIA_LABELS]:
        raise UsageError(
            f"there is no {LABELS} in {request.data}, but {BRIXIA_LABELS}: to use Brixia scores "
            "as stand-ins, give --labels brixia"
        )
    return read_labelled(request.data, opacity=request.opacity, kinds=request.labels)


async def noise_on_new_patients(
    folder: Path,
    seen: Sequence[SeenOrRejected],
    have: Resources,
    model: ScoringModel,
    *,
    perturbed: int,
) -> Noise:
    """Tell how much a new model's scores move although the patient does not.

    Repeats are those of patients whom the head was not fitted on: of the others it knows what
    readers said of each film, and moves less than it would on a new patient.

    Parameters
    ----------
    seen
        The films that the head was fitted on; at most ``perturbed`` of them are perturbed.
    """
    films = [one for one in seen if isinstance(one, SeenFilm)]
    dated = await asyncio.to_thread(read_repeats, folder)
    known = {one.patient for one in films}
    others = tuple(one for one in dated.films if one.record.patient_id not in known)
    groups, _ = grouped(films)
    chosen = chosen_films(films, groups, most=perturbed)
    return await measure_noise(Dated(others, dated.note), chosen, have, model)
