"""The opening of a message: where MSH is, which delimiters and character set it declares."""

from __future__ import annotations

import re
from typing import NamedTuple

from schemas.hl7v2.charset import ASCII, Charset, charset_named
from schemas.hl7v2.delimiters import Delimiters
from schemas.hl7v2.error import Hl7Error

_AT_LINE_START = re.compile(r"(?:(?<=[\r\n\x0b])|\A(?:\ufeff|\xef\xbb\xbf)?)[ \t\x00]*(MSH[!-/:-@\[-`{-~])")
_ANYWHERE = re.compile(r"(MSH[!-/:-@\[-`{-~])")
_SEARCHED = 65_536
"""How far into a body a header is looked for, in characters."""

_WIDE = (
    (b"M\0\0\0S\0\0\0H\0\0\0", Charset("utf-32-le", unit=4)),
    (b"\0\0\0M\0\0\0S\0\0\0H", Charset("utf-32-be", unit=4)),
    (b"M\0S\0H\0", Charset("utf-16-le", unit=2)),
    (b"\0M\0S\0H", Charset("utf-16-be", unit=2)),
)


class Opening(NamedTuple):
    """What is known of a message before its segments are split.

    `wire` is the whole body as wire text, `offset` where MSH starts in it, `tail` the bytes after it that make no
    character. `is_simple` says that wire text is text: ASCII throughout. `by_option` says that the character set is
    the channel's.
    """

    wire: str
    offset: int
    tail: bytes
    delimiters: Delimiters
    charset: Charset
    is_simple: bool
    by_option: bool = False


def open_message(body: bytes, charset: str | None = None) -> Opening:
    """The opening of the message in `body`; raises `Hl7Error` when there is no MSH with a field separator."""
    wire = body.decode("latin-1")
    offset = 0 if _ANYWHERE.match(wire) else find_header(wire)
    if offset < 0:
        wide = wide_charset(body)
        if wide is None:
            raise Hl7Error(
                "no MSH segment with a field separator was found",
                where="MSH",
                hint="check that the sender sends HL7 v2 (MSH|^~\\&|...) and not XML, JSON or an empty message",
            )
        return _open_wide(body, wide)
    simple = body.isascii()
    separator, encoding_characters, names = _declared(wire, offset)
    delimiters = Delimiters.declared(separator, encoding_characters)
    declared = _named(names, delimiters.repetition)
    option = None if declared is not None or (names and names != '""') else _named(charset or "")
    chosen = declared or option
    if chosen is None or (chosen.codec == "ascii" and not chosen.jis and not simple):
        chosen = ASCII if simple else _guess(body)
    if simple and not (chosen.jis and ("\x1b" in wire or "\\M" in wire)):
        return Opening(wire, offset, b"", delimiters, chosen, True)
    # What comes before the header is not decoded with it: its last byte may look like the first half of a character.
    wire = wire[:offset] + chosen.to_wire(body[offset:])
    return Opening(wire, offset, b"", delimiters, chosen, False, option is not None)


def _named(names: str, separator: str = "~") -> Charset | None:
    """The character set that is declared, None where it is none that bytes with ASCII in them can be in."""
    named = charset_named(names, separator) if names and names != '""' else None
    return None if named is None or named.is_wide else named


def _guess(body: bytes) -> Charset:
    """What bytes beyond ASCII are read as when nothing true is declared: UTF-8 if they are valid in it, else 8859/1."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return Charset("iso8859-1")
    return Charset("utf-8")


def find_header(wire: str) -> int:
    """Where MSH starts: at the start of a line, else anywhere; -1 where it does not."""
    found = _AT_LINE_START.search(wire, 0, _SEARCHED) or _ANYWHERE.search(wire, 0, _SEARCHED)
    return -1 if found is None else found.start(1)


def wide_charset(body: bytes) -> Charset | None:
    """UTF-16 or UTF-32 where `body` has a header in it, else None."""
    head = body[:_SEARCHED]
    for mark, charset in _WIDE:
        at = head.find(mark)
        if at < 0 or at % charset.unit:
            continue
        whole = body[: len(body) - len(body) % charset.unit]
        try:
            wire = charset.to_wire(whole)
        except UnicodeError:
            continue
        if find_header(wire) >= 0 and charset.from_wire(wire) == whole:
            return charset
    return None


def _open_wide(body: bytes, charset: Charset) -> Opening:
    whole = len(body) - len(body) % charset.unit
    wire = charset.to_wire(body[:whole])
    offset = find_header(wire)
    separator, encoding_characters, _ = _declared(wire, offset)
    return Opening(wire, offset, body[whole:], Delimiters.declared(separator, encoding_characters), charset, False)


def _declared(wire: str, offset: int) -> tuple[str, str, str]:
    """MSH-1, MSH-2 and MSH-18 of the header at `offset`."""
    end = wire.find("\r", offset)
    head = wire[offset:] if end < 0 else wire[offset:end]
    feed = head.find("\n")
    if feed >= 0:
        head = head[:feed]
    separator = head[3]
    fields = head.split(separator, 18)
    return separator, fields[1], fields[17] if len(fields) > 17 else ""
