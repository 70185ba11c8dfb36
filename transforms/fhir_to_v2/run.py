"""One conversion under way: the resources that are read, the segments that are written, and what there is to say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from schemas.fhir import Resource
from schemas.finding import Finding
from schemas.hl7v2.structure_tables import Node as Structure
from schemas.hl7v2.structure_tables import Tables, nearest_version, tables
from schemas.tables import CodeMap
from transforms.fhir_node import Node
from transforms.fhir_resources import Resources
from transforms.fhir_to_v2.line import Line
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


class RefusedError(Exception):
    """No message is made; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Run(Resources):
    """The conversion of one resource, which may be a Bundle."""

    not_resolved = NOT_RESOLVED

    def __init__(self, resource: Resource, options: Options, now: datetime) -> None:
        super().__init__(resource)
        self.options = options
        self.now = now
        self.lines: list[Line] = []
        self.version = nearest_version(options.version) or "2.5.1"
        self.tables: Tables = tables(self.version)
        self.authorities = _authorities(options.systems)
        """The site's own names of assigning authorities, by identifier system."""
        self.structure: Structure | None = None
        """The structure of the message, None where the version has none for it."""
        self.order: list[str] = []
        """The names of the segments of the message's structure, in its order."""
        self.is_ours = any(
            each.one("activity").one("coding").peek("display").startswith("message - ")
            for each in self.of_type("Provenance")
        )
        """Whether the way forward made this of a message."""

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

    def refuse(self, code: str, where: str, what: str, hint: str = "") -> RefusedError:
        """The error to raise for a message that must not be made."""
        return RefusedError(Finding(code, where, what, hint))


@lru_cache(maxsize=64)
def _authorities(systems: CodeMap | None) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for (_, _, name), target in systems.targets.items() if systems is not None else ():
        found.setdefault(target.code, name)
    return found
