"""The character sets of HL7 v2 messages: MSH-18, HL7 table 0211.

A message is handled as *wire text*: one character for each byte (as in ISO 8859-1), so that splitting at delimiters
and joining again is lossless whatever the bytes mean; only what is read is decoded. In a character set whose
multi-byte characters may contain the bytes of delimiters (Big5, GB 18030, Shift JIS, ISO 2022), such bytes are
shielded: moved out of the way into the private use area. UTF-16 and UTF-32 are their own wire text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from encodings.aliases import aliases
from functools import lru_cache

_TABLE_0211 = {
    "ascii": "ascii",
    "iso_ir6": "ascii",
    **{f"8859_{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    "iso_ir14": "shift_jis",
    "iso_ir13": "shift_jis",
    "iso_ir87": "ascii",
    "iso_ir159": "ascii",
    "gb_18030_2000": "gb18030",
    "gb_18030": "gb18030",
    "ks_x_1001": "euc_kr",
    "ksc_5601": "euc_kr",
    "ks_c_5601": "euc_kr",
    "big_5": "big5",
    "unicode": "utf-8",
    "unicode_utf_8": "utf-8",
    "unicode_utf_16": "utf-16",
    "unicode_utf_32": "utf-32",
}
"""Python's codec for each name of the table; what ISO IR87 and ISO IR159 switch to comes by escape sequence."""

_READABLE = frozenset(
    {
        *("ascii", "utf-8", "utf-16", "utf-32", "big5", "big5hkscs", "gb18030", "gbk", "gb2312", "euc_kr", "euc_jp"),
        *("shift_jis", "cp932", "cp949", "cp950", "koi8-r", "koi8-u", "mac-roman", "tis-620", "cp437", "cp850"),
        *(f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))),
        *(f"cp{page}" for page in range(1250, 1259)),
    }
)
"""The codecs that leave ASCII where it is, or are handled apart; a message or an option may name no other."""

_DOUBLE_BYTE = r"[\x81-\xfe][\x40-\x7e\x80-\xfe]"
_MULTI_BYTE = {
    "big5": _DOUBLE_BYTE,
    "big5hkscs": _DOUBLE_BYTE,
    "cp950": _DOUBLE_BYTE,
    "gbk": _DOUBLE_BYTE,
    "cp949": _DOUBLE_BYTE,
    "gb18030": rf"[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39]|{_DOUBLE_BYTE}",
    "shift_jis": r"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]",
    "cp932": r"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]",
}
_ESCAPED_RUN = r"(?:(?!\\C28|[\x1b\r\n]).)+"
_JIS_RUN = (
    rf"(?<=\x1b\$[@AB])[^\x1b\r\n]+|(?<=\x1b\$\([@ABCD])[^\x1b\r\n]+|(?<=\x1b\(I)[^\x1b\r\n]+"
    rf"|(?<=\\M244[012]\\){_ESCAPED_RUN}|(?<=\\M24284[0-4]\\){_ESCAPED_RUN}"
)
_SWITCHED = re.compile(rb"(\x1b(?!\([BJ]).*?(?:\x1b\([BJ]|\Z))", re.DOTALL)
_BACK_TO_SINGLE = re.compile(rb"\x1b\([BJ]")

_PRIVATE = 0xE000
_SHIELD = {byte: _PRIVATE + byte for byte in range(0x20, 0x7F)}
_UNSHIELD = {shielded: byte for byte, shielded in _SHIELD.items()}


@dataclass(frozen=True, slots=True)
class Charset:
    """How bytes are read: `codec` is Python's name of the character set, `jis` of its ISO 2022 alternative, if any."""

    codec: str
    jis: str = ""
    unit: int = 1
    """The number of bytes that the shortest character takes."""

    @property
    def is_wide(self) -> bool:
        """Whether every character, delimiters included, takes two or four bytes."""
        return self.unit > 1

    def to_wire(self, data: bytes) -> str:
        """`data` as wire text; the bytes come back from `from_wire` exactly."""
        if self.is_wide:
            return data.decode(self.codec, "surrogatepass")
        wire = data.decode("latin-1")
        shield = _shield(self.codec, bool(self.jis))
        return wire if shield is None else shield.sub(lambda run: run.group().translate(_SHIELD), wire)

    def from_wire(self, wire: str) -> bytes:
        """The bytes that `wire` stands for."""
        if self.unit > 1:
            return wire.encode(self.codec, "surrogatepass")
        if self.jis or self.codec in _MULTI_BYTE:
            wire = wire.translate(_UNSHIELD)
        return wire.encode("latin-1")

    def decode(self, wire: str, errors: str = "replace") -> str:
        """The text that `wire` stands for; what cannot be read becomes U+FFFD, or what `errors` (of a codec) says."""
        if self.unit > 1:
            return wire if errors != "replace" else wire.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        data = self.from_wire(wire)
        if not self.jis or b"\x1b" not in data:
            return data.decode(self.codec, errors)
        texts: list[str] = []
        for at, piece in enumerate(_SWITCHED.split(data)):
            if at % 2:
                texts.append(piece.decode("iso2022_jp_ext", errors))
            else:
                texts.append(_BACK_TO_SINGLE.sub(b"", piece).decode(self.codec, errors))
        return "".join(texts)

    def encode(self, text: str) -> str:
        """`text` as wire text; raises UnicodeEncodeError when this character set has no way to write it.

        Lone surrogates as `decode(..., "surrogateescape")` makes them come back as their bytes.
        """
        if text.isascii():
            return text
        if self.is_wide:
            text.encode("utf-16")
            return text
        try:
            wire = self.to_wire(text.encode(self.codec, "surrogateescape"))
        except UnicodeEncodeError:
            if not self.jis:
                raise
            wire = self.to_wire(text.encode(self.jis))
        if self.decode(wire, "surrogateescape") != text:
            raise UnicodeEncodeError(self.codec, text, 0, len(text), "is read differently")
        return wire


ASCII = Charset("ascii")


@lru_cache(maxsize=64)
def _shield(codec: str, jis: bool) -> re.Pattern[str] | None:
    runs = [_JIS_RUN] if jis else []
    if codec in _MULTI_BYTE:
        runs.append(f"(?:{_MULTI_BYTE[codec]})+")
    return re.compile("|".join(runs)) if runs else None


@lru_cache(maxsize=256)
def charset_named(names: str, separator: str = "~") -> Charset | None:
    """The character set that `names` declares (MSH-18, or Python's name of a codec), or None where it is not known.

    Names after the first are alternatives that the text switches to by escape sequence.
    """
    first, *others = (_normal(name) for name in names.split(separator))
    codec = _codec(first) if first or not others else "ascii"
    if codec is None:
        return None
    declared = {first, *others}
    jis = ""
    if declared & {"iso_ir14", "iso_ir13"} and others:
        jis = "iso2022_jp_ext"
    elif "iso_ir159" in declared:
        jis = "iso2022_jp_1"
    elif "iso_ir87" in declared:
        jis = "iso2022_jp"
    return Charset(codec, jis, {"utf-16": 2, "utf-32": 4}.get(codec, 1))


def _codec(name: str) -> str | None:
    found = _TABLE_0211.get(name)
    if found is not None:
        return found
    found = aliases.get(name, name)
    for spelling in (found, found.replace("_", "-"), found.replace("iso8859_", "iso8859-")):
        if spelling in _READABLE:
            return spelling
    return {"utf_8_sig": "utf-8", "latin_1": "iso8859-1"}.get(found)


def _normal(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip()[:40].lower()).strip("_")
