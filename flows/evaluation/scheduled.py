"""The evaluation on a schedule: of the model and the labelled images that the settings name."""

from datetime import UTC, datetime

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Failed

from flows import resources
from flows.errors import FlowsError, UsageError, quoting_nothing
from flows.evaluation.comparison import Evaluation
from flows.evaluation.flow import evaluate_model
from flows.home import private_folder, private_home
from flows.library_messages import mute_libraries
from flows.orchestration.supervision import end_with_parent
from severity.errors import SeverityError


@flow(name="evaluate-site-model", validate_parameters=False, persist_result=False)
@quoting_nothing
async def evaluate_site_model() -> Evaluation | State[Evaluation]:
    """Measure the site's model on the site's labelled images; the report lies in the home folder.

    Unlike `evaluate_model` it takes no folder: whoever reaches Prefect's API can start it, but not
    name what it reads and where it writes.
    """
    end_with_parent()
    mute_libraries()
    settings, log = resources.current().settings, get_run_logger()
    try:
        if settings.evaluation_data is None:
            raise UsageError("no labelled images: set SEVERITY_EVALUATION_DATA")
        reports = private_folder(private_home(settings.home) / "evaluations")
        out = reports / f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}"
        # Not as a flow in this one: a restarted run would find the one before still at work.
        return await evaluate_model.fn(str(settings.evaluation_data), out=str(out))
    except (FlowsError, SeverityError) as error:
        log.error("the evaluation failed: %s", error)  # noqa: TRY400 - one line that says it all
        return Failed(message=str(error), data=error)
