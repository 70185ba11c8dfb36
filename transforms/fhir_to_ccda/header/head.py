"""The header of the document: what it is, whose it is, who wrote it, who keeps it."""

from __future__ import annotations

from copy import deepcopy

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, attributes_of, coded
from transforms.fhir_to_ccda.datatypes.ids import ii_of
from transforms.fhir_to_ccda.datatypes.plain import token
from transforms.fhir_to_ccda.datatypes.times import ts_text
from transforms.fhir_to_ccda.documents import DocumentType, code_of
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import provenance
from transforms.fhir_to_ccda.header.custodian import custodian
from transforms.fhir_to_ccda.header.encounter import component_of, documentation_of
from transforms.fhir_to_ccda.header.participants import helpers, participants, recipients
from transforms.fhir_to_ccda.header.patient import record_target
from transforms.fhir_to_ccda.parties import assigned, author_of, party_of
from transforms.fhir_to_ccda.run import Run

REALM_HEADER = ("2.16.840.1.113883.10.20.22.1.1", "2015-08-01")
_ORDER = "http://hl7.org/fhir/us/ccda/StructureDefinition/OrderExtension"
_CONSENT = "http://hl7.org/fhir/us/ccda/StructureDefinition/AuthorizationExtension"
_VERSION = "2015-08-01"
_CONFIDENTIALITY = "2.16.840.1.113883.5.25"
_RESTRICTIONS = {
    "N": "normal",
    "R": "restricted",
    "V": "very restricted",
    "L": "low",
    "M": "moderate",
    "U": "unrestricted",
}
_RELATIONS = {"replaces": "RPLC", "appends": "APND", "transforms": "XFRM"}


def header(document: DocumentType, run: Run) -> list[Element]:
    """What stands before the body."""
    composition = run.composition
    run.mark(composition)
    made = [make("realmCode", code="US"), make("typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")]
    made += templates(REALM_HEADER, (document.template, _VERSION))
    made += [_id(run), _code(document, run), _title(document, run)]
    time = document_time(run)
    made.append(make("effectiveTime", value=time))
    made.append(_confidentiality(composition))
    made.append(make("languageCode", code=token(composition, "language") or token(run.bundle, "language") or "en-US"))
    made += _version(run)
    made.append(record_target(run.patient, run))
    keeper = custodian(run)
    made += _authors(time, keeper, run)
    made += helpers(run)
    made.append(keeper)
    made += recipients(document, run)
    made += _authenticators(run)
    made += participants(run)
    made += _orders(run)
    made += documentation_of(document, run)
    made += [each for relation in composition.all("relatesTo") if (each := _related(relation, run)) is not None]
    made += _consents(run)
    made += component_of(document, run)
    return made


def document_time(run: Run) -> str:
    """When the document was made, as a TS text: the Composition's date, the Bundle's, else when it was received."""
    for holder, name in ((run.composition, "date"), (run.bundle, "timestamp")):
        text = ts_text(holder, name, run)
        if len(text) >= 8:
            return text
    return f"{run.now:%Y%m%d%H%M%S}{run.now:%z}"


def _id(run: Run) -> Element:
    for holder in (run.bundle, run.composition):
        for identifier in holder.all("identifier"):
            made = ii_of(identifier, run)
            if made is not None:
                return made
    return make("id", root=run.uuid("document", run.digest))


def _code(document: DocumentType, run: Run) -> Element:
    kind = run.composition.one("type")
    code = code_of(document, kind)
    made = coded("code", code, LOINC, document.title)
    for each in kind.all("coding"):
        if each.peek("code") == code:
            each.pass_over(*each.names())
        else:
            made.append(make("translation", **attributes_of(each, run)))
    kind.text("text")
    return made


def _title(document: DocumentType, run: Run) -> Element:
    return make("title", text=run.options.title or run.composition.text("title") or document.title)


def _confidentiality(composition: Node) -> Element:
    code = composition.text("confidentiality")
    if code not in _RESTRICTIONS:
        code = "N"
    return coded("confidentialityCode", code, _CONFIDENTIALITY, _RESTRICTIONS[code])


def _version(run: Run) -> list[Element]:
    """setId and versionNumber, both or neither (CONF 1198-6380, 6387)."""
    number = run.composition.extension(
        "http://hl7.org/fhir/StructureDefinition/composition-clinicaldocument-versionNumber"
    ).text("valueString") or run.composition.extension(
        "http://hl7.org/fhir/us/ccda/StructureDefinition/VersionNumber"
    ).text("valueInteger")
    if not run.composition.has("identifier") or not number.isdigit():
        return []
    made = ii_of(run.composition.one("identifier"), run, "setId")
    return [] if made is None else [made, make("versionNumber", value=number)]


def _authors(time: str, keeper: Element, run: Run) -> list[Element]:
    times = {run.find(who).path: when for who, when, _ in provenance(run.composition, run)}
    references = run.composition.all("author") or run.first("MessageHeader").all("author")
    found = [
        (party, times.get(run.find(each).path) or time)
        for each in references
        if not _is_unknown(each) and (party := party_of(each, run)) is not None
    ]
    if found:
        made = [author_of(party, when, run, in_header=True) for party, when in found]
        for each in made:
            _complete(each, keeper, run)
        return made
    run.gap("Composition.author", "who wrote it")
    one = author_of(None, time, run, in_header=True)
    _complete(one, keeper, run)
    return [one]


def _is_unknown(reference: Node) -> bool:
    """Whether a reference only says that nobody knows who it was."""
    if reference.extension("http://hl7.org/fhir/StructureDefinition/data-absent-reason") and not reference.has(
        "reference"
    ):
        reference.pass_over(*reference.names())
        return True
    return False


def _orders(run: Run) -> list[Element]:
    """The orders that the document fulfils."""
    found = (each.one("valueReference").one("identifier") for each in run.composition.extensions(_ORDER))
    ids = [made for each in found if (made := ii_of(each, run)) is not None]
    return [make("inFulfillmentOf", make("order", each)) for each in ids]


def _consents(run: Run) -> list[Element]:
    """The consents that the document was written under."""
    found = (each.one("valueReference").one("identifier") for each in run.composition.extensions(_CONSENT))
    ids = [made for each in found if (made := ii_of(each, run)) is not None]
    return [make("authorization", make("consent", each, make("statusCode", code="completed"))) for each in ids]


def _complete(author: Element, keeper: Element, run: Run) -> None:
    """Give an author the person, or the device and the organization, that one must have (CONF 1198-16790, 8456)."""
    role = author[-1]
    names = {str(each.tag).rpartition("}")[2] for each in role}
    if "assignedPerson" in names:
        return
    if "assignedAuthoringDevice" not in names:
        software = make("softwareName", text=run.options.software)
        model = make("manufacturerModelName", text=run.options.software)
        role.append(make("assignedAuthoringDevice", model, software))
    if "representedOrganization" not in names:
        organization = make("representedOrganization")
        for each in keeper.iter():
            if str(each.tag).endswith("}representedCustodianOrganization"):
                organization.extend([deepcopy(child) for child in each])
        role.append(organization)


def _authenticators(run: Run) -> list[Element]:
    made = []
    legal = False
    for each in run.composition.all("attester"):
        party = party_of(each.one("party"), run)
        time = ts_text(each, "time", run)
        if party is None:
            continue
        tag = "legalAuthenticator" if each.text("mode") == "legal" and not legal else "authenticator"
        legal = legal or tag == "legalAuthenticator"
        if not party.names:
            party.names = [make("name", text=party.organization.peek("name"))] if party.organization else [null("name")]
        role = assigned(party, run)
        when = make("time", value=time) if time else null("time")
        made.append(make(tag, when, make("signatureCode", code="S"), role))
    return made


def _related(relation: Node, run: Run) -> Element | None:
    kind = _RELATIONS.get(relation.text("code"))
    if kind is None:
        return None
    identifier = relation.one("targetIdentifier") or relation.one("targetReference").one("identifier")
    made = ii_of(identifier, run)
    if made is None:
        target = relation.one("targetReference").text("reference")
        if not target:
            return None
        made = make("id", root=run.uuid(target))
    return make("relatedDocument", make("parentDocument", made), typeCode=kind)
