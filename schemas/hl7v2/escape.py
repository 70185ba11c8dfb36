"""Escape sequences of HL7 v2 text, both ways (HL7 v2.9, 2.7)."""

from __future__ import annotations

import re
from functools import lru_cache

from schemas.hl7v2.charset import Charset
from schemas.hl7v2.delimiters import STANDARD, UNUSED, Delimiters
from schemas.hl7v2.error import Hl7Error

UTF8 = Charset("utf-8")

_NEW_LINES = re.compile(r"\.(?:br|ce|sp\s*\+?(\d{0,2}))\Z")
_SPACES = re.compile(r"\.sk\s*\+?(\d{1,2})\Z")
_NO_TEXT = re.compile(r"[HN]\Z|\.(?:fi|nf|in\s*[+-]?\d{1,3}|ti\s*[+-]?\d{1,3})\Z")


def unescape(text: str, delimiters: Delimiters = STANDARD, charset: Charset = UTF8) -> str:
    r"""The plain text that `text` encodes.

    Delimiters (`\F\ \S\ \T\ \R\ \E\ \P\`) and bytes (`\X0D0A\`, read in `charset`) are put in; line breaks of formatted
    text (`\.br\ \.sp2\ \.ce\`) become new lines, `\.sk3\` spaces; highlighting, indents and fill modes vanish. Anything
    else (local `\Zdd\`, what is not in the standard, a lone escape character) stays as it is written.
    """
    if delimiters.escape not in text:
        return text
    meanings = _meanings(delimiters)

    def plain(found: re.Match[str]) -> str:
        sequence = found.group()
        known = meanings.get(sequence[1:-1])
        if known is not None:
            return known
        if sequence[1] == "X":
            return _bytes_as_text(sequence, delimiters.escape, charset)
        return _formatting(sequence[1:-1], sequence)

    return _sequences(delimiters.escape).sub(plain, text)


def escape(text: str, delimiters: Delimiters = STANDARD) -> str:
    r"""`text` as a message writes it: delimiters as `\F\` and kin, a new line as `\.br\`, other controls as `\X0D\`.

    `unescape` gives `text` again. Raises `Hl7Error` when an escape is needed and MSH-2 declares no escape character.
    """
    pattern = _specials(delimiters)
    if pattern.search(text) is None:
        return text
    if delimiters.escape == UNUSED:
        raise Hl7Error(
            "the text contains a delimiter and the message declares no escape character",
            where="MSH-2",
            hint="send another text, or have the sender declare ^~\\&",
        )
    codes = _codes(delimiters)
    return pattern.sub(lambda found: codes.get(found.group()) or _hexadecimal(found.group(), delimiters.escape), text)


def bad_escapes(text: str, delimiters: Delimiters = STANDARD, charset: Charset = UTF8) -> int:
    """How many escape characters of `text` belong to no sequence of the standard (or a local `\\Zdd\\`)."""
    mark = delimiters.escape
    if mark not in text:
        return 0
    rest = _sequences(mark).sub(lambda found: mark if _is_bad(found.group(), delimiters, charset) else "", text)
    return rest.count(mark)


def code_switches(wire: str, delimiters: Delimiters) -> str:
    r"""`wire` with `\Cxxyy\` and `\Mxxyyzz\` replaced by the ISO 2022 escape sequences that they stand for (2.7.2)."""
    mark = delimiters.escape
    if mark + "C" not in wire and mark + "M" not in wire:
        return wire
    quoted = re.escape(mark)
    pattern = f"{quoted}(?:C([0-9A-Fa-f]{{4}})|M([0-9A-Fa-f]{{4}}(?:[0-9A-Fa-f]{{2}})?)){quoted}"
    return re.sub(
        pattern, lambda found: "\x1b" + bytes.fromhex(found.group(1) or found.group(2)).decode("latin-1"), wire
    )


@lru_cache(maxsize=64)
def _sequences(mark: str) -> re.Pattern[str]:
    e = re.escape(mark)
    known = rf"[FSTREPHN]|\.[a-z]{{2}}\s*[+-]?\d{{0,3}}|Z[^{e}]*"
    return re.compile(rf"(?:{e}X(?:[0-9A-Fa-f]{{2}})+{e})+|{e}(?:{known}){e}")


@lru_cache(maxsize=64)
def _meanings(delimiters: Delimiters) -> dict[str, str]:
    """The character that each code stands for; one that the message does not declare has none and stays as written."""
    meanings = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation,
    }
    return {code: character for code, character in meanings.items() if character != UNUSED}


@lru_cache(maxsize=64)
def _codes(delimiters: Delimiters) -> dict[str, str]:
    mark = delimiters.escape
    codes = {character: f"{mark}{code}{mark}" for code, character in _meanings(delimiters).items()}
    return {"\n": f"{mark}.br{mark}", **codes}


@lru_cache(maxsize=64)
def _specials(delimiters: Delimiters) -> re.Pattern[str]:
    characters = "".join(map(re.escape, _meanings(delimiters).values()))
    return re.compile(rf"[{characters}\x00-\x08\x0a-\x1f\x7f]")


def _hexadecimal(character: str, mark: str) -> str:
    return f"{mark}X{ord(character):02X}{mark}"


def _bytes_as_text(sequences: str, mark: str, charset: Charset) -> str:
    data = bytes.fromhex(sequences.replace(f"{mark}X", "").replace(mark, ""))
    try:
        return data.decode(charset.codec)
    except UnicodeDecodeError:
        return sequences


def _formatting(command: str, sequence: str) -> str:
    lines = _NEW_LINES.match(command)
    if lines is not None:
        return "\n" * min(int(lines.group(1) or 1), 99)
    spaces = _SPACES.match(command)
    if spaces is not None:
        return " " * int(spaces.group(1))
    return "" if _NO_TEXT.match(command) else sequence


def _is_bad(sequence: str, delimiters: Delimiters, charset: Charset) -> bool:
    if sequence[1] == "X":
        return _bytes_as_text(sequence, delimiters.escape, charset) == sequence
    if sequence[1] == "Z":
        return False
    return sequence[1:-1] not in _meanings(delimiters) and _formatting(sequence[1:-1], sequence) == sequence
