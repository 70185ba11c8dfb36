"""Text that is not ASCII in headers: encoded words (RFC 2047) and parameters (RFC 2231)."""

from __future__ import annotations

import binascii
import re
from urllib.parse import quote, unquote_to_bytes

_WORD = re.compile(r"=\?([A-Za-z0-9_-]+)(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([!->@-~]*)\?=")
_BETWEEN = re.compile(r"(\?=)[ \t]+(?==\?[A-Za-z0-9_-]+(?:\*[A-Za-z0-9-]*)?\?[BbQq]\?[!->@-~]*\?=)")


def decode_words(text: str) -> str:
    """`text` with each encoded word as the text that it stands for; one that cannot be read stays as it is."""
    if "=?" not in text:
        return text
    return _WORD.sub(_decode_word, _BETWEEN.sub(r"\1", text))


def _decode_word(found: re.Match[str]) -> str:
    charset, encoding, content = found.groups()
    try:
        if encoding in "Bb":
            octets = binascii.a2b_base64(content + "=" * (-len(content) % 4))
        else:
            octets = binascii.a2b_qp(content, header=True)
    except ValueError:
        return found.group()
    return decode_text(octets, charset)


def decode_text(octets: bytes, charset: str) -> str:
    """`octets` as text in `charset`, in UTF-8 where that is unknown; what does not fit becomes U+FFFD."""
    try:
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):
        return octets.decode("utf-8", "replace")


def encode_words(text: str) -> str:
    """`text` as encoded words in UTF-8 where it is not plain ASCII, else as it is."""
    if text.isascii() and "=?" not in text:
        return text
    words, octets = [], b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(octets) + len(encoded) > 45:
            words.append(octets)
            octets = b""
        octets += encoded
    words.append(octets)
    return " ".join(f"=?utf-8?B?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words)


def decode_extended(text: str) -> str:
    """The value of a parameter with a star: `utf-8''r%C3%A9sum%C3%A9`."""
    charset, _, rest = text.partition("'")
    _, mark, value = rest.partition("'")
    return decode_text(unquote_to_bytes(value), charset or "utf-8") if mark else text


def encode_extended(text: str) -> str:
    """`text` as the value of a parameter with a star."""
    return f"utf-8''{quote(text, safe='')}"
