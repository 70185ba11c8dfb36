"""The resources of a Bundle, or one alone, as they are read: by type and by reference, each reading remembered."""

from __future__ import annotations

import hashlib

from schemas.fhir import Resource, dumps
from schemas.finding import Finding, Severity
from transforms.fhir_node import EMPTY, Node

_MOST_STEPS = 16
"""How far a chain of references (Location.partOf) is followed."""


class Resources:
    """What one conversion reads, and the findings that it has so far."""

    not_resolved = "FHIR-206"
    """The code of the finding that a reference leads to nothing."""

    def __init__(self, resource: Resource) -> None:
        kind = resource.get("resourceType") if isinstance(resource, dict) else ""
        self.findings: list[Finding] = []
        self.root = Node(resource, kind if isinstance(kind, str) and kind.isalpha() else "Resource")
        self.bundle = self.root if kind == "Bundle" else EMPTY
        self._resource = resource
        self.resources: list[Node] = []
        """Every resource that is there for itself, in order."""
        self._by_address: dict[str, Node] = {}
        self._contained: dict[str, Node] = {}
        self._by_type: dict[str, list[Node]] = {}
        self._reported: set[tuple[str, str]] = set()
        self.done: set[str] = set()
        """The paths of the resources that something was written for."""
        self._read()
        self._places = {each.path: number for number, each in enumerate(self.resources)}

    @property
    def digest(self) -> str:
        """A hash of the whole resource: the same for the same content, 40 hexadecimal digits."""
        return hashlib.sha1(self._content(), usedforsecurity=False).hexdigest()

    def of_type(self, *names: str) -> list[Node]:
        """The resources of these types, in order."""
        if len(names) == 1:
            return self._by_type.get(names[0], [])
        return [each for each in self.resources if each.peek("resourceType") in names]

    def first(self, *names: str) -> Node:
        """The first resource of these types, or an empty node."""
        return next(iter(self.of_type(*names)), EMPTY)

    def place(self, resource: Node) -> int:
        """The number of a resource in the Bundle; one that is contained in another stands last."""
        return self._places.get(resource.path, len(self.resources))

    def resolve(self, reference: Node) -> Node:
        """The resource that a Reference names, an empty node where it is not here (a finding tells)."""
        text = reference.text("reference")
        if not text:
            return EMPTY
        found = self._find(text, reference.path)
        if not found:
            what = "the resource that is referred to is not here; what the reference itself says is used"
            self.tell(self.not_resolved, reference.path, what, "put it into the Bundle", Severity.INFORMATION)
        return found

    def find(self, reference: Node) -> Node:
        """The resource that a Reference names, an empty node where it is not here; nothing is marked or told."""
        text = reference.peek("reference")
        return self._find(text, reference.path) if text else EMPTY

    def by_address(self, address: str) -> Node:
        """The resource that has this address, full or relative, an empty node where none has."""
        return self._find(address, self.root.path) if address else EMPTY

    def refers(self, reference: Node, target: Node) -> bool:
        """Whether a Reference names `target`; nothing is marked as read."""
        text = reference.peek("reference")
        return bool(text and target) and self._find(text, reference.path) is target

    def chain(self, start: Node, name: str) -> list[Node]:
        """`start` and what its reference `name` leads to, step by step; a circle is followed once."""
        found: list[Node] = []
        while start and not any(start is each for each in found) and len(found) < _MOST_STEPS:
            found.append(start)
            start = self.resolve(start.one(name)) if start.has(name) else EMPTY
        return found

    def tell(self, code: str, where: str, what: str, hint: str = "", severity: Severity = Severity.WARNING) -> None:
        """Add a finding, once for each code and place."""
        if (code, where) not in self._reported:
            self._reported.add((code, where))
            self.findings.append(Finding(code, where, what, hint, severity))

    def _content(self) -> bytes:
        try:
            return dumps(self._resource)
        except (TypeError, ValueError):
            return repr(self._resource).encode("utf-8", "replace")

    def _find(self, text: str, path: str) -> Node:
        if text.startswith("#"):
            return self._contained.get(_owner(path) + text, EMPTY)
        found = self._by_address.get(text)
        if found is None and "/" in text:
            parts = text.partition("/_history/")[0].rsplit("/", 2)
            found = self._by_address.get("/".join(parts[-2:]))
        return found or EMPTY

    def _read(self) -> None:
        if not self.bundle:
            if self.root:
                self._take(self.root)
            return
        for entry in self.bundle.all("entry"):
            resource = entry.one("resource")
            if resource:
                self._take(resource)
                address = entry.text("fullUrl")
                if address:
                    self._by_address.setdefault(address, resource)

    def _take(self, resource: Node) -> None:
        kind, id = resource.type, resource.text("id")
        self.resources.append(resource)
        self._by_type.setdefault(kind, []).append(resource)
        if id:
            for address in (f"{kind}/{id}", f"urn:uuid:{id}"):
                self._by_address.setdefault(address, resource)
        for each in resource.all("contained"):
            each.text("resourceType")
            self._contained[f"{resource.path}#{each.text('id')}"] = each


def _owner(path: str) -> str:
    """The path of the resource that an element's path lies in."""
    if path.startswith("Bundle.entry["):
        return ".".join(path.split(".")[:3])
    return path.partition(".")[0]
