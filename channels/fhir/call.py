"""One request to the FHIR end: what its head says, and the form that its answer is written in."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from channels.fhir.access import Client, Facts
from channels.fhir.answer import Answer
from channels.fhir.negotiate import CONTENT_TYPES, Form, Prefer, answer_form, body_form, read_prefer
from channels.fhir.refusal import RefusedError
from schemas.fhir import Resource, dumps
from schemas.fhir.error import FhirError
from schemas.fhir.outcome import outcome
from schemas.fhir.read import read_exact
from schemas.fhir.xml import to_xml

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}\Z")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}\Z")
_WORTH_PACKING = 1400  # what fits into one packet gains nothing


class Call:
    """One request, before its body is read; `path` is below the base, None outside of it."""

    def __init__(self, request: Request, base: str, url: str | None, new_request_id: str) -> None:
        self.request = request
        self.headers: Mapping[str, str] = request.headers
        self.method: str = request.method
        whole: str = request.scope["path"]
        inside = whole == base or whole.startswith(f"{base}/")
        self.path = whole[len(base) + 1 :] if inside else None
        self.query = request.scope["query_string"].decode("latin-1")
        self.peer = request.client.host if request.client else "unknown"
        self.base = url or f"{request.scope['scheme']}://{self._host()}{base}"
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.match(given) else new_request_id
        self.form: Form = "json"
        self.prefer: Prefer = read_prefer(self.headers.get("prefer", ""))
        self.client = Client()
        self.has_body = "content-length" in self.headers or "transfer-encoding" in self.headers
        self.body_was_read = not self.has_body

    def _host(self) -> str:
        host: str = self.headers.get("host", "")
        if _HOST.match(host):
            return host
        address = self.request.scope.get("server") or ("localhost", 80)
        return f"{address[0]}:{address[1]}"

    def facts(self) -> Facts:
        """What is known of it for `Access`."""
        certificate = self.request.scope.get("state", {}).get("certificate")
        authorization = self.headers.get("authorization", "")
        return Facts(self.method, self.path or "", self.peer, self.base, authorization, certificate)

    def parameter(self, name: str) -> str:
        """The first query parameter called `name`, "" when there is none."""
        value = self.request.query_params.get(name, "") if name in self.query else ""
        return value if isinstance(value, str) else ""

    def negotiate(self) -> None:
        """Settle the form of the answer; raises `RefusedError` (406)."""
        sent = None
        if "content-type" in self.headers:
            try:
                sent = body_form(self.headers["content-type"], patch=True)
            except RefusedError:
                sent = None  # answered when the body's turn comes
        otherwise: Form = "xml" if sent == "xml" else "json"
        self.form = otherwise
        self.form = answer_form(self.parameter("_format"), self.headers.get("accept", ""), otherwise)

    def response(self, answer: Answer) -> Response:
        """`answer` in the form that the client takes."""
        headers = {**answer.headers, "x-request-id": self.request_id}
        if not self.body_was_read:
            headers["connection"] = "close"
        if answer.resource is None:
            return Response(b"", answer.status, headers)
        body, form = self._written(answer.resource)
        headers["vary"] = "Accept, Accept-Encoding"
        if len(body) > _WORTH_PACKING and _takes_gzip(self.headers.get("accept-encoding", "")):
            body = gzip.compress(body, 1, mtime=0)
            headers["content-encoding"] = "gzip"
        return Response(body, answer.status, headers, CONTENT_TYPES[form])

    def _written(self, resource: Resource | bytes) -> tuple[bytes, Form]:
        pretty = self.parameter("_pretty") == "true"
        if self.form == "xml":
            try:
                return to_xml(read_exact(resource) if isinstance(resource, bytes) else resource), "xml"
            except FhirError:
                what = "The answer cannot be written in XML: it has what R4 does not know. Ask for JSON."
                return to_xml(outcome("warning", "not-supported", what)), "xml"
        if isinstance(resource, bytes):
            return (dumps(read_exact(resource), indent=True) if pretty else resource), "json"
        return dumps(resource, indent=pretty), "json"


def _takes_gzip(header: str) -> bool:
    for each in header.split(","):
        name, _, parameters = each.partition(";")
        if name.strip().lower() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
