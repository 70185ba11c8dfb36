"""Who else has to do with the document: whom it is for, whom to call, the patient's relatives."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import cd_of
from transforms.fhir_to_ccda.datatypes.contacts import addresses_of, name_of, patient_name, telecoms_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of
from transforms.fhir_to_ccda.documents import REFERRAL_NOTE, DocumentType
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.header.patient import is_guardian
from transforms.fhir_to_ccda.parties import organization_of, party_of, party_of_resource
from transforms.fhir_to_ccda.run import Run

RECIPIENT = "http://hl7.org/fhir/us/ccda/StructureDefinition/InformationRecipientExtension"

_EMERGENCY = frozenset(("C", "ECON", "EP"))
_NEXT_OF_KIN = frozenset(("N", "NOK", "ONESELF"))


def recipients(document: DocumentType, run: Run) -> list[Element]:
    """Whom the document is for; a Referral Note names one (CONF 1198-31589)."""
    made = []
    found = [each.one("valueReference") for each in run.composition.extensions(RECIPIENT)]
    if not found and document is REFERRAL_NOTE:
        found = [each for order in run.of_type("ServiceRequest") for each in order.all("performer")][:1]
    for each in found:
        party = party_of(each, run)
        if party is None:
            continue
        role = make("intendedRecipient", *party.ids)
        role.extend(party.addresses)
        role.extend(party.telecoms)
        role.append(make("informationRecipient", *(party.names or [null("name")])))
        if party.organization or party.organization_name:
            role.append(organization_of(party.organization, run, "receivedOrganization", party.organization_name))
        made.append(make("informationRecipient", role))
    if not made and document is REFERRAL_NOTE:
        run.gap("ServiceRequest.performer", "to whom the patient is referred")
        made.append(make("informationRecipient", make("intendedRecipient", make("informationRecipient", null("name")))))
    return made[:1] if document is REFERRAL_NOTE else made


def participants(run: Run) -> list[Element]:
    """The patient's contacts and relatives."""
    made = [_contact(each, run) for each in run.patient.all("contact") if not is_guardian(each)]
    relatives = [each for each in run.of_type("RelatedPerson") if run.refers(each.one("patient"), run.patient)]
    return made + [_relative(each, run) for each in relatives]


def _contact(contact: Node, run: Run) -> Element:
    relationships = contact.all("relationship")
    codes = {each.peek("code") for one in relationships for each in one.all("coding")}
    entity = make("associatedEntity", classCode=_role(codes))
    if relationships:
        entity.append(cd_of(relationships[-1], run))
    entity.extend(addresses_of(contact.all("address"), run))
    entity.extend(telecoms_of(contact.all("telecom"), run))
    name = name_of(contact.one("name"), run) if contact.one("name") else None
    organization = contact.one("organization")
    if name is not None or not organization:
        entity.append(make("associatedPerson", patient_name(name) if name is not None else null("name")))
    if organization:
        found = run.resolve(organization)
        entity.append(organization_of(found, run, "scopingOrganization", organization.text("display")))
    made = make("participant", entity, typeCode="IND")
    low, high = period_of(contact.one("period"), run)
    if low or high:
        made.append(low_high(low, high, "time", "IVL_TS"))
    for each in relationships[:-1]:
        if {one.peek("code") for one in each.all("coding")} <= (_EMERGENCY | _NEXT_OF_KIN):
            each.skip(*each.names())
    return made


def _relative(relative: Node, run: Run) -> Element:
    party = party_of_resource(relative, run)
    codes = {each.peek("code") for one in relative.all("relationship") for each in one.all("coding")}
    entity = make("associatedEntity", *party.ids, classCode=_role(codes))
    entity.extend(party.codes[:1])
    entity.extend(party.addresses)
    entity.extend(party.telecoms)
    entity.append(make("associatedPerson", *(map(patient_name, party.names) if party.names else [null("name")])))
    return make("participant", entity, typeCode="IND")


def _role(codes: set[str]) -> str:
    """The role of a person beside the patient (IND roles): emergency contact, next of kin, caregiver, or relative."""
    if codes & _EMERGENCY:
        return "ECON"
    if codes & _NEXT_OF_KIN:
        return "NOK"
    return "CAREGIVER" if codes & {"CAREGIVER"} else "PRS"
