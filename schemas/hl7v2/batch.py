"""Batches: files of several messages, with or without FHS, BHS, BTS and FTS around them (HL7 v2.9, 2.10.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.finding import Finding, Severity
from schemas.hl7v2.charset import Charset
from schemas.hl7v2.delimiters import STANDARD, Delimiters
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.escape import escape
from schemas.hl7v2.opening import wide_charset
from schemas.hl7v2.times import timestamp

_MARK = re.compile(
    r"(?:(?<=[\r\n\x0b])|\A(?:\ufeff|\xef\xbb\xbf)?)[ \t\x00]*"
    r"((?:MSH|FHS|BHS|BTS|FTS)(?=[!-/:-@\[-`{-~])|[BF]TS(?=[\r\n]|\Z))"
)
_FIRST_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n)?")
_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANK = "\r\n\t \x00\x0b\x1a\x1c"
_FRAME_CHARACTERS = str.maketrans("", "", "\x00\x0b\x1a\x1c")
_MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """One message of a batch: its exact bytes, the FHS and BHS above it ("" where none), its first line, from 1."""

    body: bytes
    line: int
    file_header: bytes = b""
    batch_header: bytes = b""

    def __repr__(self) -> str:
        return f"<BatchMessage line {self.line} {len(self.body)} bytes>"


@dataclass(frozen=True, slots=True)
class Batch:
    """What a body of several messages holds; `enveloped` says whether there is an FHS or a BHS."""

    messages: tuple[BatchMessage, ...]
    enveloped: bool
    findings: tuple[Finding, ...] = ()


def may_hold_several(body: bytes) -> bool:
    """Whether `body` may hold several messages: cheap, and false for an ordinary message only."""
    return body.count(b"MSH") != 1


def split_batch(body: bytes) -> Batch:
    """The messages in `body`, in order, whether or not batch segments surround them.

    A missing trailer, a wrong count and text that belongs to no message are findings. Raises `Hl7Error` when there is
    neither a message nor an envelope.
    """
    charset = (wide_charset(body) if b"MSH" not in body else None) or Charset("iso8859-1")
    whole = len(body) - len(body) % charset.unit
    return _Splitter(charset, charset.to_wire(body[:whole])).split()


class _Splitter:
    """One pass over the batch segments and messages of a body."""

    def __init__(self, charset: Charset, wire: str) -> None:
        self._charset = charset
        self._wire = wire
        self._file = self._batch = ""
        self._messages: list[BatchMessage] = []
        self._findings: list[Finding] = []
        self._enveloped = False
        self._line = 1
        self._batches = self._in_batch = 0

    def split(self) -> Batch:
        marks = list(_MARK.finditer(self._wire))
        if not marks:
            raise Hl7Error(
                "neither a message nor a batch header was found",
                where="MSH",
                hint="a batch starts with FHS, BHS or MSH",
            )
        self._stray(self._wire[: marks[0].start(1)])
        self._advance(self._wire[: marks[0].start(1)])
        for at, mark in enumerate(marks):
            end = marks[at + 1].start(1) if at + 1 < len(marks) else len(self._wire)
            piece = self._wire[mark.start(1) : end]
            if mark.group(1) == "MSH":
                self._message(piece)
            else:
                first = _FIRST_LINE.match(piece)
                text = first.group(1).rstrip(_BLANK) if first else ""
                self._envelope(mark.group(1), text)
                self._stray(piece[first.end() :] if first else "")
            self._advance(piece)
        if self._batch:
            self._note("V2-022", "BTS", "the batch has no trailer", "the file may have been cut off: ask the sender")
        if self._file:
            self._note("V2-022", "FTS", "the file has no trailer", "the file may have been cut off: ask the sender")
        return Batch(tuple(self._messages), self._enveloped, tuple(self._findings))

    def _message(self, piece: str) -> None:
        self._in_batch += 1
        self._messages.append(
            BatchMessage(self._bytes(_trimmed(piece)), self._line, self._bytes(self._file), self._bytes(self._batch))
        )

    def _envelope(self, name: str, text: str) -> None:
        self._enveloped = True
        match name:
            case "FHS":
                self._file, self._batch, self._batches, self._in_batch = text, "", 0, 0
            case "BHS":
                if self._batch:
                    self._note("V2-022", "BTS", "a batch starts before the last one ended", "no message is lost by it")
                self._batch, self._in_batch = text, 0
                self._batches += 1
            case "BTS":
                self._count("BTS-1", text, self._in_batch, "messages")
                self._batch, self._in_batch = "", 0
            case "FTS":
                if self._batch:
                    self._note("V2-022", "BTS", "the batch has no trailer", "no message is lost by it")
                self._count("FTS-1", text, self._batches, "batches")
                self._file = self._batch = ""

    def _count(self, where: str, text: str, found: int, what: str) -> None:
        declared = text[4:].partition(text[3:4] or "|")[0].strip()
        if declared.isdecimal() and len(declared) < 10 and int(declared) != found:
            self._note(
                "V2-023", where, f"declares {int(declared)} {what}, {found} are there", "ask the sender for the rest"
            )

    def _stray(self, text: str) -> None:
        if text.strip(_BLANK + "\ufeff\xef\xbb\xbf"):
            self._note("V2-021", f"line {self._line}", "text that belongs to no message", "it is not carried")

    def _note(self, code: str, where: str, what: str, hint: str) -> None:
        if len(self._findings) < _MOST_FINDINGS:
            self._findings.append(Finding(code, where, what, hint, Severity.WARNING))

    def _advance(self, piece: str) -> None:
        self._line += len(_LINE_END.findall(piece))

    def _bytes(self, wire: str) -> bytes:
        return self._charset.from_wire(wire)


def _trimmed(piece: str) -> str:
    """A message without blank lines and frame characters after its last segment."""
    text = piece.rstrip(_BLANK)
    first = _FIRST_LINE.match(piece, len(text))
    rest = first.group() if first else ""
    return text + rest.translate(_FRAME_CHARACTERS)


def build_batch(
    messages: Sequence[bytes],
    *,
    control_id: str,
    now: datetime,
    sending_application: str = "",
    sending_facility: str = "",
    receiving_application: str = "",
    receiving_facility: str = "",
    file: bool = True,
    delimiters: Delimiters = STANDARD,
) -> bytes:
    """One batch of `messages`, in a file unless `file` is False; a message without a line end at its end gets a CR.

    `control_id` goes to BHS-11 and FHS-11. The messages must be in a character set that contains ASCII.
    """
    parties = (sending_application, sending_facility, receiving_application, receiving_facility)
    described = [escape(party, delimiters) for party in parties]
    fields = [*described, timestamp(now), "", "", "", escape(control_id, delimiters)]
    separator = delimiters.field
    opening = separator.join((delimiters.encoding_characters, *fields))
    head = f"BHS{separator}{opening}\r"
    tail = f"BTS{separator}{len(messages)}\r"
    if file:
        head = f"FHS{separator}{opening}\r{head}"
        tail += f"FTS{separator}1\r"
    ended = (body if body.endswith((b"\r", b"\n")) else body + b"\r" for body in messages)
    return head.encode() + b"".join(ended) + tail.encode()
