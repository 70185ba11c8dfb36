"""A bundle under way: the resources made so far, each known by what identifies it, and what there is to say."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from schemas.finding import Finding, Severity
from transforms.elements import is_held
from transforms.identity import resource_id


class Building:
    """The resources that a conversion has made, in order, and its findings.

    `reference` is what a reference puts before an id: `urn:uuid:`, or "" for `Patient/...`.
    """

    def __init__(self, reference: str) -> None:
        self.resources: list[Resource] = []
        self.findings: list[Finding] = []
        self._by_id: dict[str, Resource] = {}
        self._reference = reference
        self._reported: set[tuple[str, str]] = set()
        self._counts: dict[str, int] = {}

    def add(self, resource_type: str, *key: str) -> Resource:
        """The resource of that type which `key` identifies: a new one in the bundle, or the one that is there."""
        return self.add_with_id(resource_type, resource_id(resource_type, *key))

    def add_with_id(self, resource_type: str, id: str) -> Resource:
        """The resource with that id: a new one in the bundle, or the one that is there."""
        found = self._by_id.get(id)
        if found is None:
            found = self._by_id[id] = {"resourceType": resource_type, "id": id}
            self.resources.append(found)
        return found

    def find(self, id: str) -> Resource | None:
        """The resource of the bundle with that id, None where there is none."""
        return self._by_id.get(id)

    def share(self, resource: Resource, *key: str) -> Element:
        """A reference to `resource`, which `key` identifies; put into the bundle once, however often it is met.

        What a second sight of it knows more is added to the first.
        """
        id = resource_id(resource["resourceType"], *key)
        found = self._by_id.get(id)
        if found is None:
            shared = {"resourceType": resource["resourceType"], "id": id, **resource}
            self._by_id[id] = shared
            self.resources.append(shared)
        else:
            _complete(found, resource)
            shared = found
        return self.refer(shared)

    def refer(self, resource: Resource) -> Element:
        """A reference to a resource of the bundle."""
        if self._reference:
            return {"reference": self._reference + resource["id"]}
        return {"reference": f"{resource['resourceType']}/{resource['id']}"}

    def referred(self, reference: Element) -> Resource:
        """The resource of the bundle that `refer` made this reference to."""
        text: str = reference["reference"]
        return self._by_id[text.rpartition("/")[2] if not self._reference else text[len(self._reference) :]]

    def count(self, name: str) -> int:
        """How often this was asked for `name` in this run, from 1: what tells equal things of one message apart."""
        number = self._counts[name] = self._counts.get(name, 0) + 1
        return number

    def tell(self, code: str, where: str, what: str, hint: str = "", severity: Severity = Severity.WARNING) -> None:
        """Add a finding, once for each code and place."""
        if (code, where) not in self._reported:
            self._reported.add((code, where))
            self.findings.append(Finding(code, where, what, hint, severity))


def _complete(known: Resource, more: Resource) -> None:
    for name, value in more.items():
        held = known.get(name)
        if held is None:
            known[name] = value
        elif isinstance(held, list):
            held.extend(each for each in value if not is_held(each, held))
