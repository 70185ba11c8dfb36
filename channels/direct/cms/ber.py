"""ASN.1 as it is on the wire: BER in any of its forms read, DER written (X.690).

BouncyCastle, and with it most of Direct, writes indefinite lengths and strings in chunks of a thousand octets. A tree
over the input holds places, not copies, so that a document of 25 MB costs nothing to read but its digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import SupportsIndex, overload

from channels.direct.cms.error import CmsError

INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x05, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
_CONSTRUCTED = 0x20

MOST_ELEMENTS = 200_000
MOST_DEPTH = 32


class BerError(CmsError):
    """The octets are no BER, or BER beyond the limits on depth and number."""

    def __init__(self, what: str) -> None:
        super().__init__("cms-malformed", what, "the message is damaged or its sender's software does not write CMS")


class _Budget:
    """How many elements may still be read of one input, so that a small message cannot fill the memory."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_ELEMENTS


class Children(list["Element"]):
    """The elements inside another; to ask for one that is not there raises `BerError`."""

    @overload
    def __getitem__(self, place: SupportsIndex) -> Element: ...

    @overload
    def __getitem__(self, place: slice) -> Children: ...

    def __getitem__(self, place: SupportsIndex | slice) -> Element | Children:
        try:
            found = super().__getitem__(place)
        except IndexError:
            raise BerError("something is missing in a structure") from None
        return Children(found) if isinstance(found, list) else found


class Element:
    """One element: its identifier octet, its contents and the whole of it, all of them places in the input."""

    __slots__ = ("_budget", "_children", "_depth", "content", "tag", "whole")

    def __init__(
        self,
        tag: int,
        content: memoryview,
        whole: memoryview,
        children: Children | None,
        depth: int,
        budget: _Budget,
    ) -> None:
        self.tag = tag
        self.content = content
        self.whole = whole
        self._children = children
        self._depth = depth
        self._budget = budget

    @property
    def children(self) -> Children:
        """The elements inside, read once; raises `BerError`."""
        if self._children is None:
            if not self.tag & _CONSTRUCTED:
                raise BerError("a simple element stands where a structure belongs")
            self._children = Children()
            position = 0
            while position < len(self.content):
                child, position = _read(self.content, position, self._depth + 1, self._budget)
                self._children.append(child)
        return self._children

    def pieces(self) -> Iterator[memoryview]:
        """The octets of a string, chunk after chunk, whatever its tag is; raises `BerError`."""
        if not self.tag & _CONSTRUCTED:
            yield self.content
            return
        for child in self.children:
            if child.tag & ~_CONSTRUCTED != OCTET_STRING:
                raise BerError("a string in chunks holds something else than octet strings")
            yield from child.pieces()

    def octets(self) -> bytes:
        """The octets of a string that is known to be short."""
        return b"".join(self.pieces())

    def integer(self) -> int:
        """The value of an INTEGER; raises `BerError`."""
        if self.tag != INTEGER or not 0 < len(self.content) <= 128:
            raise BerError("an integer is missing or too long")
        return int.from_bytes(self.content, "big", signed=True)

    def oid(self) -> str:
        """The value of an OBJECT IDENTIFIER with dots; raises `BerError`."""
        if self.tag != OID or not 0 < len(self.content) <= 64 or self.content[-1] & 0x80:
            raise BerError("an object identifier is missing or damaged")
        arcs, value = [], 0
        for octet in self.content:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))

    def bits(self) -> bytes:
        """The octets of a BIT STRING that has no unused bits; raises `BerError`."""
        if self.tag != BIT_STRING or len(self.content) < 1 or self.content[0] != 0:
            raise BerError("a bit string is missing or damaged")
        return bytes(self.content[1:])

    def expect(self, *tags: int) -> Element:
        """This element, whose identifier is one of `tags`; raises `BerError`."""
        if self.tag not in tags:
            raise BerError("an element of another kind stands in its place")
        return self


def read(octets: bytes | bytearray | memoryview) -> Element:
    """The one element that `octets` are; zeros and line ends after it are let pass. Raises `BerError`."""
    view = memoryview(octets)
    element, end = _read(view, 0, 0, _Budget())
    if len(view) - end > 1024 or bytes(view[end:]).strip(b"\0\r\n"):
        raise BerError("something follows the outermost element")
    return element


def _read(view: memoryview, start: int, depth: int, budget: _Budget) -> tuple[Element, int]:
    budget.left -= 1
    if budget.left < 0 or depth > MOST_DEPTH:
        raise BerError("there are too many elements, or they are nested too deeply")
    try:
        tag = view[start]
        length = view[start + 1]
        position = start + 2
        if tag & 0x1F == 0x1F:
            raise BerError("an identifier of several octets does not belong in CMS")
        if length == 0x80:
            return _indefinite(view, start, depth, budget)
        if length > 0x80:
            count = length & 0x7F
            if count > 8:
                raise BerError("a length of more than eight octets")
            length = int.from_bytes(view[position : position + count], "big")
            position += count
    except IndexError:
        raise BerError("the octets end inside an element") from None
    end = position + length
    if end > len(view):
        raise BerError("the octets end inside an element")
    return Element(tag, view[position:end], view[start:end], None, depth, budget), end


def _indefinite(view: memoryview, start: int, depth: int, budget: _Budget) -> tuple[Element, int]:
    if not view[start] & _CONSTRUCTED:
        raise BerError("a simple element without a length")
    children = Children()
    position = start + 2
    while view[position] or view[position + 1]:
        child, position = _read(view, position, depth + 1, budget)
        children.append(child)
    whole = view[start : position + 2]
    return Element(view[start], view[start + 2 : position], whole, children, depth, budget), position + 2


def header(tag: int, length: int) -> bytes:
    """The identifier and length octets of an element in DER."""
    if length < 0x80:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets


def write(tag: int, *contents: bytes | memoryview) -> bytes:
    """One element in DER around `contents`."""
    content = b"".join(contents)
    return header(tag, len(content)) + content


def write_set(tag: int, elements: Iterable[bytes]) -> bytes:
    """A SET OF in DER: its elements sorted by their octets (X.690 11.6)."""
    return write(tag, *sorted(elements))


def write_integer(value: int) -> bytes:
    """An INTEGER in DER."""
    return write(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def write_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER in DER."""
    arcs = [int(arc) for arc in dotted.split(".")]
    content = bytearray()
    for arc in [40 * arcs[0] + arcs[1], *arcs[2:]]:
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.append(arc & 0x7F | 0x80)
        content += bytes(reversed(group))
    return write(OID, bytes(content))


def rewrite(element: Element) -> bytes:
    """`element` in DER: lengths definite, strings in one piece, sets sorted."""
    tag = element.tag
    if not tag & _CONSTRUCTED:
        return write(tag, element.content)
    if tag & ~_CONSTRUCTED == OCTET_STRING:
        return write(OCTET_STRING, element.octets())
    children = [rewrite(child) for child in element.children]
    return write_set(tag, children) if tag == SET else write(tag, *children)
