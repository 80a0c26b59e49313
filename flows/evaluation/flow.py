"""The evaluation as a Prefect flow, to measure each new model on a schedule."""

from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact

from flows import resources
from flows.evaluation.comparison import Evaluation
from flows.evaluation.error_sections import errors_markdown
from flows.evaluation.folder import EvaluationRequest, evaluate_folder
from flows.evaluation.repeatability import MOST_PERTURBED
from flows.evaluation.tables import summary_markdown
from flows.library_messages import mute_libraries
from severity.domain import RESEARCH_USE_ONLY, Scale


@flow(name="evaluate-model", validate_parameters=False, persist_result=False)
async def evaluate_model(
    data: str,
    comparators: str | None = None,
    out: str | None = None,
    opacity_scale: tuple[float, float] = (0, 6),
    perturbed: int = MOST_PERTURBED,
) -> Evaluation:
    """Measure the model of this context on a labelled folder; see `evaluate_folder`.

    Parameters
    ----------
    data
        The folder; see `flows.labelled_images.folder`.
    comparators
        A folder with the outputs of published systems; see `flows.evaluation.comparators`.
    out
        The folder of the report; without it, no report is kept.
    opacity_scale
        The scale of the readers' opacity.
    perturbed
        The most images that are perturbed; see `flows.evaluation.repeatability`.
    """
    mute_libraries()
    request = EvaluationRequest(
        data=Path(data),
        comparators=Path(comparators) if comparators else None,
        out=Path(out) if out else None,
        opacity=Scale(*opacity_scale),
        perturbed=perturbed,
    )
    evaluation = await evaluate_folder(request, resources.current())
    get_run_logger().info(
        "evaluated on %d images of %d groups; %d missing, %d rejected",
        len(evaluation.images),
        len(set(evaluation.groups)),
        len(evaluation.missing),
        len(evaluation.rejected),
    )
    await _write_artifact(evaluation)
    return evaluation


async def _write_artifact(evaluation: Evaluation) -> None:
    """Write counts and the summary into a Prefect artifact; no image is named."""
    counts = (
        f"{evaluation.version.key}: {len(evaluation.images)} images of "
        f"{len(set(evaluation.groups))} groups of patients, {len(evaluation.missing)} missing, "
        f"{len(evaluation.rejected)} rejected, {evaluation.splits} splits"
    )
    tables = [summary_markdown(evaluation), *errors_markdown(evaluation)]
    blocks = [counts, *evaluation.notes, *tables, RESEARCH_USE_ONLY]
    await acreate_markdown_artifact(
        key="evaluate-model",
        markdown="\n\n".join(blocks) + "\n",
        description="How the model agrees with readers",
    )
