"""What a message asks of the partner's FHIR server: method, address and headers by R4's http.html; no socket."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from channels.fhir.intake import with_id
from channels.fhir.interaction import is_id
from channels.fhir.negotiate import FHIR_JSON, FHIR_XML
from schemas.fhir import Element, Resource, dumps
from schemas.fhir.error import FhirError
from schemas.fhir.read import read_exact
from schemas.fhir.types import RESOURCES
from schemas.fhir.xml import to_xml
from schemas.message import FHIR, Message

Named = Literal["auto", "create", "update", "transaction", "batch", "message"]
"""What the option `interaction` may say."""
Condition = Literal["identifier"]
"""What the option `condition` may say."""
Format = Literal["json", "xml"]
"""What the option `format` may say."""
Kind = Literal["create", "update", "patch", "delete", "transaction", "batch", "message"]

_TOKEN_SPECIAL = re.compile(r"([\\,$|])")  # R4, search.html, 3.1.1.4.0.1
_ON_BASE: Mapping[str, Kind] = {"transaction": "transaction", "batch": "batch", "message": "message"}


class UnsendableError(ValueError):
    """Nothing can be asked for with this message; the text says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` is below the base, with the query; `entries` says how many a transaction or batch has."""

    kind: Kind
    method: str
    path: str
    body: bytes = b""
    content_type: str = FHIR_JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    entries: int = 0


def request_of(message: Message, named: Named, condition: Condition | None, form: Format) -> Request:
    """What `message` asks for, by the options of the outbound end; raises `UnsendableError`.

    With `auto`, a Bundle's type decides, and what a FHIR client of ours asked for is asked for again; else a resource
    with an id is updated, or by the condition, and one without either is created.
    """
    if message.format != FHIR:
        raise UnsendableError(f"a FHIR server takes FHIR, and this message is {message.format}")
    try:
        request = _request(message, message.fhir, named, condition)
        if form == "xml" and request.content_type == FHIR_JSON and request.body:
            return _replaced(request, to_xml(read_exact(request.body)), FHIR_XML)
    except FhirError as error:
        raise UnsendableError(f"the message cannot be sent: {error}") from None
    return request


def _request(message: Message, resource: Resource, named: Named, condition: Condition | None) -> Request:
    type = resource.get("type") if resource["resourceType"] == "Bundle" else None
    bundled = _ON_BASE.get(type) if isinstance(type, str) else None
    if named in ("transaction", "batch", "message") and bundled != named:
        if named != "transaction" or bundled is not None:
            raise UnsendableError(f"interaction is {named}, and the message is no Bundle of that type")
        return _wrapped(_single(message, resource, _asked(message, resource, condition), condition))
    if named in ("create", "update"):
        return _single(message, resource, named, condition)
    if bundled is None:
        return _single(message, resource, _asked(message, resource, condition), condition)
    if bundled == "message":
        return Request("message", "POST", "$process-message", message.body)
    entries = resource.get("entry")
    if named == "auto" and isinstance(entries, list) and len(entries) == 1:
        change = _change(message, entries[0])
        if change is not None:
            return change
    return Request(bundled, "POST", "", message.body, entries=len(entries) if isinstance(entries, list) else 0)


def _asked(message: Message, resource: Resource, condition: Condition | None) -> Literal["create", "update"]:
    """What the client asked for whose request this resource was; else an update of what has an id or a condition."""
    id = resource.get("id")
    if message.attributes.get("fhir.type") == resource["resourceType"]:
        match message.attributes.get("fhir.interaction"):
            case "create" if message.attributes.get("fhir.id") != id or id is None:
                return "create"
            case "update":
                return "update"
    return "create" if id is None and condition is None else "update"


def _single(
    message: Message, resource: Resource, kind: Literal["create", "update"], condition: Condition | None
) -> Request:
    type = resource["resourceType"]
    if type not in RESOURCES:
        raise UnsendableError("R4 has no resource of the message's type")
    of_client = message.attributes.get("fhir.type") == type and message.attributes.get("fhir.interaction") == kind
    asked = message.attributes.get("fhir.condition", "") if of_client else ""
    by_identifier = _identifier_search(resource)
    if condition == "identifier" and not by_identifier:
        raise UnsendableError("condition is identifier, and the resource has none with a system and a value")
    if kind == "create":
        search = asked or by_identifier
        headers = {"if-none-exist": search} if search else {}
        return Request("create", "POST", type, message.body, headers=headers)
    match_version = message.attributes.get("fhir.if_match", "") if of_client else ""
    headers = {"if-match": match_version} if match_version else {}
    if asked:
        return Request("update", "PUT", f"{type}?{asked}", message.body, headers=headers)
    if condition == "identifier":
        return Request("update", "PUT", f"{type}?{by_identifier}", _without_id(message.body, resource), headers=headers)
    id = resource.get("id", message.id)
    if not isinstance(id, str) or not is_id(id):
        raise UnsendableError("the id of the resource is no id of FHIR")
    body = message.body if "id" in resource else with_id(message.body, resource, id)
    return Request("update", "PUT", f"{type}/{id}", body, headers=headers)


def _wrapped(single: Request) -> Request:
    """`single` as a transaction of one entry: its condition stands in the body and not in the address."""
    request = {"method": single.method, "url": single.path}
    for header, element in (("if-none-exist", "ifNoneExist"), ("if-match", "ifMatch")):
        if header in single.headers:
            request[element] = single.headers[header]
    entry: Element = {"resource": read_exact(single.body), "request": request}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    return Request("transaction", "POST", "", dumps(bundle), entries=1)


def _change(message: Message, entry: Any) -> Request | None:
    """The patch or delete that a client of ours asked for, and that the journal keeps as a transaction of one entry."""
    asked = message.attributes.get("fhir.interaction")
    request = entry.get("request") if isinstance(entry, dict) else None
    if asked not in ("patch", "delete") or not isinstance(request, dict) or request.get("method") != asked.upper():
        return None
    url, version = request.get("url"), request.get("ifMatch", "")
    if not isinstance(url, str) or re.split(r"[/?]", url)[0] not in RESOURCES or not isinstance(version, str):
        return None
    headers = {"if-match": version} if version else {}
    if asked == "delete":
        return Request("delete", "DELETE", url, headers=headers)
    patch = read_exact(message.body)["entry"][0].get("resource")
    if not isinstance(patch, dict) or patch.get("resourceType") != "Binary":
        return Request("patch", "PATCH", url, dumps(patch), headers=headers) if isinstance(patch, dict) else None
    try:
        operations = base64.b64decode(patch.get("data", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None
    return Request("patch", "PATCH", url, operations, "application/json-patch+json", headers)


def _identifier_search(resource: Resource) -> str:
    """The search for the first identifier that is in use and has a system; "" when there is none."""
    given = resource.get("identifier")
    for each in given if isinstance(given, list) else [given]:
        if not isinstance(each, dict) or each.get("use") == "old":
            continue
        system, value = each.get("system"), each.get("value")
        if isinstance(system, str) and isinstance(value, str) and system and value:
            return f"identifier={_token(system)}%7C{_token(value)}"
    return ""


def _token(text: str) -> str:
    return quote(_TOKEN_SPECIAL.sub(r"\\\1", text), safe="", errors="replace")


def _without_id(body: bytes, resource: Resource) -> bytes:
    """The JSON in `body` without the id: the server has its own for what the condition finds."""
    if "id" not in resource:
        return body
    exact = read_exact(body)
    del exact["id"]
    return dumps(exact)


def _replaced(request: Request, body: bytes, content_type: str) -> Request:
    kind, method, path, entries = request.kind, request.method, request.path, request.entries
    return Request(kind, method, path, body, content_type, request.headers, entries)
