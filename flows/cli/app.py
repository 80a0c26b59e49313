"""The command line: its groups, and how each kind of failure ends it."""

import errno
import signal
import sys
from types import MappingProxyType
from typing import NoReturn

import click

from db.errors import DatabaseError
from flows.cli.exit_codes import FAILURE, INTERRUPTED, USAGE
from flows.cli.lazy_group import LazyGroup, ListedCommand, SectionedGroup
from flows.cli.output import escape_what_cannot_be_written, written_to_the_end
from flows.cli.stopping import interrupted_by_signals, repeated_interruptions
from flows.errors import FlowsError, UnexpectedError, UsageError, unexpected
from flows.failure_log import FailureLog, failure_log
from flows.library_messages import mute_libraries
from severity.domain import RESEARCH_USE_ONLY
from severity.errors import SeverityError

_PROGRAM = "cxr-severity"


class _Commands(SectionedGroup):
    """All commands, by what they are for."""

    sections = MappingProxyType(
        {
            "Begin": ("demo", "up", "doctor"),
            "Score": ("run", "serve", "score", "explain", "rescore", "backfill"),
            "Look": ("dashboard", "trend", "status", "drift"),
            "Take films in": ("receive", "receipts", "fetch", "reconcile"),
            "Correct": ("image", "patient", "rejected", "source"),
            "Courses and treatments": ("courses", "events"),
            "Pass results on": ("export", "metrics"),
            "Models": ("model", "evaluate", "train"),
            "Keep it running": ("db", "deploy"),
        }
    )


def _listed(*commands: tuple[str, str, str]) -> list[click.Command]:
    return [ListedCommand(*command) for command in commands]


@click.group(
    cls=_Commands,
    help=f"Follow pneumonia severity on chest X-rays over time. {RESEARCH_USE_ONLY}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    commands=_listed(
        (
            "backfill",
            "flows.cli.scoring.backfill:backfill_command",
            "Score every new image in the inbox by several workers of a Dask cluster, then end.",
        ),
        (
            "dashboard",
            "flows.cli.services.dashboard:dashboard_command",
            "Show worklist, patients, cohort and operations in the browser, until Ctrl-C.",
        ),
        (
            "demo",
            "flows.cli.demo:demo_command",
            "Show the whole job: images, scores, rejections, the balance and patients' courses.",
        ),
        (
            "deploy",
            "flows.cli.services.deploy:deploy_command",
            "Register all deployments at the Prefect server that PREFECT_API_URL names.",
        ),
        (
            "doctor",
            "flows.cli.upkeep.doctor:doctor_command",
            "Examine the site, and name the one thing to do first; nothing is changed.",
        ),
        (
            "drift",
            "flows.cli.courses.drift:drift_command",
            "Show the site's control charts: scores, distance to known films, error, by device.",
        ),
        (
            "evaluate",
            "flows.cli.models.evaluate:evaluate_command",
            "Measure a model on labelled images, as Cohen et al. 2020 measured theirs.",
        ),
        (
            "explain",
            "flows.cli.scoring.explain:explain_command",
            "Show what is read of FILE, what decided it, and why it is rejected or flagged.",
        ),
        (
            "fetch",
            "flows.cli.arrivals.pacs:fetch_command",
            "Fetch the new chest films of a PACS into the drop folder, once; then end.",
        ),
        (
            "metrics",
            "flows.cli.upkeep.metrics:metrics_command",
            "Print what Prometheus watches: counts, ages and times by stage.",
        ),
        (
            "receipts",
            "flows.cli.arrivals.receipts:receipts_command",
            "Show what became of every film that a sender was told is stored.",
        ),
        (
            "receive",
            "flows.cli.arrivals.receive:receive_command",
            "Receive films from DICOM senders into a drop folder, until Ctrl-C.",
        ),
        (
            "reconcile",
            "flows.cli.arrivals.pacs:reconcile_command",
            "Compare what a PACS has with what is here, day by day, and fetch what is missing.",
        ),
        (
            "run",
            "flows.cli.scoring.run:run_command",
            "Score every new image in each source, or in those named, once; then end.",
        ),
        (
            "score",
            "flows.cli.scoring.score:score_command",
            "Score single FILEs without a database; nothing is stored.",
        ),
        (
            "serve",
            "flows.cli.services.serve:serve_command",
            "Score on a schedule: nightly at two by default, and at an interval if one is given.",
        ),
        (
            "status",
            "flows.cli.upkeep.database:status_command",
            "Show the balance: what became of all images that were ever seen.",
        ),
        (
            "train",
            "flows.cli.models.train:train_command",
            "Fit a head on labelled images and store it as a new model; no model is ever replaced.",
        ),
        (
            "trend",
            "flows.cli.courses.trend:trend_command",
            "Show PATIENT's course: levels with bands, verdicts, treatments and responses.",
        ),
        (
            "up",
            "flows.cli.services.up:up_command",
            "Run all parts: database, Prefect with its page, schedule and dashboard, until Ctrl-C.",
        ),
    ),
)
@click.version_option(package_name=_PROGRAM)
def app() -> None:
    """Follow pneumonia severity over time."""


@app.group(
    name="courses",
    cls=LazyGroup,
    commands=_listed(
        (
            "bridge",
            "flows.cli.courses.bridging:bridge_command",
            "Learn how scores of the model version FORMER become those of CURRENT, and keep it.",
        ),
        (
            "bridges",
            "flows.cli.courses.bridging:bridges_command",
            "List the bridges between model versions that were learned here, the newest first.",
        ),
        (
            "learn",
            "flows.cli.courses.computing:learn_command",
            "Learn the parameters of courses from this site's own patients, and compute all anew.",
        ),
        (
            "parameters",
            "flows.cli.courses.computing:parameters_command",
            "Show the parameter sets of all model versions, and how many courses rest on each.",
        ),
        (
            "refit",
            "flows.cli.courses.computing:refit_command",
            "Compute all courses anew that rest on an older parameter set.",
        ),
        (
            "update",
            "flows.cli.courses.computing:update_command",
            "Compute the courses of all patients who are due, as each pass does at its end.",
        ),
    ),
)
def course_commands() -> None:
    """Compute courses, learn their parameters at this site and show them."""


@app.group(
    name="db",
    cls=LazyGroup,
    commands=_listed(
        (
            "backup",
            "flows.cli.upkeep.backups:backup_command",
            "Write the whole database into a new FILE, as it is at this moment; runs may go on.",
        ),
        (
            "renew-secret",
            "flows.cli.upkeep.secret:renew_secret_command",
            "Renew the pseudonym secret, and all keys that were made with it.",
        ),
        (
            "restore",
            "flows.cli.upkeep.backups:restore_command",
            "Restore the database from FILE, a backup or a dump of pg_dump, whole or not at all.",
        ),
        (
            "upgrade",
            "flows.cli.upkeep.database:upgrade_command",
            "Create or migrate the tables; safe to run at any time.",
        ),
        (
            "verify-backup",
            "flows.cli.upkeep.backups:verify_backup_command",
            "Restore FILE into a temporary server, and compare its counters with its rows.",
        ),
    ),
)
def database_commands() -> None:
    """Create or migrate the database, back it up and restore it."""


@app.group(
    name="events",
    cls=LazyGroup,
    commands=_listed(
        (
            "import",
            "flows.cli.courses.events:import_command",
            "Import treatments and groups from FILE: CSV, or a FHIR R4 Bundle (.json).",
        ),
        (
            "list",
            "flows.cli.courses.events:list_command",
            "List PATIENT's treatments and groups, with the IDs that `remove` takes.",
        ),
        (
            "remove",
            "flows.cli.courses.events:remove_command",
            "Take the event ID out of all that shows treatments; imports do not bring it back.",
        ),
        (
            "restore",
            "flows.cli.courses.events:restore_command",
            "Let the event ID count again, after it was removed.",
        ),
        (
            "remove-group",
            "flows.cli.courses.events:remove_group_command",
            "Take PATIENT out of the group of this NAME, such as arm; no import brings it back.",
        ),
        (
            "restore-group",
            "flows.cli.courses.events:restore_group_command",
            "Let PATIENT be in the removed group of this NAME again, as it was imported.",
        ),
    ),
)
def event_commands() -> None:
    """Import treatments and groups of patients; list and remove them."""


@app.group(
    name="export",
    cls=LazyGroup,
    commands=_listed(
        (
            "dicom",
            "flows.cli.exports.dicom:dicom_command",
            "Write reports and pages into FOLDER as DICOM, or send them to a node.",
        ),
        (
            "fhir",
            "flows.cli.exports.results:fhir_command",
            "Write each film's result into FOLDER as FHIR R4, or send what is new.",
        ),
        (
            "hl7",
            "flows.cli.exports.results:hl7_command",
            "Write each film's result into FOLDER as HL7 v2.5.1 ORU^R01, or send what is new.",
        ),
        (
            "tables",
            "flows.cli.exports.tables:tables_command",
            "Write films, courses, responses and groups into FOLDER, as CSV or Parquet.",
        ),
    ),
)
def export_commands() -> None:
    """Write results into files for other programs; nothing is sent unless it is asked for."""
    # What is half written may name patients.
    click.get_current_context().with_resource(interrupted_by_signals())


@app.group(
    name="image",
    cls=LazyGroup,
    commands=_listed(
        (
            "list",
            "flows.cli.corrections.images:list_command",
            "List PATIENT's images with the IDs that corrections take.",
        ),
        (
            "move",
            "flows.cli.corrections.images:move_command",
            "Let the image ID be of another patient; its scores stay.",
        ),
        (
            "release",
            "flows.cli.corrections.images:release_command",
            "Let the image ID wait again for model versions that could not score it.",
        ),
        (
            "restore",
            "flows.cli.corrections.images:restore_command",
            "Let the image ID count again, after it was withdrawn or superseded.",
        ),
        (
            "show",
            "flows.cli.corrections.images:show_command",
            "Show an image, where its file lies, and all corrections of it.",
        ),
        (
            "time",
            "flows.cli.corrections.images:time_command",
            'State when the image ID was taken, as in "2020-03-05 14:30" or with an offset.',
        ),
        (
            "view",
            "flows.cli.corrections.views:view_command",
            "State from which VIEW the image ID was taken; its scores stay, its level does not.",
        ),
        (
            "withdraw",
            "flows.cli.corrections.images:withdraw_command",
            "Take the image ID out of all trends; its scores stay.",
        ),
    ),
)
def image_commands() -> None:
    """Find single images, and correct whether, when, how and whose they are."""


@app.group(
    name="patient",
    cls=LazyGroup,
    commands=_listed(
        (
            "baseline",
            "flows.cli.corrections.choices:baseline_command",
            "Compare PATIENT's episode with IMAGE, or with the last image before a treatment.",
        ),
        (
            "episode",
            "flows.cli.corrections.choices:episode_command",
            "Let PATIENT's episodes end after DAYS without an image.",
        ),
        (
            "forget",
            "flows.cli.corrections.patients:forget_command",
            "Erase PATIENT everywhere: merged patients, images, scores, corrections, lookups.",
        ),
        (
            "history",
            "flows.cli.corrections.patients:history_command",
            "Show all corrections of PATIENT and of the images.",
        ),
        (
            "lookups",
            "flows.cli.corrections.patients:lookups_command",
            "List who looked at PATIENT on the dashboard, or at anyone, when and on which page.",
        ),
        (
            "merge",
            "flows.cli.corrections.patients:merge_command",
            "Let PATIENT's images count in another's trends, as HL7's ADT A40 means it.",
        ),
        (
            "split",
            "flows.cli.corrections.patients:split_command",
            "Undo the merge of PATIENT into another.",
        ),
    ),
)
def patient_commands() -> None:
    """Merge and split patients, choose for their courses, show their history, forget one."""


@app.group(
    name="rejected",
    cls=LazyGroup,
    commands=_listed(
        (
            "dismiss",
            "flows.cli.corrections.rejected:dismiss_command",
            "Mark rejected files as seen to: they stay rejected, and leave the list.",
        ),
        (
            "export",
            "flows.cli.corrections.rejected:export_command",
            "Copy rejected files into FOLDER, to look at them: those with an ID, or all.",
        ),
        (
            "list",
            "flows.cli.corrections.rejected:list_command",
            "List the rejected files, the latest first.",
        ),
        (
            "release",
            "flows.cli.corrections.rejected:release_command",
            "Let rejected files be judged again by the next run, by ID or by reason.",
        ),
        (
            "show",
            "flows.cli.corrections.rejected:show_command",
            "Show the file ID: where it lies, why it was rejected, and all corrections of that.",
        ),
        (
            "unread",
            "flows.cli.corrections.rejected:unread_command",
            "List the folders and files that cannot be read, and why.",
        ),
    ),
)
def rejected_commands() -> None:
    """Look through rejected files, export, release and dismiss them."""


@app.group(
    name="rescore",
    cls=LazyGroup,
    commands=_listed(
        (
            "cancel",
            "flows.cli.scoring.rescoring:cancel_command",
            "Cancel the request ID of `rescore status`; scores that were written stay.",
        ),
        (
            "run",
            "flows.cli.scoring.rescoring:run_command",
            "Work on all that was asked to be scored again, until it is done.",
        ),
        (
            "start",
            "flows.cli.scoring.rescoring:start_command",
            "Ask for accepted images to be scored again by another model, and work on it.",
        ),
        (
            "status",
            "flows.cli.scoring.rescoring:status_command",
            "Show all requests: who asked for what, and how many are done, left and gone.",
        ),
    ),
)
def rescoring_commands() -> None:
    """Score accepted images again by another model version, beside the night; old scores stay."""


@app.group(
    name="source",
    cls=LazyGroup,
    commands=_listed(
        (
            "zone",
            "flows.cli.corrections.sources:zone_command",
            "Read the times of the source LOCATION in the zone NEW where they were read in OLD.",
        ),
    ),
)
def source_commands() -> None:
    """Correct the time zone of a source."""


@app.group(
    name="model",
    cls=LazyGroup,
    commands=_listed(
        (
            "import",
            "flows.cli.models.catalogue:import_command",
            "Import a published head from FILEs, as a model of this installation.",
        ),
        (
            "list",
            "flows.cli.models.catalogue:list_command",
            "List the models of this installation: built in, then imported.",
        ),
        (
            "retire",
            "flows.cli.models.retiring:retire_command",
            "Stop scoring new images by the model version VERSION; its scores stay.",
        ),
        (
            "show",
            "flows.cli.models.catalogue:show_command",
            "Show the model NAME: hashes, source, licence, accuracy.",
        ),
        (
            "verify",
            "flows.cli.models.verify:verify_command",
            "Recompute the predictions that the authors published, and report each difference.",
        ),
    ),
)
def model_commands() -> None:
    """List models, import published heads, and verify this installation."""


def main() -> None:
    """Run the command line; each failure ends with one clear line and an exit code."""
    try:
        _run()
    except KeyboardInterrupt:  # one more, while the first was told: Python would end as if killed
        sys.exit(INTERRUPTED)


def _run() -> None:
    mute_libraries()
    escape_what_cannot_be_written()
    with failure_log() as log:
        try:
            with repeated_interruptions(), written_to_the_end():
                app(standalone_mode=False, prog_name=_PROGRAM)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(USAGE)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else _PROGRAM
            _fail(f"{error.format_message()} (see `{command} --help`)", USAGE)
        except UsageError as error:
            _fail(str(error), USAGE)
        except (KeyboardInterrupt, click.Abort):
            # Nor may one more end what is done as the program ends.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _fail("stopped; the next run goes on from here", INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the last border: nobody reads a traceback
            _fail(_explained(error, log), FAILURE)


def _explained(error: Exception, log: FailureLog) -> str:
    """Return what a person needs to know of a failure; its traceback goes to the log."""
    log.write(error)
    known = isinstance(error, FlowsError | DatabaseError | SeverityError)
    failure = error if known else unexpected(error)
    if not isinstance(failure, UnexpectedError):
        return str(failure)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "no space is left on the disk that it writes to: free some, then run it again"
    kept = f"could not be kept ({log.problem})" if log.problem else f"is in {log.baseFilename}"
    return f"{failure}; please report it. Its traceback {kept}"


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{_PROGRAM}: {' '.join(message.split())}\n")
    sys.exit(code)
