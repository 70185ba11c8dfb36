"""The numbers of what validation finds; docs/validate.md explains each of them."""

from __future__ import annotations

from schemas.finding import Finding, Severity

_ERROR, _WARNING, _INFORMATION = Severity.ERROR, Severity.WARNING, Severity.INFORMATION

CODES: dict[str, tuple[Severity, str]] = {
    "V2-101": (_ERROR, "version missing"),
    "V2-102": (_ERROR, "version unknown"),
    "V2-103": (_INFORMATION, "version without tables"),
    "V2-104": (_ERROR, "message type missing"),
    "V2-105": (_ERROR, "structure unknown"),
    "V2-106": (_INFORMATION, "local message type"),
    "V2-107": (_WARNING, "structure does not fit the event"),
    "V2-108": (_WARNING, "declared structure unknown"),
    "V2-199": (_WARNING, "too many findings"),
    "V2-201": (_ERROR, "segment missing"),
    "V2-202": (_ERROR, "segment not in the structure"),
    "V2-203": (_ERROR, "segment out of order"),
    "V2-204": (_ERROR, "segment repeated"),
    "V2-205": (_ERROR, "segment unknown"),
    "V2-206": (_ERROR, "group missing"),
    "V2-301": (_ERROR, "field missing"),
    "V2-302": (_ERROR, "field repeated"),
    "V2-303": (_WARNING, "field unknown"),
    "V2-304": (_INFORMATION, "field withdrawn"),
    "V2-305": (_WARNING, "field too long"),
    "V2-306": (_ERROR, "component missing"),
    "V2-307": (_WARNING, "component unknown"),
    "V2-308": (_WARNING, "subcomponent unknown"),
    "V2-401": (_ERROR, "not a date"),
    "V2-402": (_ERROR, "not a time"),
    "V2-403": (_ERROR, "not a date and time"),
    "V2-404": (_ERROR, "not a number"),
    "V2-405": (_ERROR, "not a sequence number"),
    "V2-406": (_WARNING, "code not in the HL7 table"),
    "V2-407": (_ERROR, "value type missing"),
    "V2-408": (_ERROR, "value type unknown"),
    "V2-501": (_ERROR, "required by the profile"),
    "V2-502": (_ERROR, "forbidden by the profile"),
    "V2-503": (_ERROR, "repeated more than the profile allows"),
    "V2-504": (_ERROR, "value not in the profile"),
    "V2-505": (_ERROR, "longer than the profile allows"),
}
"""Code, its severity and its short name."""

_HINTS = {
    "V2-101": "set MSH-12.1",
    "V2-104": "set MSH-9.1 and MSH-9.2",
    "V2-205": "a site's own segment has a name that begins with Z",
    "V2-307": "a delimiter inside a text is escaped: \\S\\",
    "V2-308": "a delimiter inside a text is escaped: \\T\\",
    "V2-407": "OBX-2 names the data type of OBX-5",
}


def finding(code: str, where: str, what: str) -> Finding:
    """The finding of that code; `where` is an address in the message, `what` the rule, never the value."""
    return Finding(code, where, what, _HINTS.get(code, ""), CODES[code][0])
