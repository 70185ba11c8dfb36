"""One conversion under way: the resources that are read, and what there is to say of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from uuid import UUID, uuid5

from schemas.fhir import Resource
from schemas.finding import Severity
from schemas.tables import CodeMap
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_resources import Resources
from transforms.fhir_to_ccda.options import Options

NO_DOCUMENT = "CCDA-201"
NOT_CARRIED = "CCDA-202"
GAP = "CCDA-203"
NO_CODE = "CCDA-204"
NO_OID = "CCDA-205"
NOT_RESOLVED = "CCDA-206"
LEFT_OUT = "CCDA-207"
CHANGED = "CCDA-208"
NOT_A_TIME = "CCDA-209"
DEFECT = "CCDA-299"

_IDS = UUID("6f2a8f0e-35c4-5d1f-9a64-0b7c1c5f7a11")
"""What the ids below are names in; it never changes, for ids must stay."""


class Run(Resources):
    """The conversion of one resource, which may be a Bundle."""

    not_resolved = NOT_RESOLVED

    def __init__(self, resource: Resource, options: Options, now: datetime) -> None:
        super().__init__(resource)
        self.options = options
        self.now = now
        self.oids: Mapping[str, str] = _oids(options.systems)
        """The site's own object identifiers, by the URI of a system."""
        self.taken: set[str] = set()
        """The IDs of the narrative so far; none may be there twice."""
        self.section = ""
        """The key of the section whose entries are being written."""
        self.left: set[str] = set()
        """The paths of the resources that are left out on purpose."""
        self.depth = 0
        """How many lists the entry that is being written lies within."""
        self._prefixes: dict[str, int] = {}
        self._provenances: dict[str, list[Node]] | None = None
        self.composition: Node = self._composition()
        self.patient: Node = self._patient()

    def uuid(self, *key: str) -> str:
        """A UUID for what `key` names: the same for the same key."""
        return str(uuid5(_IDS, "\x1f".join(key)))

    def own_id(self, resource: Node) -> str:
        """A UUID for a resource that has no identifier: its id where that is one, else one made of type and id.

        A resource without an id gets one that only this content has.
        """
        id = resource.text("id")
        if _is_uuid(id):
            return id.lower()
        if id:
            return self.uuid(resource.peek("resourceType"), id)
        return self.uuid(self.digest, resource.path)

    def leave(self, resource: Node, what: str, hint: str = "") -> None:
        """Leave a resource out on purpose, and say why."""
        self.mark(resource)
        self.left.add(resource.path)
        self.tell(LEFT_OUT, resource.path, what, hint)

    def prefix(self, key: str) -> str:
        """What the IDs of the rows of a section begin with; no two sections have the same."""
        number = self._prefixes[key] = self._prefixes.get(key, 0) + 1
        return f"{key}-" if number == 1 else f"{key}{number}-"

    def gap(self, where: str, what: str) -> None:
        """Say that the document must have what the Bundle does not; a nullFlavor stands for it."""
        said = f"the document must say {what}; a nullFlavor stands for it"
        self.tell(GAP, where, said, "", Severity.INFORMATION)

    def provenances(self, resource: Node) -> list[Node]:
        """The Provenance of the Bundle whose target is this resource."""
        if self._provenances is None:
            self._provenances = {}
            for each in self.of_type("Provenance"):
                for target in each.all("target"):
                    found = self.find(target)
                    if found:
                        self._provenances.setdefault(found.path, []).append(each)
        return self._provenances.get(resource.path, [])

    def mark(self, *resources: Node) -> None:
        """Note that these resources are told of in the document."""
        self.done.update(each.path for each in resources if each)

    def _composition(self) -> Node:
        found = self.first("Composition")
        if found or not self.bundle:
            return found
        return EMPTY

    def _patient(self) -> Node:
        patients = self.of_type("Patient")
        for holder in (self.composition, *self.resources):
            for name in ("subject", "patient"):
                for reference in holder.all(name):
                    for each in patients:
                        if self.refers(reference, each):
                            return each
        return patients[0] if patients else EMPTY


def _is_uuid(text: str) -> bool:
    try:
        return len(text) == 36 and str(UUID(text)) == text.lower()
    except ValueError:
        return False


@lru_cache(maxsize=64)
def _oids(systems: CodeMap | None) -> Mapping[str, str]:
    targets = systems.targets.items() if systems is not None else ()
    return {uri: target.code for (_, _, uri), target in targets}
