"""What the doctor examines of this machine: home, secret, disk, weights, device and time zone."""

import os
import shutil
import stat
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from tempfile import NamedTemporaryFile

from flows.errors import FlowsError
from flows.models.availability import are_weights_here
from flows.models.loading import device
from flows.operations.doctor.finding import Finding, notice, problem, well
from flows.settings import Settings
from severity.errors import SeverityError
from severity.gpus import gpus

_SMALLEST_FREE_BYTES = 1_000_000_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def home(settings: Settings) -> Finding:
    """Examine whether this user can use the home folder, without which all else fails."""
    home = settings.home
    try:
        there = next(folder for folder in (home, *home.parents) if folder.exists())
        os.scandir(there).close()
        _try_to_write(there)
    except OSError as error:
        return problem(
            "home",
            f"this user cannot read and write in {home}: {error.strerror}",
            "run as the user that owns it, or correct SEVERITY_HOME",
        )
    if there != home:
        return well("home", f"{home} is made when it is first needed")
    return well("home", f"this user can read and write in {home}")


def _try_to_write(folder: Path) -> None:
    """Write a file that is gone at once."""
    with NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        file.write(b"x")


def secret(settings: Settings) -> Finding:
    """Examine the pseudonym secret: whether it is there, and its owner's alone."""
    file = settings.pseudonym_file
    if settings.pseudonym_key is not None:
        return well("secret", "the pseudonym secret is set by SEVERITY_PSEUDONYM_KEY")
    if not file.exists():
        if (settings.home / "postgres" / "PG_VERSION").exists():
            return problem(
                "secret",
                f"{file} is missing, and the database cannot be continued without it",
                "put the file back from its copy",
            )
        return well("secret", "the pseudonym secret is made with the database")
    if file.stat().st_mode & _OTHERS:
        return problem(
            "secret", f"others than its owner can read {file}", f"run `chmod 600 {file}`"
        )
    if not os.access(file, os.R_OK):
        return problem(
            "secret", f"this user cannot read {file}", "run as the user that owns the home folder"
        )
    return well("secret", f"only its owner can read {file}")


def disk(settings: Settings) -> Finding:
    """Examine how much of the disk of the home folder is free."""
    folder = settings.home if settings.home.exists() else settings.home.parent
    usage = shutil.disk_usage(folder if folder.exists() else "/")
    free = f"{usage.free / 1e9:.1f} GB are free on the disk of {settings.home}"
    if usage.free < _SMALLEST_FREE_BYTES:
        return problem("disk", free, "free some space: below 1 GB nothing may be written")
    if usage.free < usage.total / 10:
        return notice("disk", f"{free}, less than a tenth", "free some space, or add a disk")
    return well("disk", free)


def weights(settings: Settings) -> Finding:
    """Examine whether the weights of the model are here and have their hash; load no network."""
    try:
        are_here = are_weights_here(settings)
    except (SeverityError, FlowsError) as error:
        return problem("weights", str(error), "do what the message says; nothing is scored before")
    if not are_here:
        return notice(
            "weights",
            f"the weights of {settings.model} are not here yet",
            "run once where the internet can be reached, or set SEVERITY_WEIGHTS_FILE",
        )
    return well("weights", f"the weights of {settings.model} are here, with their hash")


def network_device(settings: Settings) -> Finding:
    """Examine where the network runs, and whether a GPU is left idle."""
    try:
        used = device(settings)
    except SeverityError as error:
        return problem("device", str(error), "set SEVERITY_DEVICE to what this machine has")
    if used == "cpu" and settings.device == "auto" and gpus():
        return notice("device", "a GPU is idle: torch is not here", "install torch for GPUs")
    return well("device", f"the network runs on {used}")


def time_zone(settings: Settings, here: tzinfo | None = None) -> Finding:
    """Examine whether times without a zone are read in that of this machine.

    Parameters
    ----------
    here
        The machine's zone; the system's if None.
    """
    now = datetime.now(UTC)
    offset = now.astimezone(here).utcoffset()
    if (
        "timezone" not in settings.model_fields_set
        and offset != now.astimezone(settings.zone).utcoffset()
    ):
        return notice(
            "time zone",
            f"times of films without a zone are read in {settings.timezone}, and this machine "
            "is in another zone",
            "set SEVERITY_TIMEZONE to the zone of the devices, such as Europe/Berlin",
        )
    return well("time zone", f"times of films without a zone are read in {settings.timezone}")
