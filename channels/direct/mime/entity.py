"""A mail or a part of one, as places in its octets: nothing that was signed is ever written anew."""

from __future__ import annotations

import re
from functools import cached_property

from channels.direct.mime.error import MimeError
from channels.direct.mime.headers import Headers, Octets
from channels.direct.mime.parameters import Valued, read_valued
from channels.direct.mime.transfer import decode

MOST_PARTS = 1000
MOST_DEPTH = 12

_BOUNDARY = re.compile(
    r"[0-9A-Za-z'()+_,\-./:=? !#$%&*;<>@\[\]^`{|}~]{0,69}[0-9A-Za-z'()+_,\-./:=?!#$%&*;<>@\[\]^`{|}~]\Z"
)
_TYPE = re.compile(r"[!#$%&'*+.^_`{|}~0-9a-z-]+/[!#$%&'*+.^_`{|}~0-9a-z-]+\Z")


class Entity:
    """Headers and a body (RFC 2045 2.4), read from `octets`, which it keeps alive and does not copy."""

    def __init__(self, octets: Octets, start: int, end: int, depth: int = 0) -> None:
        self._octets = octets
        self._start = start
        self._end = end
        self._depth = depth
        self.headers, self._body = Headers.read(octets, start, end)

    @classmethod
    def parse(cls, octets: Octets) -> Entity:
        """The mail or part that `octets` are; raises `MimeError`."""
        return cls(octets, 0, len(octets))

    def __repr__(self) -> str:
        return f"<Entity {self.type} {self._end - self._start} bytes>"

    @property
    def raw(self) -> memoryview:
        """All of it, headers and body, exactly as it is in the mail."""
        return memoryview(self._octets)[self._start : self._end]

    @property
    def body(self) -> memoryview:
        """The body as it stands, still encoded."""
        return memoryview(self._octets)[self._body : self._end]

    @cached_property
    def _content_type(self) -> Valued:
        text = self.headers.get("content-type")
        if not text:
            return Valued("text/plain", {})
        valued = read_valued(text)
        if not _TYPE.match(valued.value):
            return Valued("application/octet-stream", valued.parameters)  # as RFC 2045 5.2 would have it
        return valued

    @property
    def type(self) -> str:
        """The media type in lower case, `text/plain` where none is given."""
        return self._content_type.value

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the media type."""
        return self._content_type.parameters

    @cached_property
    def disposition(self) -> Valued:
        """Content-Disposition; its value is `""` where it is not given."""
        text = self.headers.get("content-disposition")
        return read_valued(text) if text else Valued("", {})

    @property
    def filename(self) -> str:
        """The name that the sender gave, without folders and control characters; `""` for none."""
        name = self.disposition.parameters.get("filename") or self.parameters.get("name", "")
        last = re.split(r"[/\\]", name)[-1]
        return "".join(character for character in last if character.isprintable()).strip(" .")[:255]

    @property
    def encoding(self) -> str:
        """Content-Transfer-Encoding in lower case, without comments."""
        return read_valued(self.headers.get("content-transfer-encoding")).value

    def decoded(self) -> bytes:
        """The body without its transfer encoding; raises `MimeError`."""
        return decode(self.body, self.encoding)

    @cached_property
    def parts(self) -> tuple[Entity, ...]:
        """The parts of a multipart, none of anything else.

        Raises `MimeError` where the boundary is missing or the last one does not come: the message was cut.
        """
        if not self.type.startswith("multipart/"):
            return ()
        if self.encoding not in ("", "7bit", "8bit", "binary"):
            raise MimeError("mime-multipart", "a multipart in an encoding of its own (RFC 2045 6.4)")
        if self._depth >= MOST_DEPTH:
            raise MimeError("mime-multipart", "parts within parts, more than 12 deep")
        boundary = self.parameters.get("boundary", "")
        if not _BOUNDARY.match(boundary):
            raise MimeError("mime-multipart", "a multipart without a boundary")
        places = _split(self._octets, self._body, self._end, b"--" + boundary.encode())
        return tuple(Entity(self._octets, start, end, self._depth + 1) for start, end in places)


def _split(octets: Octets, start: int, end: int, delimiter: bytes) -> list[tuple[int, int]]:
    """Where the parts are between the lines with `delimiter`; the line end in front of one belongs to it."""
    places: list[tuple[int, int]] = []
    opened = -1
    position = start
    while (position := octets.find(delimiter, position, end)) >= 0:
        after = position + len(delimiter)
        if position != start and octets[position - 1] != 10:
            position = after
            continue
        closing = octets[after : after + 2] == b"--" and after + 2 <= end
        line_end = octets.find(b"\n", after, end)
        rest = bytes(octets[after + 2 * closing : min(line_end if line_end >= 0 else end, after + 200)])
        if rest.strip(b" \t\r"):  # a longer boundary, of a part within
            position = after
            continue
        if opened >= 0:
            before = position - 1
            if before > opened and octets[before - 1] == 13:
                before -= 1
            places.append((opened, max(before, opened)))
            if len(places) > MOST_PARTS:
                raise MimeError("mime-multipart", "more than 1000 parts")
        if closing:
            return places
        if line_end < 0:
            break
        opened = position = line_end + 1
    raise MimeError("mime-multipart", "the last boundary is missing", "the message was cut on its way")
