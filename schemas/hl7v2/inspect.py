"""What is wrong with the encoding of a message, as findings V2-001 to V2-009; none of them quotes its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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
    shown: list[Finding] = []
    counts: Counter[str] = Counter()
    for finding in _all(message, opening):
        counts[finding.code] += 1
        if counts[finding.code] <= _MOST_OF_A_KIND:
            shown.append(finding)
    return shown


def _all(message: Er7, opening: Opening) -> Iterator[Finding]:
    if message.lead.strip("\r\n\t \x00\x0b\ufeff\xef\xbb\xbf"):
        yield _warning("V2-001", "MSH", "text before the header", "the sender's framing or file may be damaged")
    yield from _delimiters(message)
    yield from _charset(message, opening)
    seen: Counter[str] = Counter()
    for segment in message.segments:
        seen[segment.name] += 1
        where = segment.name if seen[segment.name] == 1 else f"{segment.name}[{seen[segment.name]}]"
        if not segment.name:
            line = f"line {message.line_of(segment)}" if seen[""] <= _MOST_OF_A_KIND else "line"
            yield _warning("V2-003", line, "this line is no segment", "a segment starts with three letters or digits")
        elif segment.name == "MSH" and seen["MSH"] == 2:
            yield _warning("V2-002", where, "a second header: this is more than one message", "use the step split")
        yield from _texts(message, segment, where)
    if opening.tail:
        yield _warning("V2-006", "line end", "bytes at the end that make no character", "the message may be cut off")


def _delimiters(message: Er7) -> Iterator[Finding]:
    declared = message.named("MSH")[0].fields[2] if len(message.named("MSH")[0].fields) > 2 else ""
    used = message.delimiters.encoding_characters
    if not declared:
        yield _warning("V2-004", "MSH-2", "no encoding characters", f"{ENCODING_CHARACTERS} are assumed")
    elif declared != used:
        yield _warning("V2-004", "MSH-2", "encoding characters are repeated, or too many", "the first of each counts")
    elif len(declared) < 4:
        yield _warning("V2-004", "MSH-2", "fewer than four encoding characters", f"{ENCODING_CHARACTERS} is usual")
    if any(character.isalnum() for character in used):
        yield _warning("V2-004", "MSH-2", "a letter or digit as encoding character", f"{ENCODING_CHARACTERS} is usual")


def _charset(message: Er7, opening: Opening) -> Iterator[Finding]:
    names = message.get("MSH-18")
    known = charset_named(names, message.delimiters.repetition) if names not in ("", '""') else None
    if names not in ("", '""') and known is None:
        what = f"an unknown character set; {message.charset} is assumed"
        yield _warning("V2-005", "MSH-18", what, "names are those of HL7 table 0211, for example UNICODE UTF-8")
    elif known is not None and known.unit != opening.charset.unit:
        what = f"the message is not in the character set that it declares; {message.charset} is assumed"
        yield _warning("V2-005", "MSH-18", what, "have the sender declare what it sends")
    elif not opening.is_simple and not (known or opening.by_option or opening.charset.unit > 1):
        what = f"characters beyond ASCII and no character set; {message.charset} is assumed"
        yield Finding("V2-007", "MSH-18", what, "give the channel's option charset", Severity.INFORMATION)
    elif known is not None and known.codec == "ascii" and not known.jis and opening.charset.codec != "ascii":
        what = f"characters beyond ASCII, and ASCII is declared; {message.charset} is assumed"
        yield _warning("V2-007", "MSH-18", what, "have the sender declare what it sends")


def _texts(message: Er7, segment: Segment, where: str) -> Iterator[Finding]:
    """Findings about the characters of a segment, by field."""
    wire = segment.wire
    odd = not wire.isascii() or "\n" in wire or "\r" in wire or "\x1b" in wire
    mark = message.delimiters.escape
    if not odd and mark not in wire:
        return
    header = segment.name in HEADERS
    for number, field in enumerate(segment.fields):
        if header and number <= 2:
            continue
        place = f"{where}-{number}"
        if (
            odd
            and _UNREADABLE in message.decode_wire(field)
            and _UNREADABLE not in message.decode_wire(field, "ignore")
        ):
            what = f"bytes that are no {message.charset}"
            yield _warning("V2-006", place, what, "they are kept as they are; have the sender declare what it sends")
        if "\n" in field or "\r" in field:
            yield _warning("V2-009", place, "a line feed within the field", "the sender should write it as \\.br\\")
        if mark in field and bad_escapes(field, message.delimiters, message.wire_charset):
            what = "an escape character that starts no known sequence"
            yield Finding("V2-008", place, what, "it is kept as it is", Severity.INFORMATION)


def _warning(code: str, where: str, what: str, hint: str) -> Finding:
    return Finding(code, where, what, hint, Severity.WARNING)
