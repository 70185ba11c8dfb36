"""One conversion under way: the resources that are read, the segments that are written, and what there is to say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from schemas.fhir import Resource, dumps
from schemas.finding import Finding, Severity
from schemas.hl7v2.structure_tables import Node as Structure
from schemas.hl7v2.structure_tables import Tables, nearest_version, tables
from schemas.tables import CodeMap
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.node import EMPTY, Node
from transforms.fhir_to_v2.options import Options

NO_MESSAGE = "FHIR-201"
NOT_CARRIED = "FHIR-202"
NOT_IN_VERSION = "FHIR-203"
NO_V2_CODE = "FHIR-204"
NOT_IN_CHARSET = "FHIR-205"
NOT_RESOLVED = "FHIR-206"
NO_STATUS = "FHIR-207"
NOT_KEPT = "FHIR-208"
NOT_A_TIME = "FHIR-209"
DEFECT = "FHIR-299"

_MOST_STEPS = 16
"""How far a chain of references (Location.partOf) is followed."""


class RefusedError(Exception):
    """No message is made; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Run:
    """The conversion of one resource, which may be a Bundle."""

    def __init__(self, resource: Resource, options: Options, now: datetime) -> None:
        self.options = options
        self.now = now
        self.findings: list[Finding] = []
        self.lines: list[Line] = []
        self.version = nearest_version(options.version) or "2.5.1"
        self.tables: Tables = tables(self.version)
        kind = resource.get("resourceType") if isinstance(resource, dict) else ""
        self.authorities = _authorities(options.systems)
        """The site's own names of assigning authorities, by identifier system."""
        self.root = Node(resource, kind if isinstance(kind, str) and kind.isalpha() else "Resource")
        self.bundle = self.root if kind == "Bundle" else EMPTY
        self._resource = resource
        self.resources: list[Node] = []
        """Every resource that is there for itself, in order."""
        self._by_address: dict[str, Node] = {}
        self._contained: dict[str, Node] = {}
        self._by_type: dict[str, list[Node]] = {}
        self._reported: set[tuple[str, str]] = set()
        self.structure: Structure | None = None
        """The structure of the message, None where the version has none for it."""
        self.order: list[str] = []
        """The names of the segments of the message's structure, in its order."""
        self.done: set[str] = set()
        """The paths of the resources that a segment was written for."""
        self._read()
        self.is_ours = any(
            each.one("activity").one("coding").peek("display").startswith("message - ")
            for each in self.of_type("Provenance")
        )
        """Whether the way forward made this of a message."""
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
            self.tell(NOT_RESOLVED, reference.path, what, "put it into the Bundle", Severity.INFORMATION)
        return found

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

    def line(self, name: str, *sources: Node) -> Line:
        """A new segment behind those that there are, which tells of `sources`."""
        made = Line(name, *sources)
        self.lines.append(made)
        self.done.update(each.path for each in sources if each)
        return made

    def append(self, line: Line) -> Line | None:
        """Put a segment behind those that there are, unless it is empty."""
        if not line.fields:
            return None
        self.lines.append(line)
        self.done.update(each.path for each in line.sources if each)
        return line

    def before(self, *version: int) -> bool:
        """Whether the message's version comes before this one."""
        return tuple(map(int, self.version.split("."))) < version

    def has_component(self, datatype: str, number: int) -> bool:
        """Whether the version's data type has that component."""
        parts = self.tables.components(datatype)
        return len(parts) >= number and not parts[number - 1].withdrawn

    def has_field(self, segment: str, number: int) -> bool:
        """Whether the version's segment has that field."""
        found = (self.tables.fields(segment) or {}).get(number)
        return found is not None and not found.withdrawn

    def tell(self, code: str, where: str, what: str, hint: str = "", severity: Severity = Severity.WARNING) -> None:
        """Add a finding, once for each code and place."""
        if (code, where) not in self._reported:
            self._reported.add((code, where))
            self.findings.append(Finding(code, where, what, hint, severity))

    def refuse(self, code: str, where: str, what: str, hint: str = "") -> RefusedError:
        """The error to raise for a message that must not be made."""
        return RefusedError(Finding(code, where, what, hint))

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


@lru_cache(maxsize=64)
def _authorities(systems: CodeMap | None) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for (_, _, name), target in systems.targets.items() if systems is not None else ():
        found.setdefault(target.code, name)
    return found
