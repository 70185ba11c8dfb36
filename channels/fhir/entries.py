"""The entries of a batch or transaction: what each asks for, and whether it can be taken (R4, 3.1.0.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from channels.fhir.interaction import Interaction, check_resource, read_interaction
from channels.fhir.refusal import RefusedError
from schemas.fhir import Element, Resource

MOST_ENTRIES = 20_000
"""How many entries a Bundle may have: each refusal costs a thousand times the two bytes of an empty entry."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_PATCHES = ("Binary", "Parameters")  # R4, 3.1.0.8: a JSON or XML Patch as a Binary, a FHIRPath Patch as Parameters
_INNER = ("create", "update", "patch", "delete", "read", "vread", "search", "history")

Check = Callable[[Interaction], None]
"""Raises `RefusedError` for what is not allowed here, or not to this client."""
Valid = Callable[[Resource, str], None]
"""Raises `RefusedError` for a resource, at this place, that is not what the channel asks for."""


class Asked(NamedTuple):
    """One entry: what it asks for, with the resource that it brings; or why it cannot be taken."""

    interaction: Interaction | None
    resource: Resource | None = None
    refused: RefusedError | None = None


def read_entries(bundle: Resource, check: Check, valid: Valid) -> list[Asked]:
    """What each entry of `bundle` asks for, in their order.

    Raises `RefusedError` when the Bundle itself cannot be taken: no list of entries, more than `MOST_ENTRIES` of them,
    or, of a transaction, any entry that cannot, for a transaction is done whole or not at all.
    """
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise RefusedError(400, "structure", "The entries of a Bundle are a list.", "Bundle.entry")
    if len(entries) > MOST_ENTRIES:
        raise RefusedError(
            413, "too-costly", f"Send {MOST_ENTRIES} entries at most.", "Bundle.entry", finding="FHIR-405"
        )
    whole = bundle.get("type") == "transaction"
    asked = []
    for index, entry in enumerate(entries):
        each = _read(entry, f"Bundle.entry[{index}]", check, valid)
        if whole and each.refused is not None:
            raise each.refused
        asked.append(each)
    if whole:
        _once_each(asked)
    return asked


def _read(entry: Any, place: str, check: Check, valid: Valid) -> Asked:
    try:
        interaction = _asked(entry, place)
        check(interaction)
        resource = _resource(entry, interaction, place)
        if resource is not None:
            valid(resource, f"{place}.resource")
    except RefusedError as refused:
        return Asked(None, refused=_placed(refused, place))
    return Asked(interaction, resource)


def _asked(entry: Any, place: str) -> Interaction:
    request = _part(entry, "request", place)
    texts = {name: request.get(name, "") for name in ("method", "url", "ifNoneExist", "ifMatch")}
    for name, text in texts.items():
        if not isinstance(text, str) or (not text and name in ("method", "url")):
            raise RefusedError(400, "structure", f"request.{name} is a text.", f"{place}.request.{name}")
    if texts["method"] not in _METHODS:
        raise RefusedError(400, "value", "The method is none of a Bundle's entries.", f"{place}.request.method")
    url = texts["url"]
    if "://" in url or url.startswith("/"):
        raise RefusedError(400, "value", "The url of an entry is relative to the base.", f"{place}.request.url")
    path, _, query = url.partition("?")
    interaction = read_interaction(texts["method"], path, query, texts["ifNoneExist"], texts["ifMatch"])
    if interaction.kind not in _INNER:
        raise RefusedError(400, "not-supported", "This cannot be part of a Bundle.", f"{place}.request.url")
    return interaction


def _resource(entry: Element, interaction: Interaction, place: str) -> Resource | None:
    if interaction.kind not in ("create", "update", "patch"):
        return None
    resource: Resource = _part(entry, "resource", place)
    if interaction.kind != "patch":
        check_resource(interaction, resource, f"{place}.resource")
    elif resource.get("resourceType") not in _PATCHES:
        raise RefusedError(400, "invalid", "A patch is a Binary or Parameters.", f"{place}.resource")
    return resource


def _part(whole: Any, name: str, place: str) -> Element:
    """The object called `name` in `whole`."""
    if not isinstance(whole, dict):
        raise RefusedError(400, "structure", "An entry is an object.", place)
    part = whole.get(name)
    if part is None:
        raise RefusedError(400, "required", f"The entry has no {name}.", f"{place}.{name}")
    if not isinstance(part, dict):
        raise RefusedError(400, "structure", f"{name} is an object.", f"{place}.{name}")
    return part


def _placed(refused: RefusedError, place: str) -> RefusedError:
    """`refused` with the place of the entry, where it names none."""
    issue = refused.issues[0]
    if issue.expression:
        return refused
    found = refused.finding
    return RefusedError(
        refused.status, issue.code, issue.text, f"{place}.request", headers=refused.headers, finding=found
    )


def _once_each(asked: list[Asked]) -> None:
    """Of a transaction, no two entries may change one resource (R4, 3.1.0.11.2)."""
    seen: set[tuple[str, str]] = set()
    for index, each in enumerate(asked):
        interaction = each.interaction
        if interaction is None or interaction.kind not in ("update", "patch", "delete") or not interaction.id:
            continue
        if (interaction.type, interaction.id) in seen:
            place = f"Bundle.entry[{index}].request.url"
            raise RefusedError(400, "duplicate", "An entry before changes the same resource.", place)
        seen.add((interaction.type, interaction.id))
