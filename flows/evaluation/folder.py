"""The whole evaluation: read a labelled folder, look at its films, compare, keep a report."""

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.evaluation.comparison import Evaluation, evaluate, grouped
from flows.evaluation.peers import read_peers
from flows.evaluation.repeatability import MOST_PERTURBED, Noise, chosen_films, measure_noise
from flows.evaluation.report import prepare_folder, write_report
from flows.labelled_films.features import SeenFilm, SeenOrRejected, look_at
from flows.labelled_films.folder import read_labelled
from flows.labelled_films.repeats import read_repeats
from flows.models.catalogue import fitted_on
from flows.resources import Resources
from severity.domain import ModelVersion, Scale

COHEN_OPACITY = Scale(0, 6)
"""Of the readers in Cohen et al. 2020."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be evaluated; without ``out``, no report is kept.

    At most ``perturbed`` films are turned, cropped and so on, to see how much scores move.
    """

    data: Path
    peers: Path | None = None
    out: Path | None = None
    opacity: Scale = COHEN_OPACITY
    perturbed: int = MOST_PERTURBED

    def command(self, version: ModelVersion) -> str:
        """Write the command that gives the same numbers again."""
        words = ["cxr-severity", "evaluate", "--data", str(self.data)]
        words += ["--model", version.name, "--precision", version.precision]
        words += ["--peers", str(self.peers)] if self.peers else []
        words += ["--out", str(self.out)] if self.out else []
        if self.opacity != COHEN_OPACITY:
            ends = (self.opacity.lowest, self.opacity.highest)
            words += ["--opacity-scale", *(f"{end:g}" for end in ends)]
        if self.perturbed != MOST_PERTURBED:
            words += ["--perturbed", str(self.perturbed)]
        return shlex.join(words)


async def evaluate_folder(request: EvaluationRequest, have: Resources) -> Evaluation:
    """Measure a model on a labelled folder, under the paper's protocol.

    Raises
    ------
    UsageError
        A folder is not as described, or too few films remain.
    ModelUnavailable
        Nothing can be scored.
    """
    folder = read_labelled(request.data, opacity=request.opacity)
    peers = read_peers(request.peers) if request.peers else {}
    if request.out:
        prepare_folder(request.out)
    model = have.load_model()
    seen = await look_at(folder.films, have, model)
    noise = await _noise(request, seen, have)
    # In a thread: in a flow, its heart beats in this one.
    known = fitted_on(model.version.name, have.settings)
    evaluation = await asyncio.to_thread(
        evaluate, folder, seen, model, peers=peers, noise=noise, fitted_on=known
    )
    if request.out:
        command = request.command(evaluation.version)
        await asyncio.to_thread(write_report, evaluation, request.out, command=command)
    return evaluation


async def _noise(
    request: EvaluationRequest, seen: Sequence[SeenOrRejected], have: Resources
) -> Noise:
    """Score the folder's repeats, and some of its labelled films perturbed."""
    films = [one for one in seen if isinstance(one, SeenFilm)]
    dated = await asyncio.to_thread(read_repeats, request.data)
    groups, _ = grouped(films)
    chosen = chosen_films(films, groups, most=request.perturbed)
    return await measure_noise(dated, chosen, have, have.load_model())
