"""A FHIR server for tests: it takes transactions, checks each resource and stores it once.

Other people's code says what is valid (fhir.resources); what FHIR R4 says of transactions and of
conditional requests is here: 3.1.0.11.2, 3.1.0.8.1, 3.1.0.4.3.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from tests.builders.http_servers import serving

Resource = dict[str, Any]


@dataclass
class StoringServer:
    """What the server has by its path, and how it misbehaves.

    ``refusals`` are the statuses of the next answers; with ``loses_answers`` as many transactions
    are stored, and the connection then ends without an answer. A web page takes anything.
    """

    url: str = ""
    stored: dict[str, Resource] = field(default_factory=dict)
    versions: int = 0
    refusals: list[int] = field(default_factory=list)
    loses_answers: int = 0
    is_a_web_page: bool = False
    headers: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def of_kind(self, kind: str) -> list[Resource]:
        return [resource for path, resource in self.stored.items() if path.startswith(f"{kind}/")]

    def transact(self, content: bytes) -> Resource:
        """Store all entries of a transaction, or none."""
        bundle = json.loads(Bundle.model_validate_json(content).model_dump_json())
        assert bundle["type"] == "transaction"
        places, answers = {}, []
        for entry in bundle["entry"]:
            path, status = self.place(entry)
            places[entry["fullUrl"]] = path
            answers.append({"response": {"status": status, "location": path}})
        for entry, answer in zip(bundle["entry"], answers, strict=True):
            if answer["response"]["status"] != "200 found":
                self.store(places[entry["fullUrl"]], entry["resource"], places)
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def place(self, entry: Resource) -> tuple[str, str]:
        """Return where a resource is to be stored, or is already, and the status that says so."""
        request, resource = entry["request"], entry["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        kind, _, query = request["url"].partition("?")
        matches = self.search(kind, request.get("ifNoneExist") or query)
        assert len(matches) < 2, "412 Precondition Failed"
        if matches:
            return matches[0], "200 found" if request["method"] == "POST" else "200 OK"
        return f"{kind}/{next(self.numbers)}", "201 Created"

    def search(self, kind: str, query: str) -> list[str]:
        (wanted,) = parse_qs(query, strict_parsing=True)["identifier"]
        system, value = wanted.split("|")
        return [
            path
            for path, resource in self.stored.items()
            if path.startswith(f"{kind}/")
            and {"system": system, "value": value} in resource["identifier"]
        ]

    def store(self, path: str, resource: Resource, places: dict[str, str]) -> None:
        """Store a resource, whose references to others of the transaction become theirs."""
        self.versions += 1
        text = json.dumps(resource)
        for full_url, place in places.items():
            text = text.replace(f'"reference": "{full_url}"', f'"reference": "{place}"')
        self.stored[path] = json.loads(text)


@contextmanager
def running_fhir_server() -> Iterator[StoringServer]:
    """Run a server on a free port of this machine."""
    state = StoringServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            state.headers.append(dict(self.headers))
            if state.refusals:
                self.answer(state.refusals.pop(0), {"resourceType": "OperationOutcome"})
                return
            if state.is_a_web_page:
                self.answer(200, {"title": "Welcome"})
                return
            try:
                answer = state.transact(content)
            except (ValidationError, AssertionError, KeyError, ValueError) as error:
                state.problems.append(str(error))
                self.answer(422, {"resourceType": "OperationOutcome"})
                return
            if state.loses_answers:
                state.loses_answers -= 1
                self.close_connection = True
                return
            self.answer(200, answer)

        def answer(self, status: int, body: Resource) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with serving(Handler) as origin:
        state.url = f"{origin}/fhir"
        yield state
