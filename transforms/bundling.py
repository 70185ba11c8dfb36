"""Resources as the entries of a Bundle, whatever they were made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from urllib.parse import quote

from schemas.fhir import Element, Resource


def entry_of(resource: Resource, kind: str, server: str, request: Callable[[Resource], Element]) -> Element:
    """The entry that `resource` is in a Bundle of type `kind`; of a transaction, with what `request` asks for.

    `server` is the base address that a batch's entries belong to.
    """
    path = f"{resource['resourceType']}/{resource['id']}"
    match kind:
        case "transaction":
            wanted = request(resource)
            url = f"urn:uuid:{resource['id']}"
            if wanted["url"].startswith(f"{resource['resourceType']}?"):
                # A server that finds it under another id has to refuse one that is given (R4, http.html#cond-update).
                resource = {name: value for name, value in resource.items() if name != "id"}
            return {"fullUrl": url, "resource": resource, "request": wanted}
        case "batch":
            entry: Element = {"fullUrl": f"{server.rstrip('/')}/{path}"} if server else {}
            return {**entry, "resource": resource, "request": {"method": "PUT", "url": path}}
        case _:
            return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}


def entries_of(
    resources: Iterable[Resource],
    kind: str,
    server: str,
    condition: Callable[[Resource], str],
    is_mentioned: Callable[[str], bool],
) -> list[Element]:
    """The entries of a Bundle of type `kind`.

    In a transaction, a resource is put by its `condition` (`Patient?identifier=system|value`), which only one may have;
    of a type that the sender only mentions, it is created where the server does not know it. What has no condition is
    put under its own id.
    """
    found = list(resources)
    conditions = Counter(map(condition, found)) if kind == "transaction" else Counter()

    def request(resource: Resource) -> Element:
        own, name = condition(resource), resource["resourceType"]
        if not own or conditions[own] > 1:
            return {"method": "PUT", "url": f"{name}/{resource['id']}"}
        if is_mentioned(name):
            return {"method": "POST", "url": name, "ifNoneExist": own.partition("?")[2]}
        return {"method": "PUT", "url": own}

    return [entry_of(each, kind, server, request) for each in found]


def by_identifier(resource_type: str, identifier: Element) -> str:
    """The condition that finds a resource by its identifier: `Patient?identifier=system|value`."""
    return f"{resource_type}?identifier={token(identifier['system'], identifier['value'])}"


def token(system: str, code: str) -> str:
    """A code or identifier as a search parameter writes it (R4, search.html#token)."""
    return quote(f"{system}|{code}" if system else code, safe="")
