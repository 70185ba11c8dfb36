"""ERR segments, written and read in the form of each version (HL7 v2.4, 2.16.5; v2.9, 2.14.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.hl7v2.charset import ASCII, Charset
from schemas.hl7v2.delimiters import STANDARD, UNUSED, Delimiters
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.escape import escape
from schemas.hl7v2.path import Path
from schemas.hl7v2.segment import Segment

CONDITIONS = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "104": "Value too long",
    "198": "Non-conformant cardinality",
    "199": "Other HL7 error",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application error",
}
"""HL7 table 0357, message error condition codes."""

_FRAME_CHARACTERS = str.maketrans("", "", "\x0b\x1c\r\n")
_HARMLESS = re.compile(r"[A-Za-z0-9 .,:()-]*\Z").match
_LONGEST_USER_MESSAGE = 250
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}\Z", re.ASCII)

Release = tuple[int, ...]


class AckError(NamedTuple):
    """One error of an acknowledgment: `where` is an address (`PID-3.1`), `code` of table 0357, `text` for people."""

    where: str
    code: str
    text: str = ""


class Writer:
    """Writes segments in the delimiters and character set of a request, whose MSH it can echo.

    `fields` are the request's MSH as wire text, `fields[3]` being MSH-3; none of them where there is no request.
    """

    def __init__(self, fields: Sequence[str] = (), delimiters: Delimiters = STANDARD, charset: Charset = ASCII) -> None:
        self._fields = fields
        self._charset = charset
        self.delimiters = delimiters

    def echo(self, number: int) -> str:
        """The request's MSH-`number` as wire text, without the characters that would end a frame."""
        if number >= len(self._fields):
            return ""
        value = self._fields[number]
        return value.translate(_FRAME_CHARACTERS) if "\x0b" in value or "\x1c" in value or "\n" in value else value

    def text(self, value: str) -> str:
        """`value` as wire text; what the request's header does not allow to be written becomes a question mark."""
        if _HARMLESS(value):
            return value
        try:
            escaped = escape(value, self.delimiters)
        except Hl7Error:
            escaped = re.sub(rf"[^\w .:,-]|{re.escape(self.delimiters.field)}", "?", value)
        try:
            return self._charset.encode(escaped)
        except UnicodeEncodeError:
            return escaped.encode("ascii", "replace").decode("ascii")

    def join(self, *parts: str) -> str:
        """A composite value of `parts`; only the first part where the request declares no component separator."""
        if self.delimiters.component == UNUSED:
            return parts[0]
        return self.delimiters.component.join(parts).rstrip(self.delimiters.component)

    def encode(self, segments: Iterable[Sequence[str]]) -> bytes:
        """The bytes of a message of `segments`, each given as the wire text of its parts."""
        wire = "".join([self.delimiters.field.join(parts) + "\r" for parts in segments])
        return self._charset.from_wire(wire)


@lru_cache(maxsize=64)
def release_of(version: str) -> Release:
    """`2.5.1` as (2, 5, 1); (2, 5, 1) for what is no version of HL7 v2."""
    found = re.match(r"\s*2\.(\d{1,2})(?:\.(\d{1,2}))?", version)
    return (2, *(int(part) for part in found.groups() if part)) if found else (2, 5, 1)


def err_segments(errors: Sequence[AckError], release: Release, writer: Writer, severity: str) -> list[list[str]]:
    """The ERR segments for `errors`: one with repetitions of ERR-1 before version 2.5, later one for each error."""
    if not errors:
        return []
    if release >= (2, 5):
        return [_err(error, writer, severity) for error in errors]
    separator = writer.delimiters.repetition
    listed = [_location_and_code(error, release, writer) for error in errors]
    return [["ERR", listed[0] if separator == UNUSED else separator.join(listed)]]


def read_err(segment: Segment) -> list[AckError]:
    """The errors that an ERR segment of any version reports."""
    if not segment.get("2") and not segment.get("3"):
        return [_read_location_and_code(segment, each + 1) for each in range(len(segment.get_all("1[*]")))]
    text = segment.get("8") or segment.get("3.2") or segment.get("7")
    parts = [segment.get(f"2.{number}") for number in range(1, 7)]
    return [AckError(_address(*parts), segment.get("3.1"), text)]


def _err(error: AckError, writer: Writer, severity: str) -> list[str]:
    path = _path(error.where)
    location = ""
    if path is not None:
        numbers = [path.field, (path.repetition or 1) if path.field else 0, path.component, path.subcomponent]
        location = writer.join(path.segment, str(path.occurrence or 1), *(str(number or "") for number in numbers))
    condition = writer.join(writer.text(error.code), CONDITIONS.get(error.code, ""), "HL70357")
    text = writer.text(error.text[:_LONGEST_USER_MESSAGE])
    return (
        ["ERR", "", location, condition, severity, "", "", "", text]
        if text
        else ["ERR", "", location, condition, severity]
    )


def _location_and_code(error: AckError, release: Release, writer: Writer) -> str:
    """ERR-1 before version 2.5: segment, sequence, field and the condition, coded from 2.3 on."""
    path = _path(error.where)
    place = ("", "", "") if path is None else (path.segment, str(path.occurrence or 1), str(path.field or ""))
    condition = writer.text(error.code)
    within = writer.delimiters.subcomponent
    if release >= (2, 3) and within != UNUSED:
        condition = within.join((condition, writer.text(error.text) or CONDITIONS.get(error.code, ""), "HL70357"))
    return writer.join(*place, condition)


def _read_location_and_code(segment: Segment, repetition: int) -> AckError:
    parts = [segment.get(f"1[{repetition}].{number}") for number in range(1, 4)]
    code = segment.get(f"1[{repetition}].4.1")
    return AckError(_address(*parts), code, segment.get(f"1[{repetition}].4.2"))


def _path(where: str) -> Path | None:
    try:
        return Path.parse(where)
    except Hl7Error:
        return Path(where) if _SEGMENT.match(where) else None


def _address(segment: str, *numbers: str) -> str:
    """The address that an error location (sequence, field, repetition, component, subcomponent) writes, or ""."""
    if not _SEGMENT.match(segment):
        return ""
    occurrence, field, repetition, component, subcomponent = (_number(each) for each in (*numbers, *[""] * 5)[:5])
    if not field:
        return str(Path(segment, occurrence or 1))
    return str(Path(segment, occurrence or 1, field, repetition if repetition > 1 else None, component, subcomponent))


def _number(text: str) -> int:
    return int(text) if re.match(r"\d{1,6}\Z", text, re.ASCII) else 0
