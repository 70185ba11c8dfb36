"""The facts of a referral as FHIR's data types, both ways: Identifier, CodeableConcept, instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from urllib.parse import quote

from schemas.fhir import Element
from transforms.elements import IDENTIFIER_TYPE, URI, absent, coded, extension
from transforms.fhir_node import Node
from transforms.refer.fhir.source import Entries
from transforms.refer.referral import NO_CODE, Coded, Identifier
from transforms.v2_to_fhir.datatypes.authorities import AUTHORITY
from transforms.v2_to_fhir.extensions import V2_SYSTEM


def identifier(node: Node, entries: Entries) -> Identifier | None:
    """An Identifier; one without a system is that of who assigned it."""
    value = node.peek("value")
    if not value:
        return None
    return Identifier(value, node.peek("system") or _authority(node.one("assigner"), entries))


def typed(nodes: Iterable[Node], kind: str, entries: Entries) -> Identifier | None:
    """The first identifier of type `kind` (table 0203)."""
    for node in nodes:
        if any(each.peek("code") == kind for each in node.one("type").all("coding")):
            found = identifier(node, entries)
            if found is not None:
                return found
    return None


def identifier_of(identifier: Identifier, kind: str = "") -> Element:
    """An Identifier, of type `kind` where one is named."""
    element: Element = {"type": coded(IDENTIFIER_TYPE, kind)} if kind else {}
    if identifier.system:
        element["system"] = identifier.system
    element["value"] = identifier.value
    return element


def concept(node: Node) -> Coded:
    """A CodeableConcept: its first code, else its text."""
    for coding in node.all("coding"):
        if coding.peek("code"):
            system = coding.peek("system")
            if not system:
                named = [each for each in coding.all("extension") if each.peek("url") == V2_SYSTEM]
                system = named[0].peek("valueString") if named else ""
            return Coded(coding.peek("code"), system, coding.peek("display") or node.peek("text"))
    shown = next((each.peek("display") for each in node.all("coding") if each.peek("display")), "")
    return Coded(text=node.peek("text") or shown)


def concept_of(code: Coded) -> Element:
    """A CodeableConcept of a code; {} of none."""
    if code == NO_CODE:
        return {}
    if not code.code:
        return {"text": code.text}
    coding: Element = {"code": code.code}
    if ":" in code.system:
        coding = {"system": code.system, **coding}
    elif code.system:
        coding["extension"] = [extension(V2_SYSTEM, "valueString", code.system)]
    return {"coding": [{**coding, "display": code.text}], "text": code.text} if code.text else {"coding": [coding]}


def moment(text: str) -> datetime | None:
    """A dateTime or instant; a day alone is its start (UTC), and a time of day without an offset is none."""
    try:
        said = datetime.fromisoformat(text.replace(":60", ":59")) if len(text) >= 10 else None
    except ValueError:
        return None
    if said is None or (said.tzinfo is None and len(text) > 10):
        return None
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said


def date_time_of(moment: datetime) -> str:
    """A dateTime; of a last day, which is read as its start in UTC, the day."""
    is_day = (moment.utcoffset(), moment.time()) == (timedelta(), time())
    return moment.date().isoformat() if is_day else moment.isoformat()


def unknown() -> Element:
    """A reference that must be there, to whom nobody has named."""
    return absent("unknown")


def _authority(assigner: Node, entries: Entries) -> str:
    organization = entries.resolve(assigner).node
    for node in (*organization.all("identifier"), *assigner.all("identifier")):
        value, system = node.peek("value"), node.peek("system")
        if value and system == URI:
            return value
        if value:
            return AUTHORITY + quote(value, safe="")
    name = organization.peek("name") or assigner.peek("display")
    return AUTHORITY + quote(name, safe="") if name else ""
