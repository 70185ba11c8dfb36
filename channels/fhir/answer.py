"""What a client is answered, as status, headers and resource: no socket, no journal (R4, http.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from channels.fhir.entries import Asked
from channels.fhir.interaction import STATUS, Interaction
from channels.fhir.negotiate import Prefer
from channels.fhir.refusal import RefusedError
from schemas.fhir import Element, Resource
from schemas.fhir.outcome import outcome
from schemas.ids import derived_id

FIRST = "1"
"""The version of what was created here."""

_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
            405: "Method Not Allowed", 412: "Precondition Failed", 422: "Unprocessable Entity"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: `resource` as data or as its JSON; none is no body."""

    status: int
    resource: Resource | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """A request that the engine has, or is about to be handed: `id` is the message's, `body` what is journaled, `asked`
    its entries, `header` the MessageHeader of a message, `resource` what was read of `body` where it came as it is."""

    interaction: Interaction
    id: str
    received: datetime
    base: str
    body: bytes
    asked: Sequence[Asked] = ()
    header: Element = field(default_factory=dict)
    resource: Resource | None = None
    from_xml: bool = False

    @property
    def status_url(self) -> str:
        """Where its status is asked for."""
        return f"{self.base}/{STATUS}/{self.id}"


def entry_id(message: str, index: int) -> str:
    """The id of the resource that the entry at `index` creates in the transaction of this message."""
    return derived_id(message, f"entry {index}")


def known_at_once(interaction: Interaction) -> bool:
    """Whether it can be answered by who keeps no resources, and so cannot tell what a change finds there."""
    return interaction.kind not in ("patch", "delete") and not interaction.condition and not interaction.if_match


def refused(error: RefusedError) -> Answer:
    """The answer to a request that is not taken."""
    return Answer(error.status, error.outcome, error.headers)


def accepted(taken: Held, prefer: Prefer) -> Answer:
    """202: the engine has it, and its status can be asked for."""
    headers = {"content-location": taken.status_url}
    if prefer.returns == "minimal":
        return Answer(202, None, headers)
    if taken.asked and prefer.returns != "operationoutcome":
        return Answer(202, responses(taken, created=False), headers)
    said = outcome("information", "informational", f"Accepted as {taken.id}. Its status is at Content-Location.")
    return Answer(202, said, headers)


def created(taken: Held, prefer: Prefer) -> Answer:
    """200 or 201: the engine answers as the server that the resources are kept on."""
    match taken.interaction.kind:
        case "transaction" | "batch":
            return Answer(200, None if prefer.returns == "minimal" else responses(taken, created=True))
        case "message":
            return Answer(200, _response_message(taken))
        case "update":
            headers = {"last-modified": format_datetime(taken.received, usegmt=True)}
            return Answer(200, _returned(taken, prefer, "Updated."), headers)
    headers = {
        "location": f"{taken.base}/{taken.interaction.type}/{taken.id}/_history/{FIRST}",
        "etag": f'W/"{FIRST}"',
        "last-modified": format_datetime(taken.received, usegmt=True),
    }
    return Answer(201, _returned(taken, prefer, "Created."), headers)


def _returned(taken: Held, prefer: Prefer, said: str) -> Resource | bytes | None:
    match prefer.returns:
        case "minimal":
            return None
        case "operationoutcome":
            return outcome("information", "informational", said)
    return taken.body


def responses(taken: Held, *, created: bool) -> Resource:
    """The Bundle that answers a batch or transaction entry by entry: each 202, or as `created` if it came alone."""
    entries = [{"response": _response(taken, index, each, created=created)} for index, each in enumerate(taken.asked)]
    bundle: Resource = {"resourceType": "Bundle", "type": f"{taken.interaction.kind}-response"}
    return {**bundle, "entry": entries} if entries else bundle


def _response(taken: Held, index: int, asked: Asked, *, created: bool) -> Element:
    if asked.refused is not None:
        return {"status": _status(asked.refused.status), "outcome": asked.refused.outcome}
    interaction = asked.interaction
    if interaction is None or not created or not known_at_once(interaction):
        return {"status": _status(202)}
    modified = taken.received.isoformat(timespec="milliseconds")
    if interaction.kind == "update":
        return {"status": _status(200), "location": f"{interaction.type}/{interaction.id}", "lastModified": modified}
    location = f"{interaction.type}/{entry_id(taken.id, index)}/_history/{FIRST}"
    return {"status": _status(201), "location": location, "etag": f'W/"{FIRST}"', "lastModified": modified}


def _status(status: int) -> str:
    return f"{status} {_REASONS[status]}" if status in _REASONS else str(status)


def _response_message(taken: Held) -> Resource:
    """The response message to a message (R4, messaging.html): `ok`, for the engine answers as its receiver."""
    header = taken.header
    event = {name: value for name, value in header.items() if name in ("eventCoding", "eventUri")}
    source = header.get("source")
    sender = source.get("endpoint") if isinstance(source, dict) else None
    response: Element = {
        "resourceType": "MessageHeader",
        "id": taken.id,
        **event,
        **({"destination": [{"endpoint": sender}]} if isinstance(sender, str) and sender else {}),
        "source": {"endpoint": taken.base},
        "response": {"identifier": _identifier(header, taken), "code": "ok"},
    }
    return {
        "resourceType": "Bundle",
        "id": derived_id(taken.id, "response"),
        "type": "message",
        "timestamp": taken.received.isoformat(timespec="milliseconds"),
        "entry": [{"fullUrl": f"{taken.base}/MessageHeader/{taken.id}", "resource": response}],
    }


def _identifier(header: Element, taken: Held) -> str:
    """The id of the message that is answered: that of its MessageHeader, ours where it has none."""
    id = header.get("id")
    return id if isinstance(id, str) and id else taken.id


def first_resource(bundle: Resource) -> Element:
    """The resource in the first entry of a Bundle, {} where there is none."""
    entries = bundle.get("entry")
    first = entries[0] if isinstance(entries, list) and entries else None
    resource = first.get("resource") if isinstance(first, dict) else None
    return resource if isinstance(resource, dict) else {}
