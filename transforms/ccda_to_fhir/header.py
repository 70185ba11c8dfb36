"""The header of a document: its Composition, who wrote, keeps and signed it, and what it is about."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, coding, concept_or_absent, shown
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers, ii_identifier
from transforms.ccda_to_fhir.datatypes.times import period, put_time
from transforms.ccda_to_fhir.encompassing import encompassing_encounter
from transforms.ccda_to_fhir.extensions import IDENTIFIER, PARTICIPANT
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.patient import record_target
from transforms.ccda_to_fhir.people import actor, organization, related_person
from transforms.ccda_to_fhir.provenance import Author, put_provenance
from transforms.ccda_to_fhir.run import Run
from transforms.elements import OWN, absent, add_extension, append, extension, put

_CONFIDENTIALITY = frozenset(["U", "L", "M", "N", "R", "V"])
_RELATIONS = {"RPLC": "replaces", "APND": "appends", "XFRM": "transforms"}
_CCDA = "http://hl7.org/fhir/us/ccda/StructureDefinition/"
PARTICIPATIONS = {
    "dataEnterer": f"{_CCDA}DataEntererExtension",
    "informant": f"{_CCDA}InformantExtension",
    "informationRecipient": f"{_CCDA}InformationRecipientExtension",
}
"""The extensions of C-CDA on FHIR's Composition profile."""
VERSION_NUMBER = f"{_CCDA}VersionNumber"


def read_header(run: Run) -> None:
    """Put the Composition and what the header says into the run; its sections come later."""
    root = run.root
    composition = run.composition = run.add("Composition", run.document_key)
    root.target = composition
    run.patient = record_target(root.get("recordTarget"), run)
    for each in root.all("recordTarget")[1:]:
        run.guard(_other_patient, each, each, run)
    _put_composition(composition, root, run)
    run.guard(_put_authors, root, composition, root, run)
    for name, put_part in (
        ("custodian", _put_custodian),
        ("legalAuthenticator", _put_attester),
        ("authenticator", _put_attester),
        ("dataEnterer", _put_participation),
        ("informant", _put_participation),
        ("informationRecipient", _put_participation),
        ("participant", _put_participant),
        ("documentationOf", _put_event),
        ("relatedDocument", _put_related),
        ("inFulfillmentOf", _put_order),
        ("authorization", _put_authorization),
    ):
        for each in root.all(name):
            each.target = composition
            run.guard(put_part, each, composition, each, run)
    visit = root.get("componentOf/encompassingEncounter")
    if visit is not None:
        run.encounter = run.guard(encompassing_encounter, visit, visit, run)
        if run.encounter is not None:
            composition["encounter"] = run.refer(run.encounter)


def _put_composition(composition: Resource, root: Node, run: Run) -> None:
    language = root.value("languageCode", "code")
    put(composition, "language", language)
    number = root.get("id")
    own = (
        ii_identifier(number, run) if number is not None else None
    )  # the Bundle has it; the set's is the Composition's
    series = root.get("setId")  # R4's Composition has the identifier of all versions, its Bundle that of this one
    put(composition, "identifier", ii_identifier(series, run) if series is not None else own)
    version = root.value("versionNumber")
    if version.isdecimal() and len(version) < 10:
        add_extension(composition, extension(VERSION_NUMBER, "valueInteger", int(version)))
    composition["status"] = "final"
    composition["type"] = concept_or_absent(root.get("code"), run)
    composition["subject"] = run.refer(run.patient)
    put_time(composition, "date", root.get("effectiveTime"), run)
    if "date" not in composition and "_date" not in composition:
        composition["_date"] = absent("unknown")
    title = root.string("title")
    composition["title"] = title or shown(composition["type"]) or "Clinical document"
    code = root.get("confidentialityCode")
    coding(code)
    if code is not None and code.attr("code") in _CONFIDENTIALITY:
        composition["confidentiality"] = code.attr("code")


def _other_patient(node: Node, run: Run) -> None:
    run.composition.setdefault("extension", []).append(
        extension(f"{OWN}ccda-other-subject", "valueReference", run.refer(record_target(node, run)))
    )


def _put_authors(composition: Resource, root: Node, run: Run) -> None:
    for each in root.all("author"):
        each.target = composition
        who = actor(each.get("assignedAuthor"), run, each.get("functionCode"))
        append(composition, "author", who.reference)
        put_provenance(composition, Author(who, each.get("time")), run)
        run.author = run.author or who.reference
    if "author" not in composition:
        composition["author"] = [{"display": "unknown", **absent("unknown")}]


def _put_custodian(composition: Resource, node: Node, run: Run) -> None:
    found = node.get("assignedCustodian/representedCustodianOrganization")
    put(composition, "custodian", organization(found, run))


def _put_attester(composition: Resource, node: Node, run: Run) -> None:
    attester: Element = {"mode": "legal" if node.name == "legalAuthenticator" else "professional"}
    put_time(attester, "time", node.get("time"), run)
    who = actor(node.get("assignedEntity"), run)
    put(attester, "party", who.role or who.person or who.organization)
    signature = node.value("signatureCode", "code")
    if signature and signature != "S":
        add_extension(attester, extension(f"{OWN}ccda-signature", "valueCode", signature))
    append(composition, "attester", attester)


def _put_participation(composition: Resource, node: Node, run: Run) -> None:
    """Who entered, told or is to receive the document."""
    related = node.get("relatedEntity")
    entity = node.get("assignedEntity") or node.get("intendedRecipient")
    who = related_person(related, run) if related is not None else actor(entity, run).reference
    if who is not None:
        found = extension(PARTICIPATIONS[node.name], "valueReference", who)
        if found not in composition.get("extension", ()):
            add_extension(composition, found)


def _put_participant(composition: Resource, node: Node, run: Run) -> None:
    """One who takes part otherwise: a caregiver, an emergency contact, a holder of insurance, a call-back contact."""
    entity = node.get("associatedEntity")
    if entity is None:
        return
    kind, role = node.attr("typeCode"), entity.attr("classCode")
    if role in ("ASSIGNED", "PROV", "SPNSR", "NOK_PROV"):
        who = actor(entity, run).reference
    else:
        who = related_person(entity, run) or organization(entity.get("scopingOrganization"), run)
    if who is None:
        return
    inner = [extension("type", "valueCode", kind or "IND"), extension("actor", "valueReference", who)]
    if role:
        inner.append(extension("role", "valueCode", role))
    function = codeable_concept(node.get("functionCode"), run)
    if function is not None:
        inner.append(extension("function", "valueCodeableConcept", function))
    when = period(node.get("time"), run)
    if when is not None:
        inner.append(extension("period", "valuePeriod", when))
    add_extension(composition, {"url": PARTICIPANT, "extension": inner})


def _put_event(composition: Resource, node: Node, run: Run) -> None:
    """The service that is documented, and who performed it."""
    service = node.get("serviceEvent")
    if service is None:
        return
    event: Element = {}
    kind = service.attr("classCode")
    code = codeable_concept(service.get("code"), run)
    if code is None and kind:
        code = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActClass", "code": kind}]}
    append(event, "code", code)
    put(event, "period", period(service.get("effectiveTime"), run))
    for each in service.all("performer"):
        who = actor(each.get("assignedEntity"), run, each.get("functionCode"))
        if who.reference is None:
            continue
        inner = [extension("actor", "valueReference", who.reference)]
        inner.append(extension("type", "valueCode", each.attr("typeCode") or "PRF"))
        function = codeable_concept(each.get("functionCode"), run)
        if function is not None:
            inner.append(extension("function", "valueCodeableConcept", function))
        when = period(each.get("time"), run)
        if when is not None:
            inner.append(extension("period", "valuePeriod", when))
        add_extension(event, {"url": f"{_CCDA}PerformerExtension", "extension": inner})
    for number in identifiers(service, run):
        add_extension(event, extension(IDENTIFIER, "valueIdentifier", number))
    if event:
        append(composition, "event", event)


def _put_related(composition: Resource, node: Node, run: Run) -> None:
    """The document that this one replaces, appends to or is a transformation of."""
    parent = node.get("parentDocument")
    code = _RELATIONS.get(node.attr("typeCode"))
    number = parent.get("id") if parent is not None else None
    target = ii_identifier(number, run) if number is not None else None
    if code is not None and target is not None:
        append(composition, "relatesTo", {"code": code, "targetIdentifier": target})


def _put_order(composition: Resource, node: Node, run: Run) -> None:
    """An order that the document fulfils."""
    order = node.get("order")
    for each in identifiers(order, run) if order is not None else ():
        value = {"type": "ServiceRequest", "identifier": each}
        add_extension(composition, extension(f"{_CCDA}OrderExtension", "valueReference", value))


def _put_authorization(composition: Resource, node: Node, run: Run) -> None:
    """A consent that the document was written under."""
    consent = node.get("consent")
    for each in identifiers(consent, run) if consent is not None else ():
        value = {"type": "Consent", "identifier": each}
        add_extension(composition, extension(f"{_CCDA}AuthorizationExtension", "valueReference", value))
