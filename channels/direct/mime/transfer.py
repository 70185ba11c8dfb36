"""Content-Transfer-Encoding, read strictly and without more copies than a large attachment bears (RFC 2045 6)."""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from io import BytesIO

from channels.direct.mime.error import MimeError

_PIECE = 1 << 20
_SPACES = b"\r\n\t "
_LINE = 57  # octets that make a line of 76 characters


def decode(octets: memoryview, encoding: str) -> bytes:
    """What `octets` stand for in `encoding` (lower case); raises `MimeError`."""
    if encoding == "base64":
        return bytes(decode_base64(octets))
    if encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding in ("", "7bit", "8bit", "binary"):
        return bytes(octets)
    raise MimeError(
        "mime-encoding", "a Content-Transfer-Encoding that nobody knows", "7bit, base64 and so on are known"
    )


def decode_base64(octets: memoryview) -> bytearray:
    """What `octets` stand for in base64; white space is let pass, anything else that does not belong is an error."""
    decoded = bytearray()
    carried = b""
    ended = False
    for start in range(0, len(octets), _PIECE):
        piece = carried + bytes(octets[start : start + _PIECE]).translate(None, _SPACES)
        whole = len(piece) // 4 * 4
        if whole and ended:
            raise _damaged()
        carried = piece[whole:]
        try:
            decoded += binascii.a2b_base64(piece[:whole], strict_mode=True)
        except binascii.Error:
            raise _damaged() from None
        ended = ended or piece[:whole].endswith(b"=")
    if carried:
        raise _damaged()
    return decoded


def encode_base64(pieces: Iterable[bytes]) -> bytes:
    """The octets of `pieces`, one after the other, in base64: lines of 76 characters, each ended by CRLF."""
    encoded = BytesIO()
    write_base64(pieces, encoded)
    return encoded.getvalue()


def write_base64(pieces: Iterable[bytes], encoded: BytesIO) -> None:
    """Write what `encode_base64` makes after what is in `encoded`, whose value costs no copy."""
    carried = b""
    for piece in pieces:
        octets = carried + piece
        whole = len(octets) // _LINE * _LINE
        _write_lines(memoryview(octets)[:whole], encoded)
        carried = octets[whole:]
    _write_lines(memoryview(carried), encoded)


def _write_lines(octets: memoryview, encoded: BytesIO) -> None:
    step = _LINE * 1024
    for start in range(0, len(octets), step):
        rows = octets[start : start + step]
        lines = [
            binascii.b2a_base64(rows[place : place + _LINE], newline=False) for place in range(0, len(rows), _LINE)
        ]
        encoded.write(b"\r\n".join((*lines, b"")))


def _damaged() -> MimeError:
    return MimeError("mime-base64", "the base64 is damaged", "the message was cut or altered on its way")
