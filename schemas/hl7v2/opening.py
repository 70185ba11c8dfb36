"""The opening of a message: where MSH is, which delimiters and character set it declares."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from schemas.hl7v2.charset import Charset, charset_named
from schemas.hl7v2.delimiters import Delimiters
from schemas.hl7v2.error import Hl7Error

_AT_LINE_START = re.compile(r"(?:\A|[\r\n])[\s\x0b\ufeff\xef\xbb\xbf\x00]*(MSH[^\w\s])", re.ASCII)
_ANYWHERE = re.compile(r"(MSH[^\w\s])", re.ASCII)
_LINE_BREAK = re.compile(r"[\r\n]")
_SEARCHED = 65_536
"""How far into a body a header is looked for, in characters."""

_WIDE = (
    (b"M\0\0\0S\0\0\0H\0\0\0", "utf-32-le"),
    (b"\0\0\0M\0\0\0S\0\0\0H", "utf-32-be"),
    (b"M\0S\0H\0", "utf-16-le"),
    (b"\0M\0S\0H", "utf-16-be"),
)
ASCII = Charset("ascii")


class Opening(NamedTuple):
    """What is known of a message before its segments are split.

    `wire` is the whole body as wire text, `offset` where MSH starts in it, `tail` the bytes after it that make no
    character. `is_simple` says that wire text is text: ASCII throughout.
    """

    wire: str
    offset: int
    tail: bytes
    delimiters: Delimiters
    charset: Charset
    is_simple: bool


def open_message(body: bytes, charset: str | None = None) -> Opening:
    """The opening of the message in `body`; raises `Hl7Error` when there is no MSH with a field separator."""
    simple = body.isascii() and b"\x1b" not in body and b"\0" not in body[:64]
    if not simple:
        wide = _wide(body)
        if wide is not None:
            return wide
    wire = body.decode("latin-1")
    offset = 0 if wire[:3] == "MSH" and _ANYWHERE.match(wire) else _find_header(wire)
    found = _LINE_BREAK.search(wire, offset)
    head = wire[offset : found.start()] if found else wire[offset:]
    separator = head[3]
    fields = head.split(separator, 18)
    delimiters = Delimiters.declared(separator, fields[1])
    names = fields[17].split(separator, 1)[0] if len(fields) > 17 else ""
    chosen = _choose(body, names, delimiters, charset, simple)
    if simple and not (chosen.jis and "\\M" in wire):
        return Opening(wire, offset, b"", delimiters, chosen, True)
    return Opening(chosen.to_wire(body), offset, b"", delimiters, chosen, False)


def _choose(body: bytes, names: str, delimiters: Delimiters, option: str | None, simple: bool) -> Charset:
    if names and names != '""':
        declared = charset_named(names, delimiters.repetition)
        if declared is not None and not declared.is_wide and (declared.codec != "ascii" or declared.jis or simple):
            return declared
    elif option:
        declared = charset_named(option)
        if declared is not None and not declared.is_wide:
            return declared
    return ASCII if simple else _guess(body)


def _guess(body: bytes) -> Charset:
    """What bytes beyond ASCII are read as when nothing true is declared: UTF-8 if they are valid in it, else 8859/1."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return Charset("iso8859-1")
    return Charset("utf-8")


def _find_header(wire: str) -> int:
    found = _AT_LINE_START.search(wire, 0, _SEARCHED) or _ANYWHERE.search(wire, 0, _SEARCHED)
    if found is None:
        raise Hl7Error(
            "no MSH segment with a field separator was found",
            where="MSH",
            hint="check that the sender sends HL7 v2 (MSH|^~\\&|...) and not XML, JSON or an empty message",
        )
    return found.start(1)


def _wide(body: bytes) -> Opening | None:
    """The opening of a message in UTF-16 or UTF-32, None where `body` is none."""
    head = body[: 2 * _SEARCHED]
    for mark, codec in _WIDE:
        if mark not in head:
            continue
        size = 4 if "32" in codec else 2
        whole = len(body) - len(body) % size
        charset = Charset(codec)
        try:
            wire = charset.to_wire(body[:whole])
        except UnicodeDecodeError:
            return None
        if codecs.encode(wire, codec, "surrogatepass") != body[:whole]:
            return None
        offset = _find_header(wire)
        found = _LINE_BREAK.search(wire, offset)
        head_line = wire[offset : found.start()] if found else wire[offset:]
        separator = head_line[3]
        delimiters = Delimiters.declared(separator, head_line.split(separator, 2)[1])
        return Opening(wire, offset, body[whole:], delimiters, charset, False)
    return None
