"""Who else has to do with the document: readers, informants, who entered it, the patient's contacts and relatives."""

from __future__ import annotations

from transforms.ccda_to_fhir.extensions import PARTICIPANT
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import attributes_of, cd_of
from transforms.fhir_to_ccda.datatypes.contacts import addresses_of, name_of, patient_name, telecoms_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of
from transforms.fhir_to_ccda.documents import REFERRAL_NOTE, DocumentType
from transforms.fhir_to_ccda.element import Element, local, make, null
from transforms.fhir_to_ccda.header.patient import is_guardian
from transforms.fhir_to_ccda.parties import Party, assigned, organization_of, party_of, party_of_resource
from transforms.fhir_to_ccda.run import Run

_CCDA = "http://hl7.org/fhir/us/ccda/StructureDefinition/"
RECIPIENT = f"{_CCDA}InformationRecipientExtension"
DATA_ENTERER = f"{_CCDA}DataEntererExtension"
INFORMANT = f"{_CCDA}InformantExtension"

_EMERGENCY = frozenset(("C", "ECON", "EP"))
_NEXT_OF_KIN = frozenset(("N", "NOK", "ONESELF"))
_RELATIVES = frozenset(("PRS", "NOK", "CAREGIVER", "AGNT", "GRD", "ECON", "QUAL"))
"""Roles of a person beside the patient (INDRoleclassCodes)."""
_ROLES = frozenset(
    [
        "PAYOR",
        "POLHOLD",
        "ASSIGNED",
        "PROV",
        "CON",
        "COVPTY",
        "GUAR",
        "SPNSR",
        "CIT",
        "EMP",
        "PAT",
        "GUARD",
        "ROL",
        "MANU",
        "LIC",
        "NOT",
        "SGNOFF",
    ]
)
_PARTS = frozenset(
    [
        "IND",
        "CALLBCK",
        "HLD",
        "COV",
        "ENT",
        "AUT",
        "CON",
        "CST",
        "DIR",
        "DIST",
        "DEV",
        "DST",
        "ESC",
        "INF",
        "IRCP",
        "LA",
        "LOC",
        "NOT",
        "PRF",
        "PPRF",
        "RCT",
        "REF",
        "REFB",
        "REFT",
        "RESP",
        "VRF",
        "WIT",
    ]
)
"""How one may take part in a document (ParticipationType), as far as documents name it in their header."""


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
        if party.names or document is REFERRAL_NOTE:
            role.append(
                make("informationRecipient", *(map(patient_name, party.names) if party.names else [null("name")]))
            )
        if party.organization or party.organization_name:
            role.append(organization_of(party.organization, run, "receivedOrganization", party.organization_name))
        made.append(make("informationRecipient", role))
    if not made and document is REFERRAL_NOTE:
        run.gap("ServiceRequest.performer", "to whom the patient is referred")
        made.append(make("informationRecipient", make("intendedRecipient", make("informationRecipient", null("name")))))
    return made[:1] if document is REFERRAL_NOTE else made


def helpers(run: Run) -> list[Element]:
    """Who entered the document, and who told what is in it."""
    made = []
    for each in run.composition.extensions(DATA_ENTERER)[:1]:
        party = party_of(each.one("valueReference"), run)
        if party is not None:
            party.names = party.names or [null("name")]
            made.append(make("dataEnterer", assigned(party, run)))
    for each in run.composition.extensions(INFORMANT):
        reference = each.one("valueReference")
        party = party_of(reference, run)
        if party is None:
            continue
        if party.kind in ("RelatedPerson", "Patient"):
            entity = make("relatedEntity", classCode="PRS")
            entity.extend(party.codes[:1])
            entity.extend(party.addresses)
            entity.extend(party.telecoms)
            entity.append(make("relatedPerson", *(party.names or [null("name")])))
        else:
            party.names = party.names or [null("name")]
            entity = assigned(party, run)
        made.append(make("informant", entity))
    return made


def participants(run: Run) -> list[Element]:
    """The patient's contacts and relatives, and who is named as taking part."""
    made = [_contact(each, run) for each in run.patient.all("contact") if not is_guardian(each)]
    named: set[str] = set()
    for each in run.composition.extensions(PARTICIPANT):
        made.extend(_named(each, run, named))
    relatives = [each for each in run.of_type("RelatedPerson") if run.refers(each.one("patient"), run.patient)]
    return made + [
        _relative(each, run) for each in relatives if each.path not in named and not _plays_elsewhere(each, run)
    ]


def _plays_elsewhere(relative: Node, run: Run) -> bool:
    """Whether a relative is in the document in another part already."""
    return relative.path in run.done


def _named(extension: Node, run: Run, named: set[str]) -> list[Element]:
    reference = extension.extension("actor").one("valueReference")
    named.add(run.find(reference).path)
    party = party_of(reference, run)
    if party is None:
        return []
    kind = extension.extension("type").text("valueCode")
    kind = kind if kind in _PARTS else "IND"
    role = extension.extension("role").text("valueCode")
    if role not in _RELATIVES and role not in _ROLES:
        role = "PRS"
    if kind == "CALLBCK":
        role = "ASSIGNED"
    made = make("participant", _entity(party, role or "PRS", run), typeCode=kind)
    function = extension.extension("function").one("valueCodeableConcept")
    if function:
        made.append(cd_of(function, run, "functionCode"))
    low, high = period_of(extension.extension("period").one("valuePeriod"), run)
    if low or high:
        made.append(low_high(low, high, "time", "IVL_TS"))
    if kind in ("IND", "CALLBCK"):
        _with_person(made[0])
    return [made]


def _entity(party: Party, role: str, run: Run) -> Element:
    entity = make("associatedEntity", *(party.ids or [null("id")]), classCode=role)
    entity.extend(party.codes[:1])
    entity.extend(party.addresses)
    entity.extend(party.telecoms or [null("telecom")])
    if party.names:
        entity.append(make("associatedPerson", *map(patient_name, party.names)))
    if party.organization or party.organization_name:
        entity.append(organization_of(party.organization, run, "scopingOrganization", party.organization_name))
    elif not party.names:
        entity.append(make("associatedPerson", null("name")))
    return entity


def _with_person(entity: Element) -> Element:
    """Give an entity the person that one who is called back, or stands by the patient, must have."""
    if not any(local(each) == "associatedPerson" for each in entity):
        entity.append(make("associatedPerson", null("name")))
    return entity


def _contact(contact: Node, run: Run) -> Element:
    relationships = contact.all("relationship")
    codes = {each.peek("code") for one in relationships for each in one.all("coding")}
    entity = make("associatedEntity", classCode=_role(codes))
    if relationships:
        code = cd_of(relationships[0], run)
        for each in relationships[1:]:
            code.extend([make("translation", **attributes_of(one, run)) for one in each.all("coding")])
        entity.append(code)
    entity.extend(addresses_of(contact.all("address"), run))
    entity.extend(telecoms_of(contact.all("telecom"), run))
    name = name_of(contact.one("name"), run) if contact.one("name") else None
    organization = contact.one("organization")
    entity.append(make("associatedPerson", patient_name(name) if name is not None else null("name")))
    if organization:
        found = run.resolve(organization)
        entity.append(organization_of(found, run, "scopingOrganization", organization.text("display")))
    made = make("participant", entity, typeCode="IND")
    low, high = period_of(contact.one("period"), run)
    if low or high:
        made.append(low_high(low, high, "time", "IVL_TS"))
    return made


def _relative(relative: Node, run: Run) -> Element:
    party = party_of_resource(relative, run)
    codes = {each.peek("code") for one in relative.all("relationship") for each in one.all("coding")}
    return make("participant", _with_person(_entity(party, _role(codes), run)), typeCode="IND")


def _role(codes: set[str]) -> str:
    """The role of a person beside the patient: emergency contact, next of kin, caregiver, or relative."""
    if codes & _EMERGENCY:
        return "ECON"
    if codes & _NEXT_OF_KIN:
        return "NOK"
    return "CAREGIVER" if codes & {"CAREGIVER"} else "PRS"
