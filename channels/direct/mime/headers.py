"""The header section of a mail or a part, read strictly (RFC 5322 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

from channels.direct.mime.error import MimeError

Octets = bytes | bytearray | mmap

MOST_HEADERS = 1000
MOST_OCTETS = 1 << 18

_NAME = re.compile(rb"[!-9;-~]+\Z")
_FOLD = re.compile(rb"\n([ \t])")
_ONCE = ("content-type", "content-transfer-encoding", "content-disposition", "content-id", "mime-version")


class Header(NamedTuple):
    """One header: its name as it was written, and its value without the folding."""

    name: str
    value: str


class Headers:
    """The headers of a mail or a part in their order; names are looked up without regard to case."""

    __slots__ = ("_first", "is_ascii", "items")

    def __init__(self, items: tuple[Header, ...], is_ascii: bool = True) -> None:
        self.items = items
        self.is_ascii = is_ascii
        self._first: dict[str, str] = {}
        for header in items:
            self._first.setdefault(header.name.lower(), header.value)

    @classmethod
    def read(cls, octets: Octets, start: int, end: int) -> tuple[Headers, int]:
        """The headers from `start` on, and where the body begins.

        Raises `MimeError` for lines that are no headers, lone CR, NUL, a header that describes the content twice, and
        for more than 1000 headers or 256 KiB.
        """
        section, body = _section(octets, start, end)
        if b"\0" in section or b"\r" in section:
            raise MimeError("mime-header", "a NUL or a lone CR stands in the headers")
        if section[:1] in (b" ", b"\t"):
            raise MimeError("mime-header", "the headers begin with a continuation")
        lines = _FOLD.sub(rb"\1", section).split(b"\n")[:-1]
        if len(lines) > MOST_HEADERS:
            raise MimeError("mime-header", "there are more than 1000 headers")
        items: list[Header] = []
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon or not _NAME.match(name):
                raise MimeError("mime-header", f"header {len(items) + 1} is none")
            items.append(Header(name.decode(), value.decode("utf-8", "replace").strip(" \t")))
        headers = cls(tuple(items), section.isascii())
        for once in _ONCE:
            if len(headers.all(once)) > 1:
                raise MimeError("mime-header-twice", f"{once} is there twice", "software may take either of them")
        return headers, body

    def __iter__(self) -> Iterator[Header]:
        return iter(self.items)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first

    def get(self, name: str, default: str = "") -> str:
        """The value of the first header `name`."""
        return self._first.get(name.lower(), default)

    def all(self, name: str) -> list[str]:
        """The values of every header `name`."""
        lowered = name.lower()
        if lowered not in self._first:
            return []
        return [header.value for header in self.items if header.name.lower() == lowered]

    def one(self, name: str) -> str:
        """The value of the one header `name`; raises `MimeError` when it is missing, empty or there twice."""
        values = self.all(name)
        if len(values) > 1:
            raise MimeError("mime-header-twice", f"{name} is there {len(values)} times", "one is allowed")
        if not values or not values[0]:
            raise MimeError("mime-header-missing", f"{name} is missing", "the sender's software must write it")
        return values[0]


def _section(octets: Octets, start: int, end: int) -> tuple[bytes, int]:
    """The lines in front of the empty one, each with LF, and the place after the empty one."""
    position = start
    limit = min(end, start + MOST_OCTETS)
    while position < limit:
        line_end = octets.find(b"\n", position, limit)
        if line_end < 0:
            position = limit
            break
        if line_end == position or (line_end == position + 1 and octets[position] == 13):
            return bytes(octets[start:position]).replace(b"\r\n", b"\n"), line_end + 1
        position = line_end + 1
    if position < end:
        raise MimeError("mime-header", "the headers are longer than 256 KiB")
    section = bytes(octets[start:end]).replace(b"\r\n", b"\n")
    return section if not section or section.endswith(b"\n") else section + b"\n", end
