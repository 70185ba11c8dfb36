"""Acknowledgments: what a message is answered with, and what an answer says (HL7 v2.9, 2.9.2 and 2.9.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.hl7v2.charset import ASCII, charset_named
from schemas.hl7v2.delimiters import UNUSED, Delimiters
from schemas.hl7v2.er7 import Er7
from schemas.hl7v2.err import AckError, Release, Writer, err_segments, read_err, release_of
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.header import Header, first_line
from schemas.hl7v2.times import timestamp

CODES = ("AA", "AE", "AR", "CA", "CE", "CR")
"""HL7 table 0008: accept, error and reject, of the application (or in original mode) and of the commit."""

DEFAULT_VERSION = "2.5.1"
"""What an answer declares when the request declares nothing that can be read."""

_LONGEST_MSA_TEXT = 80
_EVENT = re.compile(r"[A-Za-z0-9]{1,8}\Z").match
_MSA = re.compile(rb"(?:\A|[\r\n\x0b])[ \t]*(MSA[!-/:-@\[-`{-~][^\r\n\x1c]*)")


@dataclass(frozen=True, slots=True)
class Ack:
    """What an acknowledgment says: MSA-1 in capitals, MSA-2, MSA-3 or the first error's text, and its ERR segments."""

    code: str
    control_id: str
    text: str = ""
    errors: tuple[AckError, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the code is AA or CA."""
        return self.code in ("AA", "CA")


def ack_mode(header: Header) -> str:
    """`enhanced` when the sender fills MSH-15 or MSH-16, else `original` (2.9.2)."""
    return "enhanced" if _asked(header.accept_ack) or _asked(header.application_ack) else "original"


def wants_accept_ack(header: Header, ok: bool) -> bool:
    """Whether the sender asks for CA (or, not `ok`, CE or CR): MSH-15, table 0155; never in original mode."""
    return ack_mode(header) == "enhanced" and _wants(header.accept_ack, ok)


def wants_application_ack(header: Header, ok: bool) -> bool:
    """Whether the sender asks for AA (or, not `ok`, AE or AR): MSH-16, table 0155; always in original mode."""
    return ack_mode(header) == "original" or _wants(header.application_ack, ok)


def _asked(condition: str) -> bool:
    return condition.strip() not in ("", '""')


def _wants(condition: str, ok: bool) -> bool:
    match condition.strip().upper():
        case "" | '""' | "NE":
            return False
        case "ER":
            return not ok
        case "SU":
            return ok
    return True


def acknowledge(
    request: bytes | Er7 | None,
    code: str,
    *,
    control_id: str,
    now: datetime,
    text: str = "",
    errors: Sequence[tuple[str, str, str]] = (),
) -> bytes:
    """The acknowledgment of `request` with MSA-1 `code`, in the request's version, delimiters and character set.

    `errors` are (`where`, code of table 0357, text) each; `text` and theirs go to the sender as they are. A request
    that cannot be read, or None, is answered with the recommended delimiters and an empty MSA-2. Raises ValueError for
    a `code` that is not of table 0008.
    """
    if code not in CODES:
        raise ValueError(f"{code!r} is no acknowledgment code; one of {', '.join(CODES)}")
    writer = _writer(request)
    delimiters = writer.delimiters
    version = writer.echo(12) or DEFAULT_VERSION
    release = release_of(version.partition(delimiters.component)[0])
    msh = [
        "MSH",
        delimiters.encoding_characters,
        *(writer.echo(number) for number in (5, 6, 3, 4)),
        timestamp(now),
        "",
        _answer_type(writer.echo(9), release, delimiters),
        writer.text(control_id),
        writer.echo(11) or "P",
        version,
    ]
    if writer.echo(18):
        msh += ["", "", "", "", "", writer.echo(18)]
    good = code in ("AA", "CA")
    msa = ["MSA", code, writer.echo(10)]
    if text and release < (2, 7):
        msa.append(writer.text(text[:_LONGEST_MSA_TEXT]))
    listed = [AckError(*each) for each in errors]
    if text and release >= (2, 7):
        listed = [each if each.text else each._replace(text=text) for each in listed]
    if not listed and text and not good and release >= (2, 5):
        listed = [AckError("", "207", text)]
    return writer.encode([msh, msa, *err_segments(listed, release, writer, severity="W" if good else "E")])


def read_ack(body: bytes) -> Ack:
    """What the acknowledgment in `body` says; raises `Hl7Error` when it has no MSA.

    Tolerates a missing final CR, any line ends and delimiters, and an MSA without an MSH.
    """
    try:
        message = Er7.parse(body)
    except Hl7Error:
        message = _without_header(body)
    if not message.named("MSA"):
        raise Hl7Error("the answer holds no MSA segment", where="MSA", hint="it is no acknowledgment of HL7 v2")
    errors = tuple(error for segment in message.named("ERR") for error in read_err(segment))
    text = message.get("MSA-3") or next((error.text for error in errors if error.text), "")
    return Ack(message.get("MSA-1").strip().upper(), message.get("MSA-2").strip(), text, errors)


def _writer(request: bytes | Er7 | None) -> Writer:
    if request is None:
        return Writer()
    if isinstance(request, bytes):
        line = first_line(request)
        if line is not None:
            return _plain_writer(line.decode("ascii"))
        try:
            request = Er7.parse(request)
        except Hl7Error:
            return Writer()
    return Writer(request.named("MSH")[0].fields, request.delimiters, request.wire_charset)


def _plain_writer(line: str) -> Writer:
    fields = line.split(line[3])
    fields.insert(1, line[3])
    delimiters = Delimiters.declared(line[3], fields[2])
    named = charset_named(fields[18], delimiters.repetition) if len(fields) > 18 and fields[18] else None
    return Writer(fields, delimiters, ASCII if named is None or named.is_wide else named)


def _answer_type(asked: str, release: Release, delimiters: Delimiters) -> str:
    """MSH-9 of the answer: `ACK`, from 2.3 on with the request's event, from 2.3.1 on with the structure."""
    kind, _, rest = asked.partition(delimiters.component)
    event = rest.partition(delimiters.component)[0] or kind.partition("_")[2]
    if not _EVENT(event) or release < (2, 3) or delimiters.component == UNUSED:
        return "ACK"
    return delimiters.component.join(("ACK", event) if release < (2, 3, 1) else ("ACK", event, "ACK"))


def _without_header(body: bytes) -> Er7:
    """The message that an MSA without MSH belongs to."""
    found = _MSA.search(body)
    if found is None:
        raise Hl7Error("the answer holds no MSA segment", where="MSA", hint="it is no acknowledgment of HL7 v2")
    separator = found.group(1)[3:4]
    return Er7.parse(b"MSH" + separator + b"^~\\&\r" + body[found.start(1) :])
