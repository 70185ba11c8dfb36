"""Mail as it is written: headers folded by our own rule, every part in seven bits, CRLF throughout."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Sequence

from channels.direct.mime.attachment import Attachment
from channels.direct.mime.error import MimeError
from channels.direct.mime.parameters import write_parameter
from channels.direct.mime.transfer import encode_base64
from channels.direct.mime.words import encode_words

_NAME = re.compile(r"[!-9;-~]+\Z")
_FREE_TEXT = ("subject", "comments", "content-description")
_WIDTH, _MOST = 76, 998


def write_headers(headers: Iterable[tuple[str, str]]) -> bytes:
    """`headers` folded at blanks, without the empty line after them.

    Raises `MimeError` for control characters, for what is not ASCII anywhere but in free text, and for a word that no
    line can hold.
    """
    return b"".join(_write_header(name, value) for name, value in headers)


def _write_header(name: str, value: str) -> bytes:
    if not _NAME.match(name) or any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise MimeError("mime-header", f"the header {name[:40]!r} has control characters, or its name is none")
    if name.lower() in _FREE_TEXT:
        value = encode_words(value)
    if not value.isascii():
        raise MimeError("mime-header", f"{name} is not ASCII", "addresses and identifiers must be")
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line) + 1 + len(word) > _WIDTH and line != f"{name}:" and word:
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    if any(len(each) > _MOST for each in lines):
        raise MimeError("mime-header", f"{name} has a word that is longer than a line may be")
    return "\r\n".join(lines).encode() + b"\r\n"


def write_part(attachment: Attachment, more: Sequence[tuple[str, str]] = ()) -> bytes:
    """`attachment` as a part with its headers: text in the plainest encoding that holds it, else base64.

    `more` are headers besides those of its content, in front of them. Raises `MimeError`.
    """
    content_type = attachment.type
    if attachment.type.startswith("text/") and attachment.is_text:
        charset = attachment.charset or ("us-ascii" if attachment.data.isascii() else "utf-8")
        content_type += write_parameter("charset", charset)
        encoding, body = _encode_text(attachment.data)
    else:
        content_type += write_parameter("charset", attachment.charset) if attachment.charset else ""
        content_type += write_parameter("name", attachment.name) if attachment.name else ""
        encoding, body = "base64", encode_base64([attachment.data])
    headers = [*more, ("Content-Type", content_type), ("Content-Transfer-Encoding", encoding)]
    if attachment.disposition and not attachment.is_text:
        filename = write_parameter("filename", attachment.name) if attachment.name else ""
        headers.append(("Content-Disposition", attachment.disposition + filename))
    if attachment.description:
        headers.append(("Content-Description", attachment.description))
    return b"".join((write_headers(headers), b"\r\n", body))


def write_multipart(
    kind: str,
    parts: Sequence[bytes | memoryview],
    boundary: str,
    *,
    parameters: Sequence[tuple[str, str]] = (),
    more: Sequence[tuple[str, str]] = (),
) -> bytes:
    """`parts`, each with its headers, as `multipart/<kind>` with its own; `boundary` stands in none of them."""
    content_type = f"multipart/{kind}" + "".join(write_parameter(name, value) for name, value in parameters)
    headers = write_headers([*more, ("Content-Type", f'{content_type}; boundary="{boundary}"')])
    delimiter = b"--" + boundary.encode()
    pieces: list[bytes | memoryview] = [headers]
    for part in parts:
        pieces += [b"\r\n", delimiter, b"\r\n", part]
    return b"".join((*pieces, b"\r\n", delimiter, b"--\r\n"))


def new_boundary(random: Callable[[int], bytes]) -> str:
    """A boundary that no text holds; 24 octets of `random` make it."""
    return f"=_{random(24).hex()}"


def write_mail(
    headers: Sequence[tuple[str, str]], text: str, attachments: Sequence[Attachment], random: Callable[[int], bytes]
) -> bytes:
    """A mail with `headers` (From, To, Date and so on), `text` to read and `attachments`; raises `MimeError`.

    Without attachments it is the text alone; without text, the attachments alone.
    """
    mime = [*headers, ("MIME-Version", "1.0")]
    body = Attachment("", "text/plain", re.sub(r"\r?\n", "\r\n", text).encode(), "")
    if not attachments:
        return write_part(body, mime)
    parts = [write_part(body)] if text else []
    parts += [write_part(each) for each in attachments]
    return write_multipart("mixed", parts, new_boundary(random), more=mime)


def _encode_text(data: bytes) -> tuple[str, bytes]:
    """The encoding and the body of a text: as it is where that is ASCII in short lines, else quoted-printable."""
    lines = re.sub(rb"\r?\n", b"\r\n", data)
    if lines.isascii() and b"\0" not in lines and b"\r" not in lines.replace(b"\r\n", b""):
        if all(len(line) <= _WIDTH and not line.startswith(b"From ") for line in lines.split(b"\r\n")):
            return "7bit", lines
        return "quoted-printable", _quoted_printable(lines)
    if sum(octet > 126 for octet in lines) * 6 < len(lines) and b"\0" not in lines:
        return "quoted-printable", _quoted_printable(lines)
    return "base64", encode_base64([data])


def _quoted_printable(lines: bytes) -> bytes:
    # Line by line, so that a carriage return that ends none is written as the octet that it is.
    encoded = b"\n".join(binascii.b2a_qp(line, istext=False) for line in lines.split(b"\r\n"))
    return encoded.replace(b"\nFrom ", b"\n=46rom ").replace(b"\n", b"\r\n")
