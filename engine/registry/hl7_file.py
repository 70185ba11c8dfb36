"""The messages of a file of HL7 v2, one after another, however large the file is (HL7 v2.9, 2.10.3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from engine.registry.rows import RosterError

_LONGEST = 1 << 20  # characters of a line, and of a message
_FRAME = "\n\x0b\x1a\x1c\x00"
_MARKS = ("MSH", "FHS", "BHS", "BTS", "FTS")


def read_messages(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Each message of the file at `path`, with the place of its MSH (`panels/a.hl7:17`, after `name`).

    FHS, BHS, BTS and FTS may stand around them. Raises `RosterError` for what belongs to no message, and for a batch
    that was cut off: one without its trailer, or with fewer messages than that declares.
    """
    try:
        # ISO 8859-1 takes every byte as it is; a message is read in its own character set afterwards.
        with path.open(encoding="iso8859-1") as file:
            yield from _Batches(name).of(file)
    except OSError as error:
        raise RosterError(f"{name}: {error.strerror}") from None


class _Batches:
    """What stands around the messages, and whether all of it is there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: list[str] = []
        self._messages = self._batches = 0
        self._is_envelope = False

    def of(self, file: TextIO) -> Iterator[tuple[str, bytes]]:
        lines: list[str] = []
        size = start = 0
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), ""), 1):
            text = line.strip(_FRAME)
            if number == 1:
                text = text.removeprefix("\xef\xbb\xbf")
            size += len(line)
            if size >= _LONGEST:
                raise RosterError(f"{self._name}:{start or number}: a message of more than 1 MB")
            if not text.strip():
                continue
            is_mark = text.startswith(_MARKS) and not text[3:4].isalnum()
            if is_mark:
                if lines:
                    yield f"{self._name}:{start}", _body(lines)
                lines, size, start = [], len(line), number
                self._mark(text, number)
            if text.startswith("MSH") or not is_mark:
                if not is_mark and not lines:
                    raise RosterError(f"{self._name}:{number}: the line belongs to no message; save the file as UTF-8")
                lines.append(text)
        if lines:
            yield f"{self._name}:{start}", _body(lines)
        if self._open:
            raise RosterError(f"{self._name}: {self._open[-1]} has no trailer; the file was cut off")
        if not start:
            raise RosterError(f"{self._name}: the file has no message and no batch")

    def _mark(self, text: str, number: int) -> None:
        where, kind = f"{self._name}:{number}", text[:3]
        if kind == "MSH":
            self._messages += 1
        elif kind in ("FHS", "BHS"):
            if kind in self._open:
                raise RosterError(f"{where}: {kind} before the trailer of the last one; the file was cut off")
            self._open.append(kind)
            self._messages = 0
            if kind == "FHS":
                self._batches = 0
        else:
            head, count, what = (
                ("BHS", self._messages, "messages") if kind == "BTS" else ("FHS", self._batches, "batches")
            )
            if not self._open or self._open.pop() != head:
                raise RosterError(f"{where}: {kind} without its {head}")
            self._batches += kind == "BTS"
            declared = text[4:].partition(text[3:4])[0].strip() if len(text) > 3 else ""
            if declared.isdecimal() and len(declared) < 10 and int(declared) != count:
                raise RosterError(f"{where}: {kind}-1 declares {int(declared)} {what}, {count} are there")


def _body(lines: list[str]) -> bytes:
    return "".join(f"{line}\r" for line in lines).encode("iso8859-1")
