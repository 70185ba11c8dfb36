"""TXA, and the OBX that hold what a document says."""

from __future__ import annotations

import base64
import binascii

from transforms.elements import ALTERNATE_CODES
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import codes_of, cwe_of
from transforms.fhir_to_v2.datatypes.identifiers import ei_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.line import Line, Part
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.obx_value import Value, attached
from transforms.fhir_to_v2.segments.orc import FILLER

_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0270"
_COMPLETION = "http://terminology.hl7.org/CodeSystem/v2-0271"
_AVAILABILITY = "http://terminology.hl7.org/CodeSystem/v2-0273"
_NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_DOC_STATUS = {"preliminary": "DO", "final": "AU", "amended": "AU"}
_STATUS = {"superseded": "OB", "entered-in-error": "CA"}


def txa_of(document: Node, run: Run) -> Line:
    """DocumentReference[TXA]."""
    txa = run.line("TXA", document)
    txa.put(1, "1")
    txa.put(2, _type(document, run))
    is_text = document.one("content").one("attachment").peek("contentType").startswith("text/plain")
    txa.put(3, "TX" if is_text else "")
    context = document.one("context")
    txa.put(4, dtm_of(context.one("period"), "start", run))
    txa.put(6, dtm_of(document, "date", run))
    txa.put(9, *(xcn_of(each, run) for each in document.all("author")))
    if document.has("authenticator"):
        txa.put(10, xcn_of(document.one("authenticator"), run))
    txa.put(12, ei_of(document.one("masterIdentifier"), run))
    for number, identifier in enumerate(document.all("identifier")):
        if identifier.has("system") and not txa.has(12):
            txa.put(12, ei_of(identifier, run))
        elif number == 0 or not txa.has(16):
            txa.put(16, identifier.text("value"))
    for relation in document.all("relatesTo"):
        target = relation.one("target")
        known = run.resolve(target) if target.has("reference") else EMPTY
        txa.put(13, ei_of((known.one("masterIdentifier") if known else EMPTY) or target.one("identifier"), run))
        relation.text("code")
    for each in context.all("related"):
        identifier = each.one("identifier")
        is_filler = any(coding.peek("code") in FILLER for coding in identifier.one("type").all("coding"))
        txa.put(15 if is_filler else 14, ei_of(identifier, run))
    _put_status(txa, document)
    for each in document.all("securityLabel"):
        txa.put(18, cwe_of(each, run, "DocumentConfidentialityStatus"))
    txa.put(25, document.text("description"))
    _put_edit(txa, document, run)
    document.skip("category")
    return txa


def obxs_of_document(document: Node, run: Run) -> None:
    """DocumentReference.content[OBX]: texts by line, all else as ED or by its address (RP)."""
    number = 0
    for content in document.all("content"):
        attachment = content.one("attachment")
        title = attachment.text("title")
        for value in _values(attachment):
            number += 1
            obx = run.line("OBX", document)
            obx.put(1, str(number))
            obx.put(2, value.kind)
            obx.put(3, {1: title, 2: title} if title else _type(document, run))
            obx.fields.update({5: [*value.repetitions]})
            obx.put(11, "F")


def _values(attachment: Node) -> list[Value]:
    kind, data = attachment.peek("contentType"), attachment.peek("data")
    if kind.startswith("text/plain") and data:
        try:
            text = base64.b64decode(data, validate=False).decode()
        except (binascii.Error, ValueError):
            return [attached(attachment)]
        attachment.skip("contentType", "data", "language", "creation", "size", "hash")
        return [Value("TX", [{1: line}] if line else []) for line in text.replace("\r\n", "\n").split("\n")]
    if data or attachment.has("url"):
        return [attached(attachment)]
    attachment.text("contentType")
    return []


def _type(document: Node, run: Run) -> dict[int, Part]:
    """TXA-2: the code of table 0270 where there is one, else any."""
    concept = document.one("type")
    own = [each for each in concept.all("coding") if each.peek("system") == _TYPE]
    if own:
        for each in concept.all("coding"):
            each.skip(*each.names())
        concept.text("text")
        return {1: own[0].text("code"), 2: own[0].text("display"), 3: "HL70270" if own[0].has("display") else ""}
    first = concept.one("coding")
    if first.peek("system") == _NULL_FLAVOR and len(concept.all("coding")) > 1:
        parts = cwe_of(concept, run, "", "0270")
        return {n - 3: part for n, part in parts.items() if n in (4, 5, 6)} | ({9: parts[9]} if 9 in parts else {})
    if first.peek("system") == _NULL_FLAVOR:
        return {2: concept.text("text")}
    return cwe_of(concept, run, "", "0270")


def _put_status(txa: Line, document: Node) -> None:
    """TXA-17 and TXA-19: what was superseded or recorded in error must not read as available."""
    status, stage = document.text("status"), document.text("docStatus")
    txa.put(17, _kept(document, "docStatus", _COMPLETION) or _DOC_STATUS.get(stage, "" if stage else "AU"))
    txa.put(19, _kept(document, "status", _AVAILABILITY) or _STATUS.get(status, "AV"))


def _kept(document: Node, name: str, system: str) -> str:
    for each in document.beside(name).extensions(ALTERNATE_CODES) if document.has(f"_{name}") else ():
        return next(iter(codes_of(each.one("valueCodeableConcept"), system)), "")
    return ""


def _put_edit(txa: Line, document: Node, run: Run) -> None:
    for provenance in run.of_type("Provenance"):
        if not any(run.refers(each, document) for each in provenance.all("target")):
            continue
        txa.put(8, dtm_of(provenance, "occurredDateTime", run))
        txa.put(21, provenance.one("reason").text("text"))
        for agent in provenance.all("agent"):
            roles = [coding.peek("code") for role in agent.all("role") for coding in role.all("coding")]
            if "IRCP" in roles:
                txa.put(23, xcn_of(agent.one("who"), run))
