"""A FHIR server's answer as the journal keeps it, so that the client of a named route can be given it whole.

The journal keeps bytes. The outbound end writes what a server answered to one request as a batch-response of one entry,
which is how FHIR itself writes an HTTP answer down (R4, bundle.html, Bundle.entry.response).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.fhir import Resource, dumps
from schemas.fhir.error import FhirError
from schemas.fhir.read import read, read_exact

_STATUS = re.compile(r"[2-5][0-9]{2}\Z")
_HEADER = re.compile(r"[\x20-\x7e]{1,2000}\Z")
_BODILESS = (204, 304)


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
    """The answer that `written` wrote, each of its texts fit for a header; None for anything else, such as a reply that
    was cut short."""
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
    texts = {name: value for name, value in response.items() if isinstance(value, str) and _HEADER.match(value)}
    if not _STATUS.match(texts.get("status", "")):
        return None
    status, resource = int(texts["status"]), entry.get("resource")
    return Answer(
        status,
        resource if isinstance(resource, dict) and status not in _BODILESS else None,
        texts.get("location", ""),
        texts.get("etag", ""),
        texts.get("lastModified", ""),
    )
