"""The PACS that the settings name, and the drop folder that its films are brought to."""

import ssl

import httpx

from flows.arrivals import DropFolder
from flows.arrivals.location import drop_folder
from flows.dicom_node import Node
from flows.errors import UsageError
from flows.pacs.pacs import Pacs
from flows.pacs.patience import Patience
from flows.resources import Resources
from flows.settings import Settings
from flows.web_address import parsed_address

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


def open_pacs(settings: Settings) -> Pacs:
    """Return the PACS that is set; nothing is asked of it yet.

    Raises
    ------
    UsageError
        None is set, or a setting cannot be used.
    """
    if settings.pacs is None:
        raise UsageError("no PACS: set SEVERITY_PACS to https://... or AET@HOST:PORT")
    patience = Patience(settings.pacs_attempts, answer_seconds=settings.pacs_answer_seconds)
    # Imported here: a site asks in one of both ways.
    if "://" in settings.pacs:
        from flows.pacs.dicomweb import Credentials, DicomWeb  # noqa: PLC0415

        user, password, token = settings.pacs_user, settings.pacs_password, settings.pacs_token
        basic = (user, password.get_secret_value()) if user and password else None
        bearer = token.get_secret_value() if token else None
        url = checked_url(settings.pacs, has_credentials=bool(basic or bearer))
        credentials = Credentials(
            basic, bearer, tls=lambda: _tls(settings) or httpx.create_ssl_context()
        )
        return DicomWeb(url, credentials, patience)
    from flows.pacs.associations import Calling  # noqa: PLC0415
    from flows.pacs.dimse import DimseNode  # noqa: PLC0415

    calling = Calling(settings.pacs_title, settings.pacs_move_to, _tls(settings))
    return DimseNode(Node.parse(settings.pacs), calling, patience)


def open_folder(resources: Resources) -> DropFolder:
    """Open the drop folder that films are brought to: its own, the receiver's, or the inbox.

    Raises
    ------
    UsageError
        None is set, it is no folder of this machine, or it cannot be written.
    """
    settings = resources.settings
    return DropFolder.open(
        drop_folder(settings, settings.pacs_folder),
        resources.arrival_digest,
        least_free_bytes=settings.receiver_least_free_bytes,
    )


def checked_url(url: str, *, has_credentials: bool) -> str:
    """Return a DICOMweb service's base URL without a slash at its end.

    Raises
    ------
    UsageError
        It is none, names a user (it is stored, and would be shown), or would have credentials
        sent over the network for all to read.
    """
    parsed = parsed_address(url)
    if parsed is None:
        raise UsageError("SEVERITY_PACS is neither https://host/path nor AET@HOST:PORT")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise UsageError("SEVERITY_PACS may name no user and no query: set SEVERITY_PACS_USER")
    if parsed.scheme == "http" and has_credentials and parsed.host not in _THIS_MACHINE:
        raise UsageError("credentials of the PACS are sent by https alone, except on this machine")
    return url.rstrip("/")


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Return what proves both ends; None where no certificate is set."""
    if settings.pacs_ca is None and settings.pacs_certificate is None:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.pacs_ca)
        if settings.pacs_certificate is not None:
            context.load_cert_chain(settings.pacs_certificate)
    except OSError as error:  # ssl's own are
        raise UsageError(
            "SEVERITY_PACS_CA or SEVERITY_PACS_CERTIFICATE holds no certificate that can be used"
        ) from error
    return context
