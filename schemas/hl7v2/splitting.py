"""The segments of a message: where each begins and ends."""

from __future__ import annotations

import re

from schemas.hl7v2.encoding import Encoding
from schemas.hl7v2.segment import Segment

_BREAK = re.compile(r"([\r\n][\r\n\t \x00\x0b\x1a\x1c]*)")


def split(wire: str, offset: int, encoding: Encoding) -> tuple[str, list[Segment]]:
    """What comes before the first segment, and the segments of `wire`, whose MSH is at `offset`.

    Any line break ends a segment; blank lines and indents belong to the break before them. In a message whose segments
    end with CR, a line feed after which no segment begins is part of a field.
    """
    if not offset and "\n" not in wire:
        segments = _split_at_cr(wire, encoding)
        if segments is not None:
            return "", segments
    return _split_anywhere(wire, offset, encoding)


def _split_at_cr(wire: str, encoding: Encoding) -> list[Segment] | None:
    """The segments of a message of the standard's own form, CR after each; None where it is another."""
    separator = encoding.delimiters.field
    lines = wire.split("\r")
    last = lines.pop()
    if last:
        lines.append(last)
    segments: list[Segment] = []
    for line in lines:
        name = line[:3]
        if line[3:4] != separator or not _is_name(name):
            return None
        segments.append(Segment(encoding, name, line, "\r"))
    if last:
        segments[-1].end = ""
    return segments


def _split_anywhere(wire: str, offset: int, encoding: Encoding) -> tuple[str, list[Segment]]:
    pieces = _BREAK.split(wire[offset:])
    lead, segments = _envelope(wire[:offset], encoding)
    breaks_with_cr = len(pieces) > 1 and "\r" in pieces[1]
    parts: list[str] = []
    end = ""
    for at in range(0, len(pieces), 2):
        line = pieces[at]
        if at and not line and at == len(pieces) - 1:
            break
        if parts and breaks_with_cr and "\r" not in end and not _starts_segment(line, encoding):
            parts += (end, line)
        else:
            if parts:
                segments.append(_line("".join(parts), end, encoding))
            parts = [line]
        end = pieces[at + 1] if at + 1 < len(pieces) else ""
    segments.append(_line("".join(parts), end, encoding))
    return lead, segments


def _envelope(before: str, encoding: Encoding) -> tuple[str, list[Segment]]:
    """What stands before MSH: text that is no segment, and the segments (batch headers) after it."""
    pieces = _BREAK.split(before)
    lines = range(0, len(pieces) - 1, 2)  # the last piece is not a line: MSH follows it on the same one
    first = next((at for at in lines if _starts_segment(pieces[at], encoding)), None)
    if first is None:
        return before, []
    segments = [_line(pieces[at], pieces[at + 1], encoding) for at in lines if at >= first]
    segments[-1].end += pieces[-1]
    return "".join(pieces[:first]), segments


def _starts_segment(line: str, encoding: Encoding) -> bool:
    name = line[:3]
    return len(name) == 3 and _is_name(name) and line[3:4] in ("", encoding.delimiters.field)


def _line(wire: str, end: str, encoding: Encoding) -> Segment:
    return Segment(encoding, wire[:3] if _starts_segment(wire, encoding) else "", wire, end)


def _is_name(text: str) -> bool:
    return text.isupper() and text.isalnum() and text.isascii()
