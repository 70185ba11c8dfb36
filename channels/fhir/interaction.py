"""What a request asks for, by its method and address alone (R4, http.html): no socket, no body."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qsl

from channels.fhir.refusal import RefusedError
from schemas.fhir import Resource
from schemas.fhir.types import RESOURCES

Taken = Literal["create", "update", "patch", "delete", "transaction", "batch", "message", "document", "validate"]
"""What a channel may take, by its name in the option `interactions`."""
Kind = Literal[
    "create", "update", "patch", "delete", "bundle", "transaction", "batch", "message", "document", "validate",
    "read", "vread", "search", "history", "capabilities", "status",
]  # fmt: skip
"""What a request may ask for; `bundle` is a batch or a transaction, which its body says."""

READS: tuple[Kind, ...] = ("read", "vread", "search", "history")
"""What changes nothing, and needs a server that keeps resources."""
STATUS = "_status"
"""The path, below the base, under which the status of an accepted request is asked for."""

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}\Z")
_CONTROLS = ("_format", "_pretty", "_summary", "_elements")
_REACHING = ("_include", "_revinclude", "_has", "_filter", "_query", "_list")
_ON_BASE = {"metadata": "GET", "_history": "GET", "_search": "POST", "$process-message": "POST"}


@dataclass(frozen=True, slots=True)
class Interaction:
    """What is asked for: `condition` is the search of a conditional interaction as it was written, `if_match` the
    version that an update, patch or delete insists on, `version` that of a vread; `reaches` says of what is read
    that it may bring, or be found by, resources of other types."""

    kind: Kind
    type: str = ""
    id: str = ""
    condition: str = ""
    version: str = ""
    if_match: str = ""
    reaches: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names in `interactions` of which one must be allowed; none for what is no matter of that option."""
        match self.kind:
            case "bundle":
                return ("transaction", "batch")
            case "create" if self.type == "Bundle":
                return ("create", "document")
            case "read" | "vread" | "search" | "history" | "capabilities" | "status":
                return ()
        return (self.kind,)


def read_interaction(
    method: str, path: str, query: str = "", if_none_exist: str = "", if_match: str = ""
) -> Interaction:
    """What `method` on `path` (decoded, below the base, without a slash before it) asks for.

    Raises `RefusedError`: 404 for what there is nothing at, 405 for a method that is nothing there, 400 for an id that
    is none or a condition that says nothing.
    """
    found = _read_interaction(method, path, query, if_none_exist, if_match)
    return replace(found, reaches=True) if found.kind in READS and reaches(query) else found


def is_id(text: str) -> bool:
    """Whether a resource may have that id (R4, datatypes.html#id)."""
    return _ID.match(text) is not None


def reaches(search: str) -> bool:
    """Whether a search (a query, or the form of one that is posted) goes beyond resources of its own type: by includes,
    chains (R4, 3.1.1.4, 3.1.1.5), or what may do the same."""
    for name, _ in parse_qsl(search, keep_blank_values=True):
        first = name.partition(":")[0]
        if "." in name or first in _REACHING:
            return True
    return False


def _read_interaction(method: str, path: str, query: str, if_none_exist: str, if_match: str) -> Interaction:
    parts = path.split("/")
    if parts[-1] == "":
        parts.pop()
    method = "GET" if method == "HEAD" else method
    first = parts[0] if parts else ""
    if not parts:
        return _on_base(method)
    if first in _ON_BASE and len(parts) == 1:
        return _named(method, first)
    if first == STATUS and len(parts) == 2:
        _only(method, "GET")
        return Interaction("status", id=_id(parts[1]))
    if first not in RESOURCES:
        raise _nothing()
    if len(parts) == 1 or parts[1] == "":
        return _on_type(method, first, _condition(query), if_none_exist, if_match)
    return _below_type(method, first, parts[1:], if_match)


def check_allowed(interaction: Interaction, interactions: Sequence[str], types: Sequence[str], reads: bool) -> None:
    """Raises `RefusedError` when a channel that takes `interactions` on `types` (empty: all) does not take this one."""
    if types and interaction.type and interaction.type not in types and interaction.kind != "message":
        raise RefusedError(404, "not-supported", "This type of resource is not taken here.")
    names = interaction.names
    if (names and not any(name in interactions for name in names)) or (interaction.kind in READS and not reads):
        allow = ", ".join(_allowed(interaction, interactions, reads))
        what = "Nothing is read" if interaction.kind in READS else f"No {interaction.kind} is taken"
        raise RefusedError(405, "not-supported", f"{what} here.", headers={"allow": allow})


def check_resource(interaction: Interaction, resource: Resource, place: str = "") -> None:
    """Raises `RefusedError` (400) when `resource` is not the one that the address names; `place` is where it stands."""
    at = check_type(interaction, resource, place)
    given = resource.get("id")
    if given is not None and (not isinstance(given, str) or not is_id(given)):
        raise RefusedError(400, "value", "The id of the resource is no id of FHIR.", f"{at}.id")
    if interaction.kind == "update" and not interaction.condition and given != interaction.id:
        raise RefusedError(400, "invalid", "The resource must have the id that the address names.", f"{at}.id")


def check_type(interaction: Interaction, resource: Resource, place: str = "") -> str:
    """Where `resource` stands; raises `RefusedError` (400) when it is not of the type that the address names."""
    type = resource.get("resourceType")
    at = place or (type if isinstance(type, str) and type in RESOURCES else "Resource")
    if type != interaction.type:
        raise RefusedError(400, "invalid", "The resource is not of the type that the address names.", at)
    return at


def of_bundle(interaction: Interaction, bundle: Resource, interactions: Sequence[str]) -> Interaction:
    """What a Bundle asks for that was posted to the base, to Bundle or to $process-message; raises `RefusedError`."""
    kind = bundle.get("type")
    if interaction.kind == "bundle":
        if bundle.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
            hint = "Post a Bundle of the type batch or transaction here, and any other resource to its own type."
            raise RefusedError(400, "invalid", hint, "Bundle.type")
        found = replace(interaction, kind="batch" if kind == "batch" else "transaction")
        check_allowed(found, interactions, (), False)
        return found
    if interaction.kind == "create" and kind == "document" and "document" in interactions:
        return replace(interaction, kind="document")
    if interaction.kind == "create" and "create" not in interactions:
        raise RefusedError(422, "not-supported", "Only a Bundle of the type document is taken here.", "Bundle.type")
    return interaction


def condition_of(search: str) -> str:
    """A search as a condition: without the question mark, or the type, that people put before it."""
    return search.strip().rpartition("?")[2] if "?" in search else search.strip()


def _on_base(method: str) -> Interaction:
    match method:
        case "POST":
            return Interaction("bundle")
        case "GET":
            return Interaction("search")
    raise _wrong(method, "GET, POST")


def _named(method: str, name: str) -> Interaction:
    _only(method, _ON_BASE[name])
    match name:
        case "metadata":
            return Interaction("capabilities")
        case "_history":
            return Interaction("history")
        case "_search":
            return Interaction("search")
    return Interaction("message", "Bundle")


def _on_type(method: str, type: str, condition: str, if_none_exist: str, if_match: str) -> Interaction:
    match method:
        case "POST":
            return Interaction("create", type, condition=condition_of(if_none_exist))
        case "GET":
            return Interaction("search", type)
        case "PUT" | "PATCH" | "DELETE" if not condition:
            raise RefusedError(400, "required", "Name the id of the resource, or search parameters that find it.")
        case "PUT":
            return Interaction("update", type, condition=condition, if_match=if_match)
        case "PATCH":
            return Interaction("patch", type, condition=condition, if_match=if_match)
        case "DELETE":
            return Interaction("delete", type, condition=condition, if_match=if_match)
    raise _wrong(method, "GET, POST, PUT, PATCH, DELETE")


def _below_type(method: str, type: str, parts: list[str], if_match: str) -> Interaction:
    match parts:
        case ["_search"]:
            _only(method, "POST")
            return Interaction("search", type)
        case ["_history"]:
            _only(method, "GET")
            return Interaction("history", type)
        case ["$validate"]:
            _only(method, "POST")
            return Interaction("validate", type)
        case [id, "$validate"]:
            _only(method, "POST")
            return Interaction("validate", type, _id(id))
        case [id, "_history"]:
            _only(method, "GET")
            return Interaction("history", type, _id(id))
        case [id, "_history", version]:
            _only(method, "GET")
            return Interaction("vread", type, _id(id), version=_id(version))
        case [id] if not id.startswith("$"):
            return _on_instance(method, type, _id(id), if_match)
    raise _nothing()


def _on_instance(method: str, type: str, id: str, if_match: str) -> Interaction:
    match method:
        case "GET":
            return Interaction("read", type, id)
        case "PUT":
            return Interaction("update", type, id, if_match=if_match)
        case "PATCH":
            return Interaction("patch", type, id, if_match=if_match)
        case "DELETE":
            return Interaction("delete", type, id, if_match=if_match)
    raise _wrong(method, "GET, PUT, PATCH, DELETE")


def _condition(query: str) -> str:
    """The search in `query`, what only shapes the answer left out; "" when it does not search."""
    if not query:
        return ""
    parts = [part for part in query.split("&") if part.partition("=")[0] not in _CONTROLS]
    said = "&".join(parts)
    return said if any(value.strip() for _, value in parse_qsl(said)) else ""


def _id(text: str) -> str:
    if not is_id(text):
        raise RefusedError(400, "value", "The address has no id of FHIR: up to 64 letters, digits, hyphens and dots.")
    return text


def _only(method: str, taken: str) -> None:
    if method != taken:
        raise _wrong(method, taken)


def _allowed(interaction: Interaction, interactions: Sequence[str], reads: bool) -> list[str]:
    """The methods that may be used where `interaction` was asked for."""
    read = ["GET"] if reads or interaction.kind == "capabilities" else []
    if interaction.kind in ("message", "validate"):
        return []
    if not interaction.type:
        return [*read, *(["POST"] if {"transaction", "batch"} & set(interactions) else [])]
    if not interaction.id and not interaction.condition:
        return [*read, *(["POST"] if "create" in interactions else [])]
    methods = {"update": "PUT", "patch": "PATCH", "delete": "DELETE"}
    return [*read, *(method for name, method in methods.items() if name in interactions)]


def _nothing() -> RefusedError:
    return RefusedError(404, "not-found", "There is nothing at this address.")


def _wrong(method: str, taken: str) -> RefusedError:
    what = method if method.isascii() and method.isalpha() and len(method) < 10 else "This method"
    return RefusedError(405, "not-supported", f"{what} is nothing that can be done here.", headers={"allow": taken})
