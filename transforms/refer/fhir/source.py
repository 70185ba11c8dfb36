"""What a referral is read from in FHIR: the resources of a Bundle or one Task, each by its address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from schemas.fhir import Element, Resource
from transforms.fhir_node import Node
from transforms.identity import resource_id

_CLINICAL = (
    *("Condition", "AllergyIntolerance", "Observation", "Procedure", "MedicationRequest", "MedicationStatement"),
    *("Medication", "Immunization", "FamilyMemberHistory", "DiagnosticReport", "CarePlan", "Goal", "Device"),
)
"""What is said of a patient's health, and what it is said by means of."""
_AROUND = (
    *(
        "Patient",
        "ServiceRequest",
        "Task",
        "Appointment",
        "MessageHeader",
        "Bundle",
        "Composition",
        "DocumentReference",
    ),
    *("Consent", "Coverage", "Binary"),
)
"""What the referral itself is made of, or stands beside it."""


class Entry:
    """A resource of the Bundle: as it is read, as it came, and where it stands."""

    __slots__ = ("address", "node", "resource")

    def __init__(self, resource: Resource, path: str, address: str) -> None:
        self.resource = resource
        self.node = Node(resource, path)
        self.address = address

    @property
    def type(self) -> str:
        """Its type."""
        return self.node.peek("resourceType")


NO_ENTRY = Entry({}, "", "")


class Entries:
    """The resources that a body holds for themselves, in order; `bundle` is what holds them, if anything does."""

    def __init__(self, body: Resource) -> None:
        self.bundle = Node(body if body.get("resourceType") == "Bundle" else None, "Bundle")
        self._all: list[Entry] = []
        self._by_address: dict[str, Entry] = {}
        if self.bundle:
            self._take_bundle(body)
        else:
            self._take(body, str(body.get("resourceType")), "")

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all)

    def first(self, *types: str) -> Entry:
        """The first resource of these types."""
        return next((each for each in self._all if each.type in types), NO_ENTRY)

    def of_type(self, *types: str) -> list[Entry]:
        """The resources of these types."""
        return [each for each in self._all if each.type in types]

    def resolve(self, reference: Node) -> Entry:
        """The resource that a Reference names; none where it is not here."""
        return self._by_address.get(_tail(reference.peek("reference")), NO_ENTRY)

    def named(self, references: Iterable[Node], kind: str) -> list[Entry]:
        """The resources of a type that these references name, each once."""
        found = {id(each): each for each in map(self.resolve, references) if each.type == kind}
        return list(found.values())

    def patient_of(self, *subjects: Node) -> Entry:
        """The patient whom the first of these references names that names one, else the only one there is."""
        found = next((each for each in map(self.resolve, subjects) if each.type == "Patient"), NO_ENTRY)
        patients = self.of_type("Patient")
        return found if found.resource or len(patients) != 1 else patients[0]

    def by_url(self, url: str) -> Entry:
        """The resource at that address; none where it is not here."""
        return self._by_address.get(_tail(url), NO_ENTRY) if url else NO_ENTRY

    def about(self, patient: Entry, *types: str) -> list[Entry]:
        """The resources of these types about `patient`, or about nobody who is named."""
        return [each for each in self.of_type(*types) if self._is_of(each, patient)]

    def plain(self, entry: Entry, patient: Entry, patient_id: str) -> Resource:
        """The resource with an id of its own; its references lead to the patient or keep what they show."""
        return self._plain(entry, patient, patient_id, self._targets(patient, patient_id, ()))

    def clinical(self, patient: Entry, patient_id: str) -> list[Element]:
        """Entries of a Bundle with what the body says of the patient's health, and what that refers to."""
        found = [each for each in self._all if each.type in _CLINICAL and self._is_of(each, patient)]
        seen = set(map(id, found))
        for each in found:
            for reference in each.node.references():
                named = self.resolve(reference)
                if named.resource and named.type not in _AROUND and id(named) not in seen:
                    seen.add(id(named))
                    found.append(named)
        targets = self._targets(patient, patient_id, found)
        return [
            {"fullUrl": f"urn:uuid:{uuid_of(each)}", "resource": self._plain(each, patient, patient_id, targets)}
            for each in found
        ]

    def _plain(self, entry: Entry, patient: Entry, patient_id: str, targets: Mapping[str, str]) -> Resource:
        plain = _detached(entry.resource, targets, f"urn:uuid:{patient_id}")
        own = patient_id if entry is patient else uuid_of(entry)
        return {"resourceType": entry.type, "id": own, **_without_place(plain)}

    def _targets(self, patient: Entry, patient_id: str, beside: Iterable[Entry]) -> Mapping[str, str]:
        """Where a reference by each address leads then, "" to nothing: to what is kept, and to the patient."""
        ids = {id(each): uuid_of(each) for each in beside} | {id(patient): patient_id}
        kept = {address: ids.get(id(each)) for address, each in self._by_address.items()}
        return {address: f"urn:uuid:{own}" if own is not None else "" for address, own in kept.items()}

    def _is_of(self, entry: Entry, patient: Entry) -> bool:
        subject = entry.node.one("subject") or entry.node.one("patient")
        named = self.resolve(subject)
        return not named.resource or named is patient or named.resource == patient.resource

    def _take_bundle(self, body: Resource) -> None:
        entries = body.get("entry")
        for number, each in enumerate(entries if isinstance(entries, list) else ()):
            resource = each.get("resource") if isinstance(each, dict) else None
            if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
                url = each.get("fullUrl")
                self._take(resource, f"Bundle.entry[{number}].resource", url if isinstance(url, str) else "")

    def _take(self, resource: Resource, path: str, address: str) -> None:
        entry = Entry(resource, path, address)
        self._all.append(entry)
        kind, id = entry.type, entry.node.peek("id")
        for each in (_tail(address), f"{kind}/{id}" if id else ""):
            if each:
                self._by_address.setdefault(each, entry)
        for contained in entry.node.all("contained"):
            inner = resource["contained"]
            for each in inner if isinstance(inner, list) else [inner]:
                if isinstance(each, dict) and each.get("id") and str(each["id"]) == contained.peek("id"):
                    held = Entry(each, contained.path, f"#{each['id']}")
                    self._all.append(held)
                    self._by_address.setdefault(held.address, held)


def _tail(address: str) -> str:
    """What two addresses of one resource share: the URN, or the type and id at the end of a URL."""
    if address.startswith(("urn:", "#")) or "/" not in address:
        return address
    return "/".join(address.partition("/_history/")[0].rsplit("/", 2)[-2:])


def uuid_of(entry: Entry) -> str:
    """The resource's id where it is a UUID, else one made of it."""
    address = entry.address.removeprefix("urn:uuid:")
    for each in (entry.node.peek("id"), address):
        try:
            if len(each) == 36 and str(UUID(each)) == each:
                return each
        except ValueError:
            continue
    return resource_id(entry.type, entry.node.peek("id") or entry.address)


def address_of(resource: Resource) -> str:
    """The URN that a resource has as its fullUrl in a Bundle of ours."""
    return f"urn:uuid:{uuid_of(Entry(resource, resource['resourceType'], ''))}"


def _without_place(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name not in ("resourceType", "id", "link")}


def _detached(element: Element, targets: Mapping[str, str], patient: str) -> Element:
    """A copy whose references lead to `targets`; one to a patient who is not here is one to `patient`."""
    found: Element = {}
    for name, inner in element.items():
        if name == "reference" and isinstance(inner, str) and not inner.startswith("#"):
            tail = _tail(inner)
            copied: object = targets.get(tail, patient if tail.startswith("Patient/") else "")
        elif isinstance(inner, dict):
            copied = _detached(inner, targets, patient)
        elif isinstance(inner, list):
            items = [_detached(one, targets, patient) if isinstance(one, dict) else one for one in inner]
            copied = [one for one in items if one != {}]
        else:
            copied = inner
        if copied not in ({}, [], None, ""):
            found[name] = copied
    return found
