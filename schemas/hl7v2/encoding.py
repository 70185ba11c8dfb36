"""What the segments of one message share: how its wire text is read and written."""

from __future__ import annotations

from schemas.hl7v2 import escape
from schemas.hl7v2.charset import Charset
from schemas.hl7v2.delimiters import Delimiters
from schemas.hl7v2.error import Hl7Error


class Encoding:
    """The delimiters and character set of one message, and whether the message has been edited.

    `is_simple` says that wire text is text. Segments hold this and not their message, so that a message is freed when
    it is let go, without waiting for the garbage collector.
    """

    __slots__ = ("charset", "delimiters", "edited", "is_simple")

    def __init__(self, delimiters: Delimiters, charset: Charset, is_simple: bool) -> None:
        self.delimiters = delimiters
        self.charset = charset
        self.is_simple = is_simple
        self.edited = False

    def plain(self, wire: str) -> str:
        """The plain text of a leaf."""
        if not self.is_simple:
            wire = self.decode(wire)
        return escape.unescape(wire, self.delimiters, self.charset) if self.delimiters.escape in wire else wire

    def element(self, wire: str) -> str:
        """The encoded text of a composite element, the plain text of a simple one."""
        delimiters = self.delimiters
        if delimiters.component in wire or delimiters.subcomponent in wire or delimiters.repetition in wire:
            return self.decode(wire)
        return self.plain(wire)

    def decode(self, wire: str, errors: str = "replace") -> str:
        """The encoded text that `wire` stands for; `errors` as for Python's codecs."""
        if self.is_simple:
            return wire
        if self.charset.jis:
            wire = escape.code_switches(wire, self.delimiters)
        return wire if wire.isascii() and "\x1b" not in wire else self.charset.decode(wire, errors)

    def write_plain(self, value: str) -> str:
        """The wire text of plain text; raises `Hl7Error`."""
        return self.write(escape.escape(value, self.delimiters))

    def write(self, text: str) -> str:
        """The wire text of encoded text; raises `Hl7Error`."""
        if "\r" in text or "\n" in text:
            raise Hl7Error("encoded text cannot hold a line break", hint="write \\.br\\, or use set, which escapes")
        if text.isascii():
            return text
        self.is_simple = False
        try:
            return self.charset.encode(text)
        except UnicodeEncodeError:
            raise Hl7Error(
                f"the message's character set ({self.charset.codec}) has no such characters",
                where="MSH-18",
                hint="the message must be in a character set that has them, UNICODE UTF-8 for example",
            ) from None
