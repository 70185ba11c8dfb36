"""Content-Type and Content-Disposition: a value and its parameters (RFC 2045 5.1, RFC 2183, RFC 2231)."""

from __future__ import annotations

import re
from typing import NamedTuple

from channels.direct.mime.error import MimeError
from channels.direct.mime.words import decode_extended, decode_words, encode_extended

MOST_CHARACTERS = 1 << 13

_TOKEN = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SECTION = re.compile(r"(.+?)\*(\d{1,3})(\*?)\Z")


class Valued(NamedTuple):
    """A value in lower case (`text/plain`, `attachment`) and its parameters by their names in lower case."""

    value: str
    parameters: dict[str, str]


def read_valued(text: str) -> Valued:
    """The value and parameters that `text` has; raises `MimeError` for a parameter that is there twice, or 8 KiB."""
    if len(text) > MOST_CHARACTERS:
        raise MimeError("mime-header", "a header with parameters is longer than 8 KiB")
    pieces = _pieces(text)
    given: dict[str, str] = {}
    for piece in pieces[1:]:
        name, equals, value = piece.partition("=")
        name = name.strip().lower()
        if not equals:
            continue
        if name in given:
            raise MimeError("mime-parameter-twice", f"the parameter {name[:40]!r} is there twice")
        given[name] = _unquoted(value.strip())
    return Valued(pieces[0].strip().lower(), _joined(given))


def write_parameter(name: str, value: str) -> str:
    """`; name=value`, quoted or extended where it needs that; raises `MimeError` for control characters."""
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise MimeError("mime-header", f"a control character in the parameter {name}")
    if not value.isascii():
        return f"; {name}*={encode_extended(value)}"
    if _TOKEN.match(value):
        return f"; {name}={value}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'; {name}="{escaped}"'


def _pieces(text: str) -> list[str]:
    """`text` at its semicolons, those in quotes and comments left alone, and comments left out."""
    pieces, piece, depth, position = [], "", 0, 0
    closed = True
    while position < len(text):
        character = text[position]
        quoted = _QUOTED.match(text, position) if character == '"' and closed and not depth else None
        # What is not closed from here is not from any later quote either: to look again and again would take ages.
        closed = closed and (quoted is not None or character != '"' or depth > 0)
        if quoted:
            piece += quoted.group()
            position = quoted.end()
            continue
        if character == "\\" and depth:
            position += 2
            continue
        if character == "(" and (depth or not piece.rstrip() or piece[-1] in " \t" or "=" not in piece):
            depth += 1
        elif character == ")" and depth:
            depth -= 1
        elif character == ";" and not depth:
            pieces.append(piece)
            piece = ""
        elif not depth:
            piece += character
        position += 1
    return [*pieces, piece]


def _unquoted(value: str) -> str:
    quoted = _QUOTED.match(value)
    return re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else value


def _joined(given: dict[str, str]) -> dict[str, str]:
    """The parameters, those in sections put together and the extended ones decoded."""
    joined: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in given.items():
        section = _SECTION.match(name)
        if section:
            sections.setdefault(section.group(1), {})[int(section.group(2))] = (value, bool(section.group(3)))
        elif name.endswith("*"):
            joined[name[:-1]] = decode_extended(value)
        else:
            joined.setdefault(name, decode_words(value))
    for name, numbered in sections.items():
        ordered = [numbered[number] for number in range(len(numbered)) if number in numbered]
        text = "".join(value for value, _ in ordered)
        if name not in joined:
            joined[name] = decode_extended(text) if ordered and ordered[0][1] else text
    return joined
