"""A document as one page for a browser: who and what it is about, and its narrative. Nothing of it is ever executed.

The rendering is the engine's own. All text is escaped; there is no script, no style, stylesheet or picture from
elsewhere; what the document embeds is shown where it is a picture or a text, and can be saved where it is a PDF.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from html import escape

from lxml import etree

from schemas.ccda.document import Document
from schemas.ccda.namespaces import SDTC, V3
from schemas.ccda.targets import Targets
from schemas.ccda.xhtml import Writer

_V = {"v": V3, "sdtc": SDTC}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
body{font:16px/1.45 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:62rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:2px solid #205493}
h3{font-size:1.05rem;margin:1.2rem 0 .4rem}.patient{font-size:1.2rem;font-weight:600;margin:.2rem 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0 0 1rem}dt{color:#4a5561}dd{margin:0}
nav{background:#f3f6fa;padding:.6rem 1rem;border-radius:.3rem}nav ul{columns:2;margin:.3rem 0;padding-left:1.2rem}
table{border-collapse:collapse;margin:.5rem 0;max-width:100%}caption,.caption{font-weight:600;text-align:left}
th,td{border:1px solid #b9c3ce;padding:.25rem .5rem;text-align:left;vertical-align:top}th{background:#e8eef5}
section{overflow-wrap:anywhere}img{max-width:100%}.footnote{font-size:.9em;color:#4a5561}
.none{color:#4a5561;font-style:italic}.confidential{background:#fbe3e0;padding:.4rem .8rem;border-radius:.3rem}
pre{white-space:pre-wrap}@media print{nav{display:none}body{max-width:none;padding:0}}
""".strip()
_SEXES = {"F": "female", "M": "male", "UN": "undifferentiated"}
_CONFIDENTIAL = {"R": "restricted", "V": "very restricted"}
_NULLS = {"NASK": "not asked", "ASKU": "asked but unknown", "MSK": "withheld", "NA": "not applicable"}
_TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(?:\.\d+)?)?([+-]\d{4})?\Z")
_IMAGES = frozenset(("image/gif", "image/jpeg", "image/png"))
_HEADINGS = 6
"""How deep HTML's headings go."""

Element = etree._Element


def page(document: Document) -> str:
    """The page that shows `document`, as HTML that needs nothing else; any document gives one."""
    root = document.root
    title = _words(_first(root, "v:title")) or _label(_first(root, "v:code")) or "Clinical document"
    patient = _first(root, "v:recordTarget/v:patientRole")
    person = _first(patient, "v:patient") if patient is not None else None
    name = _name(person)
    writer = Writer(Targets(root))
    sections = _all(root, "v:component/v:structuredBody/v:component/v:section")
    body = "".join(_section(each, f"s{number}", 2, writer) for number, each in enumerate(sections, start=1))
    other = _first(root, "v:component/v:nonXMLBody/v:text")
    contents = "".join(
        f'<li><a href="#s{number}">{escape(_title(each))}</a></li>' for number, each in enumerate(sections, start=1)
    )
    return (
        '<!DOCTYPE html>\n<html lang="' + escape(_language(root)) + '"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><header><h1>{escape(title)}</h1>"
        f'<p class="patient">{escape(name or "Name unknown")}</p>{_confidential(root)}'
        f"{_list(_about_patient(patient, person))}{_list(_about_document(root))}</header>"
        + (f"<nav><ul>{contents}</ul></nav>" if len(sections) > 1 else "")
        + f"<main>{body}{_embedded(other) if other is not None else ''}"
        + ("" if body or other is not None else '<p class="none">The document has no body.</p>')
        + "</main></body></html>\n"
    )


def _section(element: Element, name: str, level: int, writer: Writer) -> str:
    """A section with its text and the sections within it."""
    text = _first(element, "v:text")
    inner = writer.inside(text) if text is not None else ""
    shown = inner if "<img " in inner or re.sub(r"<[^>]*>|\s", "", inner) else '<p class="none">No text.</p>'
    within = "".join(
        _section(each, f"{name}.{number}", level + 1, writer)
        for number, each in enumerate(_all(element, "v:component/v:section"), start=1)
    )
    heading = min(level, _HEADINGS)
    title = escape(_title(element))
    return f'<section><h{heading} id="{name}">{title}</h{heading}>{_confidential(element)}{shown}{within}</section>'


def _title(section: Element) -> str:
    return _words(_first(section, "v:title")) or _label(_first(section, "v:code")) or "Section without title"


def _about_patient(role: Element | None, person: Element | None) -> Iterator[tuple[str, str]]:
    if role is None:
        return
    yield "Born", _time(_first(person, "v:birthTime"))
    yield "Sex", _sex(_first(person, "v:administrativeGenderCode"))
    dead = _first(person, "sdtc:deceasedTime")
    if dead is not None or _attribute(_first(person, "sdtc:deceasedInd"), "value") == "true":
        yield "Died", _time(dead) or "yes"
    for each in _all(role, "v:id"):
        yield "Identifier", _identifier(each)
    for each in _all(role, "v:addr"):
        yield "Address", _address(each)
    for each in _all(role, "v:telecom"):
        yield "Contact", _attribute(each, "value")
    for each in _all(person, "v:guardian"):
        kind = _label(_first(each, "v:code"))
        yield "Guardian", _joined(_name(_first(each, "v:guardianPerson")), f"({kind})" if kind else "")


def _about_document(root: Element) -> Iterator[tuple[str, str]]:
    yield "Kind", _label(_first(root, "v:code"))
    yield "Written", _time(_first(root, "v:effectiveTime"))
    for each in _all(root, "v:author/v:assignedAuthor"):
        yield "Author", _actor(each)
    yield "Kept by", _words(_first(root, "v:custodian//v:name"))
    for each in _all(root, "v:informationRecipient/v:intendedRecipient"):
        who = _name(_first(each, "v:informationRecipient"))
        yield "For", _joined(who, _words(_first(each, "v:receivedOrganization/v:name")))
    for each in _all(root, "v:legalAuthenticator"):
        yield "Signed by", _joined(_actor(_first(each, "v:assignedEntity")), _time(_first(each, "v:time")))
    for each in _all(root, "v:documentationOf/v:serviceEvent"):
        yield "Care", _span(_first(each, "v:effectiveTime"))
        for one in _all(each, "v:performer/v:assignedEntity"):
            yield "Care by", _actor(one)
    for each in _all(root, "v:componentOf/v:encompassingEncounter"):
        yield "Encounter", _joined(_label(_first(each, "v:code")), _span(_first(each, "v:effectiveTime")))
        yield "Where", _words(_first(each, "v:location/v:healthCareFacility/v:location/v:name"))
        yield "Discharged to", _label(_first(each, "v:dischargeDispositionCode"))


def _list(told: Iterator[tuple[str, str]]) -> str:
    """What is told, each once, less what says nothing."""
    rows = dict.fromkeys((label, text) for label, text in told if text)
    inner = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in rows)
    return f"<dl>{inner}</dl>" if inner else ""


def _confidential(element: Element) -> str:
    code = _attribute(_first(element, "v:confidentialityCode"), "code")
    word = _CONFIDENTIAL.get(code, "")
    return f'<p class="confidential">Confidentiality: {word}</p>' if word else ""


def _embedded(text: Element) -> str:
    """A body that is no XML: a picture or a text is shown, a PDF can be saved."""
    media = text.get("mediaType", "text/plain").split(";")[0].strip().lower()
    if text.get("representation") != "B64":
        shown = "".join(str(each) for each in text.itertext()).strip()
        if shown:
            return f"<pre>{escape(shown)}</pre>"
        return '<p class="none">The document is elsewhere; this one only refers to it.</p>'
    data = "".join("".join(str(each) for each in text.itertext()).split())
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error:
        return '<p class="none">The content of the document is damaged.</p>'
    if media in _IMAGES:
        return f'<img src="data:{media};base64,{data}" alt="The document as a picture">'
    if media in ("text/plain", "text/html", "text/xml"):
        return f"<pre>{escape(content.decode('utf-8', 'replace'))}</pre>"
    if media == "application/pdf":
        return f'<p><a download="document.pdf" href="data:{media};base64,{data}">Save the document (PDF)</a></p>'
    return f'<p class="none">The document is {len(content):,} bytes of {escape(media)}, which is not shown.</p>'


def _actor(element: Element | None) -> str:
    """A person or device, with the organization."""
    if element is None:
        return ""
    device = _first(element, "v:assignedAuthoringDevice/v:softwareName")
    who = _name(_first(element, "v:assignedPerson")) or _words(device)
    return _joined(who, _words(_first(element, "v:representedOrganization/v:name")))


def _name(person: Element | None) -> str:
    name = _first(person, "v:name")
    return " ".join(part for each in name.itertext() for part in str(each).split()) if name is not None else ""


def _address(element: Element) -> str:
    parts = [" ".join("".join(str(text) for text in each.itertext()).split()) for each in element]
    return ", ".join(each for each in parts if each) or _words(element)


def _identifier(element: Element) -> str:
    number = element.get("extension", "") or element.get("root", "")
    return _joined(number, element.get("assigningAuthorityName", "")) if not element.get("nullFlavor") else ""


def _sex(element: Element | None) -> str:
    return _label(element) or _SEXES.get(_attribute(element, "code"), "")


def _label(element: Element | None) -> str:
    """A coded element as people read it, and where it has no words, why."""
    if element is None:
        return ""
    words = element.get("displayName", "").strip() or _words(_first(element, "v:originalText"))
    return words or _NULLS.get(element.get("nullFlavor", ""), "")


def _span(element: Element | None) -> str:
    if element is None:
        return ""
    low, high = _time(_first(element, "v:low")), _time(_first(element, "v:high"))
    return f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}" if high else _time(element)


def _time(element: Element | None) -> str:
    """A time as it was written, to its own precision: `2026-03-12 08:30 +0100`."""
    value = _attribute(element, "value").strip()
    found = _TIME.match(value)
    if found is None:
        return value
    year, month, day, hour, minute, second, zone = found.groups()
    date = "-".join(each for each in (year, month, day) if each)
    clock = ":".join(each for each in (hour, minute, second) if each)
    return " ".join(each for each in (date, clock, zone if clock else "") if each)


def _language(root: Element) -> str:
    code = _attribute(_first(root, "v:languageCode"), "code")
    return code if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", code) else "en"


def _joined(*parts: str) -> str:
    return ", ".join(each for each in parts if each)


def _words(element: Element | None) -> str:
    return " ".join("".join(str(each) for each in element.itertext()).split()) if element is not None else ""


def _attribute(element: Element | None, name: str) -> str:
    return element.get(name, "") if element is not None else ""


def _first(element: Element | None, path: str) -> Element | None:
    return element.find(path, _V) if element is not None else None


def _all(element: Element | None, path: str) -> list[Element]:
    return element.findall(path, _V) if element is not None else []
