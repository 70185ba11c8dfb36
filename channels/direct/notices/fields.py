"""The fields of a report (RFC 3464, RFC 8098), however a partner wrote them: case, spaces, folding, blank lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from channels.direct.notices.error import NoticeError

MOST_BYTES = 262_144
"""How long a report may be, in bytes: one of a thousand recipients is shorter."""

LONGEST_ADDRESS = 254
LONGEST_ID = 900

_LINES = re.compile(rb"\r\n|\n|\r")
_NAME = re.compile(r"[!-9;-~]+\Z")
_BRACKETS = re.compile(r"<([^<>]*)>")
_ADDRESS = re.compile(r"[!-~]+@[A-Za-z0-9.-]+\Z")
_NOT_IN_ADDRESSES = frozenset('<>()[],;:\\"')
_NOT_IN_IDS = frozenset("<>")


@dataclass(frozen=True, slots=True)
class Fields:
    """One group of fields; names in lower case, values with each run of white space as one space."""

    values: Mapping[str, tuple[str, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> str:
        """The value of the field `name`, "" where it is missing; raises `NoticeError` where two of it differ."""
        values = self.values.get(name, ())
        if len(set(values)) > 1:
            raise NoticeError("notice-ambiguous", f"the field {name} stands twice with different values")
        return values[0] if values else ""

    def first(self, *names: str) -> str:
        """The value of the first of these fields that has one, "" where none has."""
        return next(filter(None, map(self.get, names)), "")


def read_groups(report: bytes) -> tuple[Fields, ...]:
    """The groups of fields in `report`, which blank lines keep apart; raises `NoticeError` when it is too long.

    Forgiven are: blank lines before the first field, spaces before a colon, folding, line ends of any kind, and lines
    that are no fields.
    """
    if len(report) > MOST_BYTES:
        raise NoticeError("notice-too-long", f"the report is longer than {MOST_BYTES >> 10} kB")
    groups: list[list[tuple[str, list[str]]]] = [[]]
    for line in _LINES.split(report):
        text = line.decode("ascii", "replace")
        if not text.strip():
            if groups[-1]:
                groups.append([])
        elif text[0] in " \t" and groups[-1]:
            groups[-1][-1][1].append(text)
        else:
            name, colon, value = text.partition(":")
            if colon and _NAME.match(name.strip()):
                groups[-1].append((name.strip().lower(), [value]))
    return tuple(_fields(group) for group in groups if group)


def merged(groups: Iterable[Fields]) -> Fields:
    """All the groups as one, for a report that has only one: whoever puts a blank line into it means nothing by it."""
    together: dict[str, list[str]] = {}
    for group in groups:
        for name, values in group.values.items():
            together.setdefault(name, []).extend(values)
    return Fields({name: tuple(values) for name, values in together.items()})


def address(value: str) -> str:
    """The address in `value`, in lower case, with or without `rfc822;` and angle brackets; "" where it holds none."""
    text = value.rpartition(";")[2].strip()
    bracketed = _BRACKETS.findall(text)
    if bracketed:
        text = bracketed[0].strip() if len(bracketed) == 1 else ""
    return text.lower() if is_address(text) else ""


def is_address(text: str) -> bool:
    """Whether `text` is one plain address, `local@domain` in ASCII, of which nothing can be taken for anything else."""
    if len(text) > LONGEST_ADDRESS or not _ADDRESS.match(text) or text.count("@") != 1:
        return False
    return _NOT_IN_ADDRESSES.isdisjoint(text)


def plain_id(value: str) -> str:
    """The Message-ID in `value` without its angle brackets and without the white space that folding left in it; ""
    where it holds none, or several."""
    text = "".join(value.split())
    bracketed = _BRACKETS.findall(text)
    if bracketed:
        text = bracketed[0] if len(bracketed) == 1 else ""
    return text if is_id(text) else ""


def is_id(text: str) -> bool:
    """Whether `text` can stand between the angle brackets of a Message-ID."""
    if not text or len(text) > LONGEST_ID or not _NOT_IN_IDS.isdisjoint(text):
        return False
    return text.isascii() and text.isprintable() and " " not in text


def _fields(group: Iterable[tuple[str, list[str]]]) -> Fields:
    values: dict[str, list[str]] = {}
    for name, lines in group:
        values.setdefault(name, []).append(" ".join(" ".join(lines).split()))
    return Fields({name: tuple(each) for name, each in values.items()})
