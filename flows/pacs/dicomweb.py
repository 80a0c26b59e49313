"""A PACS that speaks DICOMweb: QIDO-RS names its films, WADO-RS gives each."""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from email.message import Message
from typing import Any

import httpx

from flows.arrivals import DropFolder
from flows.errors import FilmNotGiven, PacsError
from flows.pacs.pacs import (
    Instance,
    Modality,
    NotGiven,
    keep,
    may_be_chest,
)
from flows.pacs.patience import NoAnswer, Patience
from severity.images import MOST_BYTES

_Asked = Mapping[str, str | int | Sequence[str]]

_PAGE = 500  # films
_SMALLEST_CAP = 50  # films; a whole day may be fewer, and no service is known to give fewer at once
_CONNECTING = 10.0  # seconds
_DATE_MARKS = str.maketrans("", "", ".-")
_WHOLE = 10  # times that an answer may take to begin: a large film on a slow line
_LATER = {408, 425, 429, 500, 502, 503, 504}
_NO_RIGHT = {401, 407}  # 403 may be of one film alone
_STUDY_DATE, _MODALITY, _BODY_PART = "00080020", "00080060", "00180015"
_STUDY_UID, _SERIES_UID, _IMAGE_UID = "0020000D", "0020000E", "00080018"
# As it is stored: a PACS that must decompress it first takes long, and may change it.
_ONE_FILM = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
_MANY_FILMS = {"Accept": "application/dicom+json"}


@dataclass(frozen=True)
class Credentials:
    """What proves this program to a PACS, and a PACS to this program. Basic or bearer, or neither.

    ``tls`` makes what TLS is set up by, once for each thread that asks.
    """

    basic: tuple[str, str] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    tls: Callable[[], ssl.SSLContext] = httpx.create_ssl_context


@dataclass(frozen=True)
class _Answer:
    """An answer: its status, content type and content."""

    status: int
    kind: str
    content: bytes = field(repr=False)
    is_part: bool = False  # the service says that it has more

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, 15.3


class _OwnContext(threading.local):
    """What TLS is set up by, for each thread its own.

    httpcore changes it before each connection, which ends the process now and then while another
    thread connects by it.

    References
    ----------
    * https://github.com/python/cpython/issues/141012
    """

    def __init__(self, make: Callable[[], ssl.SSLContext]) -> None:
        self.context = make()


class DicomWeb:
    """A DICOMweb service by its base URL, such as ``https://pacs.example/dicom-web``.

    References
    ----------
    * DICOM PS3.18, 8.3.4 (queries), 10.4 (retrieve transaction), 10.6 (search transaction).
    """

    def __init__(self, url: str, credentials: Credentials, patience: Patience) -> None:
        self._url = url
        self._patience = patience
        self._credentials = credentials
        self._tls = _OwnContext(credentials.tls)

    @property
    def location(self) -> str:
        """The base URL."""
        return self._url

    def check(self) -> None:
        """Ask for one study; raises PacsError if the PACS does not answer."""
        self._page("studies", {"limit": 1})

    def instances(self, day: date, modality: Modality) -> Sequence[Instance]:
        """List the films of a study date, without those that it knows to be no chest.

        Raises
        ------
        PacsError
            The PACS does not answer, refuses, or does not give the whole list.
        """
        films = {
            film.image_uid: film
            for answer in self._all({"StudyDate": f"{day:%Y%m%d}", "Modality": str(modality)})
            if (film := _instance(answer, day, modality)) is not None
        }
        return list(films.values())

    def _all(self, chosen: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """Ask for one page after the other, until one is empty or holds nothing new.

        Raises
        ------
        PacsError
            There are, or may be, films that the service does not name: it gives the same again.
        """
        fields = [_STUDY_DATE, _MODALITY, _BODY_PART]
        known: set[str] = set()
        is_part = False
        while True:
            page, says_more = self._page(
                "instances",
                {**chosen, "includefield": fields, "limit": _PAGE, "offset": len(known)},
            )
            is_part = says_more if page else is_part
            new = {_text(answer, _IMAGE_UID): answer for answer in page}
            if not new.keys() - known:
                break
            yield from (answer for uid, answer in new.items() if uid not in known)
            known.update(new)
        if is_part or len(page) >= _SMALLEST_CAP:
            raise PacsError(f"the PACS gives the first {len(page)} films of {chosen} and no others")

    def _page(self, what: str, asked: _Asked) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """Ask once; return the answers, and whether the service says that it has more."""
        answer = self._patience.persist(lambda: self._get(what, _MANY_FILMS, asked))
        if answer.status == httpx.codes.NO_CONTENT:
            return [], False
        if not answer.is_success:
            raise PacsError(f"the PACS at {self._url} refuses a question: {answer.status}")
        return self._answers(answer.content), answer.is_part

    def _answers(self, content: bytes) -> Sequence[Mapping[str, Any]]:
        try:
            answers = json.loads(content)
        except ValueError:
            answers = None
        if isinstance(answers, list) and all(isinstance(answer, dict) for answer in answers):
            return answers
        raise PacsError(f"what answers at {self._url} is no DICOMweb service")

    def fetch(self, instance: Instance, folder: DropFolder) -> None:
        """Bring one film into the drop folder; see `Pacs.fetch`."""
        path = (
            f"studies/{instance.study_uid}/series/{instance.series_uid}"
            f"/instances/{instance.image_uid}"
        )
        keep(instance, self._patience.persist(lambda: self._film(path)), folder)

    def _film(self, path: str) -> bytes:
        answer = self._get(path, _ONE_FILM)
        if not answer.is_success:
            raise FilmNotGiven(NotGiven.REFUSED)
        return _file(answer)

    def _get(self, path: str, headers: Mapping[str, str], asked: _Asked | None = None) -> _Answer:
        """Ask once, over a connection of its own, and take no more than the largest film.

        Raises
        ------
        NoAnswer
            There is none, or it is not whole in time.
        """
        try:
            return asyncio.run(self._in_time(path, headers, asked))
        except TimeoutError:
            raise NoAnswer(
                "the PACS takes too long for an answer: SEVERITY_PACS_ANSWER_SECONDS"
            ) from None
        except httpx.HTTPError as error:  # whose message holds the address
            raise NoAnswer(
                f"the PACS at {self._url} does not answer ({type(error).__name__})"
            ) from None

    async def _in_time(
        self, path: str, headers: Mapping[str, str], asked: _Asked | None
    ) -> _Answer:
        """Ask once; raises TimeoutError: an answer each part of which is in time may never end.

        In an event loop, where alone all of it can be ended: connecting, headers and content.
        """
        seconds, now = self._patience.answer_seconds, asyncio.get_running_loop().time
        async with (
            asyncio.timeout(_CONNECTING + seconds) as limit,
            self._client() as client,
            client.stream("GET", f"{self._url}/{path}", headers=headers, params=asked) as response,
        ):
            limit.reschedule(now() + _WHOLE * seconds)
            self._check_status(response)
            kind = response.headers.get("Content-Type", "")
            # PS3.18, 8.3.4.4: a warning 299 says that there are more answers than these.
            is_part = response.headers.get("Warning", "").startswith("299")
            return _Answer(response.status_code, kind, await _content(response), is_part)

    def _client(self) -> httpx.AsyncClient:
        token = self._credentials.token
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            auth=self._credentials.basic,
            verify=self._tls.context,
            timeout=httpx.Timeout(self._patience.answer_seconds, connect=_CONNECTING),
            follow_redirects=False,  # to where the credentials are not meant for
        )

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in _LATER:
            asked = response.headers.get("Retry-After", "")
            pause = float(asked) if asked.isascii() and asked.isdecimal() else 0.0
            raise NoAnswer(f"the PACS at {self._url} answers {status}", pause)
        if status in _NO_RIGHT:
            raise PacsError(
                f"the PACS at {self._url} answers {status}: check SEVERITY_PACS_USER and "
                "SEVERITY_PACS_PASSWORD, or SEVERITY_PACS_TOKEN"
            )


async def _content(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise FilmNotGiven(NotGiven.TOO_LARGE)
    return bytes(content)


def _instance(answer: Mapping[str, Any], day: date, modality: Modality) -> Instance | None:
    """Return the film of an answer; None of one that was not asked for, or is no chest.

    A service may leave out what it does not understand of a question, and answer with all it has.
    """
    wrong_day = _date(answer) not in {"", f"{day:%Y%m%d}"}
    wrong_modality = _text(answer, _MODALITY).upper() not in {"", modality}
    if wrong_day or wrong_modality or not may_be_chest(_texts(answer, _BODY_PART)):
        return None
    study, series, image = (_text(answer, tag) for tag in (_STUDY_UID, _SERIES_UID, _IMAGE_UID))
    return Instance(day, modality, study, series, image)


def _date(answer: Mapping[str, Any]) -> str:
    """Return the study date of an answer as YYYYMMDD; empty if it states none.

    Raises
    ------
    PacsError
        It is written in no form that is known: whether the film was asked for cannot be told.
    """
    # PS3.5, 6.2: before version 3.0 with full stops. Some write it as ISO 8601 does.
    stated = _text(answer, _STUDY_DATE).translate(_DATE_MARKS)
    if stated and (len(stated) != len("YYYYMMDD") or not stated.isdecimal()):
        raise PacsError("the PACS states study dates in a form that is not known")
    return stated


def _texts(answer: Mapping[str, Any], tag: str) -> list[str]:
    """Return the values of an attribute in DICOM JSON (PS3.18, F.2)."""
    values = (answer.get(tag) or {}).get("Value") or []
    return [value.strip() for value in values if isinstance(value, str)]


def _text(answer: Mapping[str, Any], tag: str) -> str:
    return next(iter(_texts(answer, tag)), "")


def _file(answer: _Answer) -> bytes:
    """Return the one file of an answer: the first part of several, or all of it.

    References
    ----------
    * RFC 2387 (multipart/related), RFC 2046, 5.1.1.
    """
    header = Message()
    header["Content-Type"] = answer.kind
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or boundary is None:
        return answer.content
    content, line = answer.content, b"--" + boundary.encode()
    begin = content.find(b"\r\n\r\n", content.find(line)) + 4
    end = content.find(b"\r\n" + line, begin)
    if end < 0:
        raise NoAnswer("the PACS ended an answer before its film did")
    return content[begin:end]
