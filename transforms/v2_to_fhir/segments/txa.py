"""TXA: a document."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, add_extension, append, coded, extension, put
from transforms.moments import moment
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, id_codeable_concept
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_date_time, put_instant
from transforms.v2_to_fhir.elements import append_each, put_first
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.references import by_identifier
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msh import recorded
from transforms.v2_to_fhir.segments.pv1 import PARTICIPATION
from transforms.v2_to_fhir.source import SourceSegment

CATEGORY = coded("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note")
CANCELLED = "T11"
LOINC = "http://loinc.org"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_LOINC = {
    "AR": "18743-5",
    "CN": "11488-4",
    "DS": "18842-5",
    "ED": "34111-5",
    "HP": "34117-2",
    "OP": "11504-8",
    "PN": "11506-3",
    "PR": "28570-0",
    "SP": "11526-1",
    "TS": "18761-7",
}
"""Table 0270: autopsy, consultation, discharge summary, emergency, history and physical, operation, progress,
procedure, surgical pathology, transfer."""
_COMPLETION = "http://terminology.hl7.org/CodeSystem/v2-0271"
_AVAILABILITY = "http://terminology.hl7.org/CodeSystem/v2-0273"
_DOC_STATUS = {
    "DI": "preliminary",
    "DO": "preliminary",
    "IN": "preliminary",
    "IP": "preliminary",
    "PA": "preliminary",
    "AU": "final",
    "LA": "final",
}
"""Table 0271 as R4's stages of composition; the guide names no vocabulary map."""
_STATUS = {"AV": "current", "CA": "entered-in-error", "OB": "superseded", "UN": "current"}
"""Table 0273: available, deleted, obsolete, unavailable."""
_RELATES = {"T05": "appends", "T06": "appends", "T09": "replaces", "T10": "replaces"}
_MEDIA_TYPES = {"TX": "text/plain", "TEXT": "text/plain", "FT": "text/plain"}
"""Table 0191, those that say a media type."""


def txa_document_reference(txa: SourceSegment, run: Run) -> Resource:
    """TXA[DocumentReference]."""
    number = ei_identifier(txa.first(12), run)
    document = run.add("DocumentReference", *_key(number, run))
    put(document, "masterIdentifier", number)
    name = txa.text(16)
    append(document, "identifier", {"value": name} if name else None)
    _put_status(document, txa, run)
    _put_type(document, txa, run)
    if run.patient is not None:
        document["subject"] = run.refer(run.patient)
    put_instant(document, "date", txa.text(6), run, txa.where(6))
    append_each(document, "author", txa, 9, run, xcn_practitioner)
    put_first(document, "authenticator", txa, 10, run, xcn_practitioner)
    append_each(document, "securityLabel", txa, 18, run, id_codeable_concept, codes="DocumentConfidentialityStatus")
    put(document, "description", "; ".join(value.whole() for value in txa[25]))
    _put_relation(document, txa, run)
    _put_context(document, txa, run)
    if claims(document, "us-core-documentreference", run):
        document["category"] = [CATEGORY]
    return document


def txa_media_type(txa: SourceSegment) -> str:
    """TXA-3 as a media type, "" where it is none; then it stays unread."""
    found = _MEDIA_TYPES.get(txa.raw(3), "")
    if found:
        txa.text(3)
    return found


def txa_provenance(txa: SourceSegment, run: Run, document: Resource) -> Resource | None:
    """TXA[Provenance]: that the document was edited, by whom, why and for whom; the last edit counts."""
    if not txa.has(8):
        return None
    times = [moment(value[1], run.zone).text for value in txa[8]]
    exact = [time for time in times if "T" in time]
    provenance = run.add("Provenance", document["id"], run.control_id, "edit")
    provenance["target"] = [run.refer(document)]
    for value in txa[8][-1:]:
        put_date_time(provenance, "occurredDateTime", value[1], run, txa.where(8))
    provenance["recorded"] = exact[-1] if exact else recorded(run)
    reason = txa.text(21)
    append(provenance, "reason", {"text": reason} if reason else None)
    for value in txa[9]:
        _append_agent(provenance, xcn_practitioner(value, run, txa.where(9)), coded(PARTICIPATION, "AUT", "author"))
    for value in txa[23]:
        receiver = coded(PARTICIPATION, "IRCP", "information recipient")
        _append_agent(provenance, xcn_practitioner(value, run, txa.where(23)), receiver)
    if "agent" not in provenance:
        provenance["agent"] = [{"who": {"display": "whoever edited the document, whom the message does not name"}}]
    return provenance


def _append_agent(provenance: Resource, who: Element | None, role: Element) -> None:
    if who is not None:
        append(provenance, "agent", {"role": [role], "who": who})


def _put_type(document: Resource, txa: SourceSegment, run: Run) -> None:
    """Put the type of document, in LOINC too where table 0270 says it: US Core binds it to LOINC, or unknown."""
    kind = cwe_codeable_concept(txa.first(2), run, txa.where(2), table="0270") or {}
    if run.options.profile != "none" and not any(each.get("system") == LOINC for each in kind.get("coding", [])):
        code = next((_LOINC[each["code"]] for each in kind.get("coding", []) if each["code"] in _LOINC), "")
        first = {"system": LOINC, "code": code} if code else {"system": NULL_FLAVOR, "code": "UNK"}
        kind["coding"] = [first, *kind.get("coding", [])]
    put(document, "type", kind)


def _put_status(document: Resource, txa: SourceSegment, run: Run) -> None:
    availability, completion = txa.text(19), txa.text(17)
    status = "entered-in-error" if run.trigger_event == CANCELLED else _STATUS.get(availability, "current")
    document["status"] = status
    if availability and not (availability == "AV" and status == "current"):
        _keep_code(document, "status", _AVAILABILITY, availability)
    if status == "entered-in-error":
        document["docStatus"] = "entered-in-error"
    elif completion in _DOC_STATUS:
        document["docStatus"] = _DOC_STATUS[completion]
    if completion:
        _keep_code(document, "docStatus", _COMPLETION, completion)


def _keep_code(element: Element, name: str, system: str, code: str) -> None:
    original = {"coding": [{"system": system, "code": code}]}
    add_extension(element.setdefault(f"_{name}", {}), extension(ALTERNATE_CODES, "valueCodeableConcept", original))


def _put_relation(document: Resource, txa: SourceSegment, run: Run) -> None:
    """Put the document that this one is added to, or comes in the place of."""
    code = _RELATES.get(run.trigger_event)
    parent = ei_identifier(txa.first(13), run) if code is not None else None
    if code is not None and parent is not None:
        append(document, "relatesTo", {"code": code, "target": by_identifier("DocumentReference", parent, run)})


def _put_context(document: Resource, txa: SourceSegment, run: Run) -> None:
    context: Element = {}
    if run.encounter is not None:
        context["encounter"] = [run.refer(run.encounter)]
    period: Element = {}
    put_date_time(period, "start", txa.text(4), run, txa.where(4))
    put(context, "period", period)
    if run.order is not None:
        append(context, "related", run.refer(run.order))
    orders = [(value, "PLAC") for value in txa[14]] + [(value, "FILL") for value in txa[15]]
    for value, kind in orders:
        identifier = ei_identifier(value, run, kind)
        if identifier is not None:
            append(context, "related", by_identifier("ServiceRequest", identifier, run))
    put(document, "context", context)


def _key(number: Element | None, run: Run) -> tuple[str, ...]:
    if number is not None:
        return identifier_key(number, run)
    return (run.sender, run.control_id, "document", str(run.count("document")))
