"""A FHIR server's answer as the journal keeps it, so that the client of a named route can be given it whole.

The journal keeps bytes. The outbound end writes what a server answered to one request as a batch-response of one entry,
which is how FHIR itself writes an HTTP answer down (R4, bundle.html, Bundle.entry.response).
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.fhir import Resource, dumps
from schemas.fhir.error import FhirError
from schemas.fhir.read import read, read_exact

_STATUS_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a FHIR server answered: its status, the headers that say something, and the resource in its body."""

    status: int
    resource: Resource | None = None
    location: str = ""
    etag: str = ""
    last_modified: str = ""


def written(answer: Answer) -> bytes:
    """`answer` for the `reply` of an `Outcome`."""
    facts = {"location": answer.location, "etag": answer.etag, "lastModified": answer.last_modified}
    response = {"status": str(answer.status), **{name: value for name, value in facts.items() if value}}
    entry = {"response": response} if answer.resource is None else {"resource": answer.resource, "response": response}
    return dumps({"resourceType": "Bundle", "type": "batch-response", "entry": [entry]})


def read_answer(reply: bytes) -> Answer | None:
    """The answer that `written` wrote; None for anything else, a reply that was cut short included."""
    try:
        bundle = read(reply)
        entries = bundle.get("entry")
        if bundle["resourceType"] != "Bundle" or not isinstance(entries, list) or len(entries) != 1:
            return None
        entry = read_exact(reply)["entry"][0]
    except FhirError:
        return None
    response = entry.get("response") if isinstance(entry, dict) else None
    if not isinstance(response, dict):
        return None
    status = response.get("status")
    if not isinstance(status, str) or len(status) != _STATUS_DIGITS or not status.isdecimal():
        return None
    resource = entry.get("resource")
    texts = {name: value for name, value in response.items() if isinstance(value, str)}
    return Answer(
        int(status),
        resource if isinstance(resource, dict) else None,
        texts.get("location", ""),
        texts.get("etag", ""),
        texts.get("lastModified", ""),
    )
