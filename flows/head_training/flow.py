"""The training of a head as a Prefect flow, to fit it anew as labels arrive."""

from collections.abc import Sequence
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import acreate_markdown_artifact

from flows import resources
from flows.head_training.fit import Trained
from flows.head_training.folder import TrainingRequest, train_folder
from flows.head_training.record import HeadChoice
from flows.head_training.text import trained_lines
from flows.labelled_images.folder import LabelKind
from flows.library_messages import mute_libraries
from severity.domain import Scale
from severity.evaluation.head_fitting import HeadKind
from severity.models.bundled_cards import BUNDLED


@flow(name="train-head", validate_parameters=False, persist_result=False)
async def train_head(  # noqa: PLR0913, PLR0917 - Prefect takes plain values
    data: str,
    name: str,
    backbone: str = BUNDLED[0],
    head: str = "ridge",
    labels: Sequence[str] = ("readers",),
    opacity_scale: tuple[float, float] = (0, 6),
) -> Trained:
    """Fit a head on a labelled folder and store it under a new name; see `train_folder`.

    Parameters
    ----------
    data
        The folder; see `flows.labelled_images.folder`.
    backbone
        One of `severity.models.backbone_catalogue.BACKBONES`.
    head
        One of `severity.evaluation.head_fitting.HeadKind`.
    labels
        Some of `flows.labelled_images.folder.LabelKind`.
    opacity_scale
        The scale of the readers' opacity and of the head.
    """
    mute_libraries()
    request = TrainingRequest(
        data=Path(data),
        head=HeadChoice(name, HeadKind(head)),
        backbone=backbone,
        labels=[LabelKind(kind) for kind in labels],
        opacity=Scale(*opacity_scale),
    )
    trained = await train_folder(request, resources.current())
    get_run_logger().info(
        "fitted %s on %d images of %d groups; %d missing, %d rejected",
        trained.version.key,
        trained.model.training["images"],
        trained.model.training["groups"],
        len(trained.missing),
        len(trained.rejected),
    )
    await acreate_markdown_artifact(
        key="train-head",
        markdown="\n\n".join(trained_lines(trained)) + "\n",
        description="The head that was fitted, and how it agrees with readers",
    )
    return trained
