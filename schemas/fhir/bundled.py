"""The resources of a Bundle as one whole: what refers to what, and what a message must have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas.fhir.profiles import own_type
from schemas.fhir.resource import Element, Resource
from schemas.finding import Finding, Severity


class Entry(NamedTuple):
    """A resource of a Bundle and where it stands."""

    path: str
    resource: Resource


class Reference(NamedTuple):
    """A literal reference: where it stands, and what it says."""

    path: str
    text: str


class Bundled:
    """The entries of a Bundle, found by what references call them."""

    def __init__(self, bundle: Resource, path: str) -> None:
        self.entries: list[Entry] = []
        self._by_name: dict[str, Entry] = {}
        entries = bundle.get("entry")
        for number, each in enumerate(entries if isinstance(entries, list) else ()):
            resource = each.get("resource") if isinstance(each, dict) else None
            if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
                continue
            entry = Entry(f"{path}.entry[{number}].resource", resource)
            self.entries.append(entry)
            url = each.get("fullUrl")
            for name in (url, _tail(url), f"{resource['resourceType']}/{resource.get('id')}"):
                if isinstance(name, str) and name:
                    self._by_name.setdefault(name, entry)

    def find(self, reference: str) -> Entry | None:
        """The entry that `reference` leads to; None when there is none."""
        plain = reference.partition("/_history/")[0].partition("#")[0]
        return self._by_name.get(plain) or self._by_name.get(_tail(plain))

    def type_of(self, reference: str) -> str:
        """The type of what `reference` leads to, "" where it is not known."""
        found = self.find(reference)
        return str(found.resource["resourceType"]) if found else own_type(reference)

    def unresolved(self, *, all_of_them: bool, severity: Severity) -> Iterator[Finding]:
        """References that lead to no entry: those by UUID, which can lead nowhere else, or all of them."""
        for entry in self.entries:
            for reference in references(entry.resource, entry.path):
                text = reference.text
                if text.startswith("#") or "?" in text or self.find(text) is not None:
                    continue
                inner = text.startswith("urn:")
                if inner or all_of_them:
                    what = "the reference leads to no entry of the Bundle"
                    hint = "send what it refers to with it"
                    weight = Severity.ERROR if inner else severity
                    yield Finding("FHIR-322", f"{reference.path}.reference", what, hint, weight)

    def unconnected(self) -> Iterator[Finding]:
        """Entries that no reference connects with the first one, in either direction."""
        if not self.entries:
            return
        near: dict[str, set[str]] = {entry.path: set() for entry in self.entries}
        for entry in self.entries:
            for reference in references(entry.resource, entry.path):
                other = self.find(reference.text)
                if other is not None:
                    near[entry.path].add(other.path)
                    near[other.path].add(entry.path)
        seen: set[str] = set()
        waiting = [self.entries[0].path]
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                waiting += near[here] - seen
        for entry in self.entries:
            if entry.path not in seen:
                yield Finding(
                    "FHIR-327", entry.path, "no reference connects this resource with the message's header",
                    "leave it out, or refer to it", Severity.WARNING,
                )  # fmt: skip


def message_rules(bundle: Resource, path: str) -> Iterator[Finding]:
    """What R4 demands of a Bundle of the type message (bundle.html, bdl-12): one MessageHeader, first."""
    entries = bundle.get("entry")
    types = [_type(each) for each in entries] if isinstance(entries, list) else []
    if not types or types[0] != "MessageHeader":
        yield Finding("FHIR-321", f"{path}.entry[0].resource", "the first entry of a message is its MessageHeader")
    for number, type in enumerate(types[1:], start=1):
        if type == "MessageHeader" and "MessageHeader" in types[:number]:
            yield Finding("FHIR-321", f"{path}.entry[{number}].resource", "a message has one MessageHeader")


def lost_inside(resource: Resource, path: str) -> Iterator[Finding]:
    """References to what is contained (`#1`) that lead to nothing."""
    contained = resource.get("contained")
    own = [each.get("id") for each in contained if isinstance(each, dict)] if isinstance(contained, list) else []
    ids = {each for each in own if isinstance(each, str)}
    for reference in references(resource, path):
        if reference.text.startswith("#") and len(reference.text) > 1 and reference.text[1:] not in ids:
            yield Finding("FHIR-322", f"{reference.path}.reference", "the reference leads to nothing that is contained")


def references(resource: Resource, path: str) -> list[Reference]:
    """Each literal reference within `resource`, with the path of its element: those of what it contains as well, and
    not those of the resources in its entries and parameters, which are wholes of their own."""
    found: list[Reference] = []
    _collect(resource, [path], found)
    return found


def _collect(element: Element, trail: list[str], found: list[Reference]) -> None:
    """Add the references in `element`; paths are put together only for them, for few elements are references."""
    text = element.get("reference")
    if isinstance(text, str) and "resourceType" not in element:
        found.append(Reference("".join(trail), text))
    for name, inner in element.items():
        if isinstance(inner, dict):
            if name != "resource" or "resourceType" not in inner:
                trail.append(f".{name.removeprefix('_')}")
                _collect(inner, trail, found)
                trail.pop()
        elif isinstance(inner, list):
            for number, each in enumerate(inner):
                if isinstance(each, dict):
                    trail.append(f".{name.removeprefix('_')}[{number}]")
                    _collect(each, trail, found)
                    trail.pop()


def _type(entry: Any) -> str:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    type = resource.get("resourceType") if isinstance(resource, dict) else None
    return type if isinstance(type, str) else ""


def _tail(url: Any) -> str:
    """`Patient/1` of `http://x/fhir/Patient/1`, "" of what has no such end."""
    if not isinstance(url, str) or "/" not in url:
        return ""
    return "/".join(url.rsplit("/", 2)[-2:]) if own_type(url) else ""
