"""From the body of a request to the message that is journaled."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from channels.fhir.answer import entry_id, first_resource
from channels.fhir.entries import Asked
from channels.fhir.interaction import Interaction
from channels.fhir.negotiate import Form
from channels.fhir.refusal import RefusedError
from schemas.fhir import Element, Resource, dumps
from schemas.fhir.error import FhirError
from schemas.fhir.read import read, read_exact
from schemas.fhir.xml import from_xml

_OPERATIONS = {"add": "value", "remove": "path", "replace": "value", "move": "from", "copy": "from", "test": "value"}
"""The operations of a JSON Patch (RFC 6902), and what each needs besides a path."""


def read_resource(body: bytes, form: Form | None) -> tuple[Resource, bytes]:
    """The resource in `body`, and its JSON, which is `body` itself where it came as JSON; raises `FhirError`.

    Without a `form`, an opening angle bracket tells XML from JSON.
    """
    if form == "xml" or (form is None and body[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")):
        resource = from_xml(body)
        return resource, dumps(resource)
    return read(body), body


def malformed(error: FhirError) -> RefusedError:
    """The answer to a body that cannot be read."""
    places = (error.where,) if error.where else ()
    text = f"{error.args[0]} ({error.hint})" if error.hint else str(error.args[0])
    return RefusedError(400, "structure", f"{text[:1].upper()}{text[1:]}.", *places, finding="FHIR-405")


def with_id(body: bytes, resource: Resource, id: str) -> bytes:
    """The JSON in `body` with the id that the server assigns; everything else as it was sent (R4, 3.1.0.8)."""
    if "id" not in resource and body[:1] == b"{":
        return b'{"id":"' + id.encode() + b'",' + body[1:]
    exact = read_exact(body)
    exact["id"] = id
    return dumps(exact)


def with_entry_ids(body: bytes, asked: list[Asked], message: str) -> bytes:
    """The JSON of a Bundle whose entries create resources, each with the id that the server assigns to it.

    They become updates of those ids: a server that is asked to create draws an id of its own, and the client would have
    been told another.
    """
    if not any(each.interaction is not None and each.interaction.kind == "create" for each in asked):
        return body
    bundle = read_exact(body)
    for index, (entry, each) in enumerate(zip(bundle["entry"], asked, strict=True)):
        if each.interaction is not None and each.interaction.kind == "create" and not each.interaction.condition:
            id = entry_id(message, index)
            entry["resource"]["id"] = id
            entry["request"] = {**entry["request"], "method": "PUT", "url": f"{each.interaction.type}/{id}"}
    return dumps(bundle)


def without_refused(body: bytes, asked: list[Asked]) -> bytes:
    """The JSON of a batch without the entries that are refused: they go no further."""
    if all(each.refused is None for each in asked):
        return body
    bundle = read_exact(body)
    bundle["entry"] = [entry for entry, each in zip(bundle["entry"], asked, strict=True) if each.refused is None]
    return dumps(bundle)


def as_transaction(interaction: Interaction, resource: Resource | None = None) -> Resource:
    """What has no resource of its own, a patch or a delete, as the transaction that says the same (R4, 3.1.0.11)."""
    url = f"{interaction.type}/{interaction.id}" if interaction.id else f"{interaction.type}?{interaction.condition}"
    request = {"method": interaction.kind.upper(), "url": url}
    if interaction.if_match:
        request["ifMatch"] = interaction.if_match
    entry: Element = {"request": request} if resource is None else {"resource": resource, "request": request}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}


def read_patch(body: bytes, form: Form | None) -> Resource:
    """The patch in `body` as a resource: a FHIRPath Patch as its Parameters, a JSON Patch as the Binary that R4 has for
    it in a transaction; raises `RefusedError`, `FhirError`."""
    if form in ("json", "xml"):
        resource = from_xml(body) if form == "xml" else read_exact(body)
        if resource.get("resourceType") != "Parameters":
            raise RefusedError(400, "invalid", "A FHIRPath Patch is a Parameters resource.", finding="FHIR-405")
        return resource
    if form is None:
        raise RefusedError(415, "not-supported", "Name the kind of patch in Content-Type.", finding="FHIR-404")
    try:
        operations = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FhirError(f"the body is no JSON: line {error.lineno}, column {error.colno}") from None
    for index, operation in enumerate(operations) if isinstance(operations, list) else ():
        if not _is_operation(operation):
            raise RefusedError(400, "structure", f"Operation {index + 1} is none of a JSON Patch.", finding="FHIR-405")
    if not isinstance(operations, list) or not operations:
        raise RefusedError(400, "structure", "A JSON Patch is a list of operations.", finding="FHIR-405")
    data = base64.b64encode(body).decode()
    return {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}


def unwrapped(resource: Resource, name: str) -> Resource:
    """The resource that an operation is about: `resource` itself, or its parameter `name` where it is Parameters."""
    if resource.get("resourceType") != "Parameters":
        return resource
    parameters = resource.get("parameter")
    for each in parameters if isinstance(parameters, list) else ():
        if isinstance(each, dict) and each.get("name") == name and isinstance(each.get("resource"), dict):
            inner: Resource = each["resource"]
            return inner
    raise RefusedError(400, "required", f"The parameter {name} is missing.", "Parameters.parameter")


def operation_options(query: str, resource: Resource) -> dict[str, str]:
    """The simple parameters of an operation: those of the address, and those in its Parameters resource."""
    found = dict(parse_qsl(query))
    parameters = resource.get("parameter") if resource.get("resourceType") == "Parameters" else None
    for each in parameters if isinstance(parameters, list) else ():
        name = each.get("name") if isinstance(each, dict) else None
        for kind in ("valueBoolean", "valueUrl", "valueUri", "valueCode"):
            if isinstance(name, str) and kind in each:
                found[name] = str(each[kind]).lower() if kind == "valueBoolean" else str(each[kind])
    return found


def check_message(bundle: Resource) -> None:
    """Raises `RefusedError` when `bundle` is no message of FHIR's (R4, messaging.html)."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise RefusedError(400, "invalid", "A message is a Bundle of the type message.", "Bundle.type")
    place = "Bundle.entry[0].resource"
    header = first_resource(bundle)
    if header.get("resourceType") != "MessageHeader":
        raise RefusedError(400, "invalid", "The first entry of a message is its MessageHeader.", place)
    if not isinstance(header.get("eventCoding"), dict) and not isinstance(header.get("eventUri"), str):
        raise RefusedError(400, "required", "The message names no event.", f"{place}.event")


def attributes_of(interaction: Interaction, method: str, facts: Mapping[str, str]) -> dict[str, str]:
    """What the journal keeps of a request beside its body, nothing that is empty."""
    written = {
        "fhir.method": method,
        "fhir.interaction": interaction.kind,
        "fhir.type": interaction.type or "Bundle",
        "fhir.id": interaction.id,
        "fhir.condition": interaction.condition,
        "fhir.if_match": interaction.if_match,
        **facts,
    }
    return {name: value for name, value in written.items() if value}


def _is_operation(operation: Any) -> bool:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        return False
    kind = operation.get("op")
    return isinstance(kind, str) and kind in _OPERATIONS and _OPERATIONS[kind] in operation
