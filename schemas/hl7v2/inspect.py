"""What is wrong with the encoding of a message, as findings V2-001 to V2-009; none of them quotes its text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from schemas.finding import Finding, Severity
from schemas.hl7v2.charset import charset_named
from schemas.hl7v2.delimiters import ENCODING_CHARACTERS
from schemas.hl7v2.escape import bad_escapes
from schemas.hl7v2.opening import Opening
from schemas.hl7v2.segment import HEADERS, Segment

if TYPE_CHECKING:
    from schemas.hl7v2.er7 import Er7

_MOST_OF_A_KIND = 20
_UNREADABLE = "\ufffd"


def inspect(message: Er7, opening: Opening) -> list[Finding]:
    """The findings about the encoding of `message`: the first 20 of each code, in the order of the message."""
    report = _Report()
    if message.lead.strip("\r\n\t \x00\x0b\ufeff\xef\xbb\xbf"):
        report.warn("V2-001", "MSH", "text before the header", "the sender's framing or file may be damaged")
    _delimiters(report, message)
    _charset(report, message, opening)
    for segment in message.segments:
        if not segment.name:
            if report.has_room("V2-003"):
                line = f"line {message.line_of(segment)}"
                report.warn(
                    "V2-003",
                    line,
                    "this line is no segment",
                    "a segment starts with its name, three capitals or digits",
                )
        elif segment.name == "MSH" and segment.occurrence == 2:
            report.warn(
                "V2-002", "MSH[2]", "a second header: this is more than one message", "take it apart with split: batch"
            )
        _texts(report, message, segment)
    if opening.tail:
        report.warn("V2-006", "end", "bytes at the end that make no character", "the message may be cut off")
    return report.findings


class _Report:
    """The findings so far, and how many of each code."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def has_room(self, code: str) -> bool:
        return self._counts[code] < _MOST_OF_A_KIND

    def warn(self, code: str, where: str, what: str, hint: str, severity: Severity = Severity.WARNING) -> None:
        self._counts[code] += 1
        self.findings.append(Finding(code, where, what, hint, severity))


def _delimiters(report: _Report, message: Er7) -> None:
    declared = message.named("MSH")[0].fields[2] if len(message.named("MSH")[0].fields) > 2 else ""
    used = message.delimiters.encoding_characters
    if declared != used or len(set(declared)) < len(declared):
        what = "the encoding characters are missing, repeated or damaged"
        report.warn("V2-004", "MSH-2", what, f"they are read as {used}")
    elif len(declared) < 4:
        report.warn("V2-004", "MSH-2", "fewer than four encoding characters", f"{ENCODING_CHARACTERS} is usual")
    if any(character.isalnum() for character in used):
        report.warn("V2-004", "MSH-2", "a letter or digit as encoding character", f"{ENCODING_CHARACTERS} is usual")


def _charset(report: _Report, message: Er7, opening: Opening) -> None:
    names = message.get("MSH-18")
    known = charset_named(names, message.delimiters.repetition) if names not in ("", '""') else None
    if names not in ("", '""') and known is None:
        what = f"an unknown character set; {message.charset} is assumed"
        report.warn("V2-005", "MSH-18", what, "names are those of HL7 table 0211, for example UNICODE UTF-8")
    elif known is not None and known.unit != opening.charset.unit:
        what = f"the message is not in the character set that it declares; {message.charset} is assumed"
        report.warn("V2-005", "MSH-18", what, "have the sender declare what it sends")
    elif not opening.is_simple and not (known or opening.by_option or opening.charset.unit > 1):
        what = f"characters beyond ASCII and no character set; {message.charset} is assumed"
        report.warn("V2-007", "MSH-18", what, "give the channel's option charset", Severity.INFORMATION)
    elif known is not None and known.codec == "ascii" and not known.jis and opening.charset.codec != "ascii":
        what = f"characters beyond ASCII, and ASCII is declared; {message.charset} is assumed"
        report.warn("V2-007", "MSH-18", what, "have the sender declare what it sends")


def _texts(report: _Report, message: Er7, segment: Segment) -> None:
    """Report on the characters of a segment, by field."""
    wire = segment.wire
    odd = not wire.isascii() or "\n" in wire or "\r" in wire or "\x1b" in wire
    mark = message.delimiters.escape
    if not odd and mark not in wire:
        return
    where = segment.name if segment.occurrence == 1 else f"{segment.name}[{segment.occurrence}]"
    for number, field in enumerate(segment.fields):
        if number <= 2 and segment.name in HEADERS:
            continue
        place = f"{where}-{number}"
        if odd and report.has_room("V2-006") and _is_unreadable(message, field):
            what = f"bytes that are no {message.charset}"
            report.warn("V2-006", place, what, "they are kept as they are; have the sender declare what it sends")
        if ("\n" in field or "\r" in field) and report.has_room("V2-009"):
            report.warn("V2-009", place, "a line feed within the field", "the sender should write it as \\.br\\")
        if mark not in field or not report.has_room("V2-008"):
            continue
        if bad_escapes(field, message.delimiters, message.wire_charset):
            what = "an escape character that starts no known sequence"
            report.warn("V2-008", place, what, "it is kept as it is", Severity.INFORMATION)


def _is_unreadable(message: Er7, field: str) -> bool:
    return _UNREADABLE in message.decode_wire(field) and _UNREADABLE not in message.decode_wire(field, "ignore")
