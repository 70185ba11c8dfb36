"""Those who take part: persons, organizations and devices, each in the bundle once."""

from __future__ import annotations

from typing import NamedTuple

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.contacts import addresses, contact_points
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers, key_of
from transforms.ccda_to_fhir.datatypes.names import human_names, organization_name
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import NPI, US_CORE, absent, append, put
from transforms.identity import resource_id

_PERSONS = (
    "assignedPerson",
    "associatedPerson",
    "relatedPerson",
    "informationRecipient",
    "guardianPerson",
    "playingEntity",
)
_ORGANIZATIONS = (
    "representedOrganization",
    "scopingOrganization",
    "receivedOrganization",
    "guardianOrganization",
    "scopingEntity",
)
_DEVICES = ("assignedAuthoringDevice", "playingDevice")


class Actor(NamedTuple):
    """Who takes part, as references: a person or a device, in a role, for an organization."""

    person: Element | None = None
    role: Element | None = None
    organization: Element | None = None
    device: Element | None = None

    @property
    def reference(self) -> Element | None:
        """The fullest of the references: the role, else the person, the device or the organization."""
        return self.role or self.person or self.device or self.organization

    @property
    def individual(self) -> Element | None:
        """The reference to the role or person, None where there is neither."""
        return self.role or self.person


def actor(entity: Node | None, run: Run, function: Node | None = None) -> Actor:
    """Who the assignedAuthor, assignedEntity or their kin is: Practitioner, PractitionerRole, Organization, Device.

    One who is named by identifier alone is who has that identifier elsewhere. `function` is a code of what they do
    besides the entity's own.
    """
    if entity is None:
        return Actor()
    company = organization(_first(entity, _ORGANIZATIONS), run)
    device = _device(entity, run, company)
    if device is not None:
        return Actor(organization=company, device=device)
    person = _practitioner(entity, run)
    if person is None:
        return Actor(organization=company)
    if "reference" in person and run.referred(person)["resourceType"] == "Device":
        return Actor(organization=company, device=person)
    codes = [found for each in (entity.get("code"), function) if (found := codeable_concept(each, run)) is not None]
    if not codes and company is None:
        return Actor(person)
    return Actor(person, _role(person, company, codes, entity, run), company)


def related_person(entity: Node, run: Run, *relations: Element) -> Element | None:
    """A reference to the RelatedPerson that the relatedEntity, associatedEntity or participantRole is.

    Beside its own code and that of the person, `relations` say what they are to the patient. None without a name or an
    identifier.
    """
    person = _first(entity, _PERSONS)
    resource: Resource = {"resourceType": "RelatedPerson"}
    numbers = identifiers(entity, run)
    names = human_names(person, run) if person is not None else []
    if not numbers and not names:
        return None
    put(resource, "identifier", numbers)
    resource["active"] = True
    resource["patient"] = run.refer(run.patient)
    own = codeable_concept(entity.get("code"), run)
    more = codeable_concept(person.get("sdtc:asPatientRelationship/code"), run) if person is not None else None
    append(resource, "relationship", *relations, own, more)
    put(resource, "name", names)
    put(resource, "telecom", contact_points(entity, run))
    put(resource, "address", addresses(entity, run))
    if run.options.profile == "us-core":
        resource["meta"] = {"profile": [f"{US_CORE}us-core-relatedperson"]}
        if "relationship" not in resource and not names:
            resource["name"] = [absent("unknown")]
    key = key_of(numbers[0]) if numbers else _name_key(names[0])
    return run.share(resource, run.patient["id"], *key)


def organization(node: Node | None, run: Run) -> Element | None:
    """A reference to the Organization at `node`, None where it says nothing."""
    if node is None:
        return None
    resource: Resource = {"resourceType": "Organization"}
    numbers = identifiers(node, run)
    name, others = organization_name(node)
    if not name:
        name = node.string("desc")
    telecom, address = contact_points(node, run), addresses(node, run)
    if not numbers and not name:
        return None
    put(resource, "identifier", numbers)
    resource["active"] = True
    append(resource, "type", codeable_concept(node.get("standardIndustryClassCode") or node.get("code"), run))
    if name:
        resource["name"] = name
        put(resource, "alias", others)
    put(resource, "telecom", [_at_work(each) for each in telecom])
    put(resource, "address", [_at_work(each) for each in address])
    whole = node.get("asOrganizationPartOf/wholeOrganization")
    put(resource, "partOf", organization(whole, run))
    if run.options.profile == "us-core":
        if name:
            resource["meta"] = {"profile": [f"{US_CORE}us-core-organization"]}
        else:
            resource["_name"] = absent("unknown")
    key = key_of(_best(numbers)) if numbers else (run.document_key, "name", name.casefold())
    reference = run.share(resource, *key)
    found = run.referred(reference)
    if "name" in found:
        found.pop("_name", None)
    node.target = found
    return reference


def _practitioner(entity: Node, run: Run) -> Element | None:
    person = _first(entity, _PERSONS)
    numbers = identifiers(entity, run)
    names = human_names(person, run) if person is not None else []
    if not numbers and not names:
        return None
    if not names:
        for number in numbers:
            for kind in ("Practitioner", "Device"):
                known = run.find(resource_id(kind, *key_of(number)))
                if known is not None:
                    entity.target = known
                    if kind == "Practitioner":
                        append(known, "telecom", *contact_points(entity, run))
                        append(known, "address", *addresses(entity, run))
                    return run.refer(known)
        if person is None and _first(entity, _ORGANIZATIONS) is not None:
            return None
    resource: Resource = {"resourceType": "Practitioner"}
    put(resource, "identifier", numbers)
    put(resource, "name", names)
    put(resource, "telecom", contact_points(entity, run))
    put(resource, "address", addresses(entity, run))
    if run.options.profile == "us-core":
        if any("system" in each for each in numbers) and any("family" in each for each in names):
            resource["meta"] = {"profile": [f"{US_CORE}us-core-practitioner"]}
        if not numbers:
            resource["identifier"] = [absent("unknown")]
        resource["name"] = [each if "family" in each else {**each, "_family": absent("unknown")} for each in names]
        if not names:
            resource["name"] = [absent("unknown")]
    key = key_of(_best(numbers)) if numbers else (run.document_key, *_name_key(names[0]))
    reference = run.share(resource, *key)
    entity.target = run.referred(reference)
    if names:
        _forget_absent(entity.target, "name")
    return reference


def _role(person: Element, company: Element | None, codes: list[Element], entity: Node, run: Run) -> Element:
    resource: Resource = {"resourceType": "PractitionerRole", "practitioner": person}
    put(resource, "organization", company)
    put(resource, "code", codes)
    put(resource, "telecom", contact_points(entity, run))
    if "telecom" not in resource and run.options.profile == "us-core":
        resource["telecom"] = [absent("unknown")]
    parts = [run.referred(person)["id"], run.referred(company)["id"] if company is not None else ""]
    for code in codes:
        parts += [f"{each.get('system', '')}|{each.get('code', '')}" for each in code.get("coding", [])]
        parts.append(code.get("text", ""))
    return run.share(resource, *parts)


def _device(entity: Node, run: Run, company: Element | None) -> Element | None:
    node = _first(entity, _DEVICES)
    if node is None:
        return None
    resource: Resource = {"resourceType": "Device"}
    numbers = identifiers(entity, run)
    model, software = node.string("manufacturerModelName"), node.string("softwareName")
    put(resource, "identifier", numbers)
    for name, kind in ((software, "user-friendly-name"), (model, "model-name")):
        if name:
            append(resource, "deviceName", {"name": name, "type": kind})
    put(resource, "type", codeable_concept(node.get("code") or entity.get("code"), run))
    put(resource, "owner", company)
    put(resource, "contact", contact_points(entity, run))
    if resource.keys() <= {"resourceType"}:
        return None
    key = key_of(numbers[0]) if numbers else (run.document_key, model, software)
    reference = run.share(resource, *key)
    entity.target = run.referred(reference)
    return reference


def _first(entity: Node, names: tuple[str, ...]) -> Node | None:
    return next((found for name in names if (found := entity.get(name)) is not None), None)


def _best(numbers: list[Element]) -> Element:
    return next((each for each in numbers if each.get("system") == NPI), numbers[0])


def _name_key(name: Element) -> tuple[str, str]:
    return ("name", f"{name.get('family', '')} {' '.join(name.get('given', []))} {name.get('text', '')}".casefold())


def _at_work(element: Element) -> Element:
    """An address or a number of an organization, which is no home in R4 (org-2, org-3)."""
    return {**element, "use": "work"} if element.get("use") == "home" else element


def _forget_absent(resource: Element, name: str) -> None:
    """Take what stood for a missing element away, now that it is there."""
    resource[name] = [each for each in resource[name] if each != absent("unknown")]
