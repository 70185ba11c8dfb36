"""Who took part: persons, organizations and devices of FHIR in the roles of a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.ccda.namespaces import SDTC
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.codes import cd_of
from transforms.fhir_to_ccda.datatypes.contacts import (
    addresses_of,
    names_of,
    no_address,
    shown_name,
    telecoms_of,
)
from transforms.fhir_to_ccda.datatypes.ids import ids_of, ii_of
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.run import Run

AUTHOR = ("2.16.840.1.113883.10.20.22.4.119", "")


@dataclass(slots=True)
class Party:
    """Who a reference leads to, as far as the Bundle knows: elements ready for any role."""

    kind: str = ""
    ids: list[Element] = field(default_factory=list)
    codes: list[Element] = field(default_factory=list)
    addresses: list[Element] = field(default_factory=list)
    telecoms: list[Element] = field(default_factory=list)
    names: list[Element] = field(default_factory=list)
    device: Node = EMPTY
    organization: Node = EMPTY
    organization_name: str = ""
    where: str = ""


def party_of(reference: Node, run: Run) -> Party | None:
    """Who a Reference leads to; None where there is no reference."""
    if not reference:
        return None
    found = run.resolve(reference)
    if found:
        reference.pass_over("display", "type")
        return _of(found, run)
    party = Party(reference.peek("type"), where=reference.path)
    if reference.one("identifier"):
        identified = ii_of(reference.one("identifier"), run)
        party.ids = [identified] if identified is not None else []
    display = reference.text("display")
    target = reference.text("reference")
    if "Organization" in (party.kind, target.split("/")[0]):
        party.organization_name = display
    elif display:
        party.names = [make("name", text=display)]
    if not party.ids and target:
        party.ids = [make("id", root=run.uuid(target))]
    return party


def party_of_resource(resource: Node, run: Run) -> Party:
    """The party that a resource is."""
    return _of(resource, run)


def _of(resource: Node, run: Run) -> Party:
    run.mark(resource)
    kind = resource.peek("resourceType")
    if kind == "PractitionerRole":
        return _of_role(resource, run)
    party = Party(kind, where=resource.path)
    if kind == "Organization":
        party.organization = resource
        return party
    party.ids = ids_of(resource, run)
    if kind == "Device":
        party.device = resource
        party.telecoms = telecoms_of(resource.all("contact"), run)
        party.organization = run.resolve(resource.one("owner"))
        return party
    party.names = names_of(resource.all("name"), run)
    party.addresses = addresses_of(resource.all("address"), run)
    party.telecoms = telecoms_of(resource.all("telecom"), run)
    if kind == "Practitioner":
        party.codes = [cd_of(each.one("code"), run) for each in resource.all("qualification") if each.one("code")]
    if kind == "RelatedPerson":
        party.codes = [cd_of(each, run) for each in resource.all("relationship")]
    return party


def _of_role(role: Node, run: Run) -> Party:
    person = run.resolve(role.one("practitioner"))
    party = _of(person, run) if person and person.peek("resourceType") == "Practitioner" else Party(where=role.path)
    party.kind = "Practitioner"
    party.codes = [cd_of(each, run) for name in ("code", "specialty") for each in role.all(name)] + party.codes
    party.addresses = party.addresses or [
        made for each in role.all("location") for made in _location_address(run.resolve(each), run)
    ]
    party.telecoms += telecoms_of(role.all("telecom"), run)
    party.organization = run.resolve(role.one("organization"))
    party.organization_name = role.one("organization").text("display")
    if not person:
        display = role.one("practitioner").text("display")
        party.names = [make("name", text=display)] if display else []
        party.ids = ids_of(role, run)
    elif role.has("identifier"):
        party.ids += ids_of(role, run)
    return party


def _location_address(location: Node, run: Run) -> list[Element]:
    return addresses_of(location.all("address"), run)


def shown(reference: Node, run: Run) -> str:
    """Who a Reference leads to, for a reader."""
    if reference.peek("display"):
        return reference.peek("display")
    found = run.find(reference)
    if found.peek("resourceType") == "PractitionerRole":
        return shown(found.one("practitioner"), run)
    if found.peek("resourceType") in ("Organization", "Location", "HealthcareService"):
        return found.peek("name")
    if found.peek("resourceType") == "Device":
        return found.one("deviceName").peek("name")
    return shown_name(found.one("name"))


def assigned(
    party: Party | None, run: Run, tag: str = "assignedEntity", *, person: str = "assignedPerson", full: bool = True
) -> Element:
    """The role `tag` of a party, with what the US Realm asks of one where `full`: ids, address, telecom."""
    party = party or Party()
    made = make(tag, *(party.ids or [null("id")]))
    # The code of an author has one (CONF 1198-16788); what is only a text stands behind it as a specialty.
    codes = sorted(party.codes, key=lambda each: not each.get("code"))
    leading = codes[:1] if codes and (codes[0].get("code") or tag != "assignedAuthor") else []
    made.extend(leading)
    for each in codes[len(leading) :]:
        each.tag = f"{{{SDTC}}}specialty"
        made.append(each)
    made.extend(party.addresses or ([no_address()] if full else []))
    made.extend(party.telecoms or ([null("telecom")] if full else []))
    if full and not party.addresses and party.where:
        run.gap(f"{party.where}.address", "where this person or organization is")
    if full and not party.telecoms and party.where:
        run.gap(f"{party.where}.telecom", "how to reach this person or organization")
    if party.device and tag == "assignedAuthor":
        made.append(authoring_device(party.device, run))
    elif party.names:
        made.append(make(person, *party.names))
    if party.organization or party.organization_name:
        made.append(organization_of(party.organization, run, name=party.organization_name))
    return made


def authoring_device(device: Node, run: Run) -> Element:
    """The assignedAuthoringDevice of a Device."""
    names = {each.text("type"): each.text("name") for each in device.all("deviceName")}
    model = names.pop("model-name", "") or device.text("modelNumber") or device.text("manufacturer")
    name = next(iter(names.values()), "")
    model = model or name or device.one("type").text("text")
    made = make("assignedAuthoringDevice")
    if device.one("type"):
        made.append(cd_of(device.one("type"), run))
    made.append(make("manufacturerModelName", text=model) if model else null("manufacturerModelName"))
    made.append(make("softwareName", text=name) if name else null("softwareName"))
    return made


def organization_of(organization: Node, run: Run, tag: str = "representedOrganization", name: str = "") -> Element:
    """The organization `tag`, of an Organization or of its name alone."""
    run.mark(organization)
    named = organization.text("name") or name
    made = make(tag)
    made.extend(ids_of(organization, run) if organization else [null("id")])
    made.append(make("name", text=named) if named else null("name"))
    made.extend(telecoms_of(organization.all("telecom"), run) or [null("telecom")])
    made.extend(addresses_of(organization.all("address"), run) or [no_address()])
    return made


def author_of(party: Party | None, time: str, run: Run, *, in_header: bool = False) -> Element:
    """The author of an entry or section (template 119), or of the document."""
    made = make("author", *([] if in_header else templates(AUTHOR)))
    made.append(make("time", value=time) if time else null("time"))
    role = assigned(party, run, "assignedAuthor")
    if party is not None and party.organization and not party.names and not party.device and in_header:
        role.append(
            make(
                "assignedAuthoringDevice",
                make("manufacturerModelName", text=run.options.software),
                make("softwareName", text=run.options.software),
            )
        )
    made.append(role)
    return made


def performer_of(party: Party | None, run: Run, time: str = "", function: Element | None = None) -> Element:
    """The performer of an entry."""
    made = make("performer", typeCode="PRF")
    if function is not None:
        made.append(function)
    if time:
        made.append(make("time", make("low", value=time)))
    made.append(assigned(party, run))
    return made


def participant_of(
    party: Party | None, run: Run, type: str, role: str = "", *, codes: Sequence[Element] = ()
) -> Element:
    """A participant of an entry in any other part than author or performer."""
    party = party or Party()
    made = make("participantRole", *(party.ids or [null("id")]), classCode=role or "ROL")
    made.extend(list(codes) or party.codes[:1])
    made.extend(party.addresses)
    made.extend(party.telecoms)
    if party.names:
        made.append(make("playingEntity", *party.names, classCode="PSN", determinerCode="INSTANCE"))
    organization = party.organization
    name = organization.text("name") or party.organization_name
    if organization:
        made[0:0] = ids_of(organization, run)
        run.mark(organization)
    if name:
        made.append(make("scopingEntity", make("desc", text=name), classCode="ORG", determinerCode="INSTANCE"))
    return make("participant", made, typeCode=type)
