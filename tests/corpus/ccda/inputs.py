"""The documents that are measured: those of the open corpus, where it is, and the samples that ship.

A part of a document (an entry, a section, a recordTarget) is measured as a document that holds it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.corpus.inputs import rows

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "samples" / "ccda"
SHARED = Path(os.environ["HIE_CORPUS"]).parent if os.environ.get("HIE_CORPUS") else ROOT.parent / "shared"
CORPUS = Path(os.environ.get("HIE_CORPUS") or ROOT.parent / "shared" / "corpus") / "ccda"
PAIRS = SHARED / "maps" / "ccda-on-fhir" / "examples"

_NAMESPACES = {
    "": "urn:hl7-org:v3",
    "sdtc": "urn:hl7-org:sdtc",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_EXAMPLES = ' xmlns:voc="http://www.lantanagroup.com/voc"'
"""A namespace of examples of HL7's, without a meaning in CDA."""
_DECLARED = " ".join(f'xmlns{":" if each else ""}{each}="{uri}"' for each, uri in _NAMESPACES.items())
_BEFORE = re.compile(r"^\ufeff?\s*(<\?xml.*?\?>)?(\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_NAME = re.compile(r"<([\w.:-]+)")
_OPENING = re.compile(r"<ClinicalDocument[^>]*>")
_AUTHOR = (
    '<author><time value="20260312"/><assignedAuthor><id nullFlavor="NI"/><assignedAuthoringDevice>'
    "<softwareName>test</softwareName></assignedAuthoringDevice></assignedAuthor></author>"
)
_PATIENT = (
    '<recordTarget><patientRole><id root="2.16.840.1.113883.19.5" extension="77"/><patient><name><given>Ann</given>'
    '<family>Vale</family></name><administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/>'
    '<birthTime value="19610417"/></patient></patientRole></recordTarget>'
)
_STATEMENTS = ("act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest")
_STATEMENTS += ("substanceAdministration", "supply")
_SECTION = (
    '<section><code code="{code}" codeSystem="2.16.840.1.113883.6.1"/><title>Part</title>'
    "<text><paragraph>A part.</paragraph></text>{entries}</section>"
)
_WITHIN = {
    "entryRelationship": '<act classCode="ACT" moodCode="EVN">{}</act>',
    "criterion": '<act classCode="ACT" moodCode="EVN"><precondition>{}</precondition></act>',
    "performer": '<procedure classCode="PROC" moodCode="EVN">{}</procedure>',
    "participant": '<act classCode="ACT" moodCode="EVN">{}</act>',
    "participantRole": '<act classCode="ACT" moodCode="EVN"><participant typeCode="LOC">{}</participant></act>',
    "relatedSubject": '<observation classCode="OBS" moodCode="EVN"><subject>{}</subject></observation>',
    "manufacturedProduct": '<substanceAdministration classCode="SBADM" moodCode="EVN"><consumable>{}</consumable>'
    "</substanceAdministration>",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One document: the name of its file, its bytes, and whether only a part of it is the file's."""

    name: str
    body: bytes
    is_part: bool = False


def corpus(source: str = "") -> list[Input]:
    """The documents of the corpus of the files whose path holds `source`, and parts within documents of ours."""
    found = []
    for row in rows(CORPUS):
        if source not in row["file"] or row["kind"] == "unparsed":
            continue
        body = (CORPUS / row["file"]).read_bytes()
        if row["kind"] == "document":
            found.append(Input(row["file"], body))
            continue
        whole = wrapped(body)
        if whole is not None:
            found.append(Input(row["file"], whole, is_part=True))
    return found


def samples() -> list[Input]:
    """The documents of `samples/ccda`."""
    return [Input(file.name, file.read_bytes()) for file in sorted(SAMPLES.rglob("*.xml"))]


def wrapped(body: bytes) -> bytes | None:
    """The document that holds the part `body`, which may lack the namespaces; None for what no document holds."""
    text = _BEFORE.sub("", body.decode("utf-8", "replace"), count=1)
    declared = _DECLARED + (_EXAMPLES if "voc:" in text else "")
    found = _NAME.match(text)
    name = found[1] if found is not None else ""
    if name == "ClinicalDocument":
        # A prefix without a declaration, or a default namespace that is missing, is declared anew.
        opening = _OPENING.match(text)
        rest = text[opening.end() :] if opening is not None else text
        return f"<ClinicalDocument {declared}>{rest}".encode()
    if name == "recordTarget":
        return _document(declared, text, _AUTHOR, "")
    if name == "author":
        return _document(declared, _PATIENT, text, "")
    if name == "encompassingEncounter":
        return _document(declared, _PATIENT, f"{_AUTHOR}<componentOf>{text}</componentOf>", "")
    inner = _body(name, text)
    return _document(declared, _PATIENT, _AUTHOR, inner) if inner else None


def _body(name: str, text: str) -> str:
    """The sections that hold `text`, which begins with an element called `name`."""
    if name == "section":
        return f"<component>{text}</component>"
    if name == "component" and "<section" in text:
        return text
    if name == "component":
        return _section(f'<entry><organizer classCode="CLUSTER" moodCode="EVN">{text}</organizer></entry>')
    if name == "entry":
        return _section(text)
    if name in _STATEMENTS:
        return _section(f"<entry>{text}</entry>")
    if name in _WITHIN:
        return _section(f"<entry>{_WITHIN[name].format(text)}</entry>")
    return ""


def _section(entries: str) -> str:
    return f"<component>{_SECTION.format(code='51848-0', entries=entries)}</component>"


def _document(declared: str, patient: str, author: str, body: str) -> bytes:
    sections = body or f"<component>{_SECTION.format(code='51848-0', entries='')}</component>"
    return f"""<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument {declared}><realmCode code="US"/>
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="2.16.840.1.113883.10.20.22.1.1" extension="2015-08-01"/>
<id root="2.16.840.1.113883.19.5.1" extension="D1"/><code code="34133-9" codeSystem="2.16.840.1.113883.6.1"/>
<title>Part</title><effectiveTime value="20260312083015+0100"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>{patient}{author}
<component><structuredBody>{sections}</structuredBody></component></ClinicalDocument>""".encode()
