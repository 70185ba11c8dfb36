"""S/MIME as Direct has it: wrapped, signed, then encrypted; and opened again (RFC 5751, Applicability Statement).

Pure, and nothing about trust: who signed is told, whether that is enough is another's judgement.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Literal

from cryptography import x509

from channels.direct import cms
from channels.direct.error import DirectError
from channels.direct.mime import Entity, MimeError, Octets, new_boundary, write_headers
from channels.direct.mime.transfer import decode_base64, encode_base64, write_base64
from schemas.finding import Finding, Severity

Digest = Literal["sha256", "sha384", "sha512"]

_OUTSIDE = ("from", "to", "cc", "date", "message-id", "in-reply-to", "references")
_MIME_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURE_TYPES = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_ENVELOPED = ("", "enveloped-data", "authenveloped-data")
_LONG_LINE = re.compile(rb"\n[^\n]{1000}")


class SmimeError(DirectError):
    """A mail is not what Direct sends: encrypted, signed inside, whole; `code` begins with `smime-`."""


@dataclass(frozen=True, slots=True)
class Protection:
    """How a mail is protected. The defaults are what every partner reads; anything else is for partners who ask."""

    cipher: cms.CipherName = "aes-256-cbc"
    transport: cms.Transport = "rsa1.5"
    digest: Digest = "sha256"


@dataclass(frozen=True, slots=True)
class Opened:
    """A mail that was opened: the whole inner mail, whose signatures over it hold, and what was odd about it.

    `is_wrapped` tells whether its headers were signed with it; an older partner's were not.
    """

    inner: bytes
    signers: tuple[cms.Signer, ...]
    is_wrapped: bool
    notes: tuple[Finding, ...] = ()


DEFAULT = Protection()


def protect(
    mail: bytes,
    signer: cms.Holder,
    recipients: Sequence[x509.Certificate],
    now: datetime,
    protection: Protection = DEFAULT,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """`mail` signed by `signer` and encrypted to `recipients`; outside it shows the headers that route it and no more.

    Raises `MimeError` where `mail` is not seven bits with CRLF line ends, `CmsError` for a certificate of no use.
    """
    _check_canonical(mail)
    outside = [header for header in Entity.parse(mail).headers if header.name.lower() in _OUTSIDE]
    signed = [b"Content-Type: message/rfc822\r\n\r\n", mail]
    signature = encode_base64([cms.sign(signed, signer, now, protection.digest)])
    boundary = new_boundary(random)
    delimiter = f"--{boundary}".encode()
    content: list[bytes | bytearray] = [
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n'
        + f' micalg={_micalg(protection.digest)}; boundary="{boundary}"\r\n\r\n'.encode(),
        delimiter + b"\r\n",
        *signed,
        b"\r\n" + delimiter + b"\r\n" + _SIGNATURE_HEADERS + b"\r\n",
        signature,
        b"\r\n" + delimiter + b"--\r\n",
    ]
    pieces = cms.encrypted_pieces(content, recipients, protection.cipher, protection.transport, random)
    kind = "enveloped-data" if protection.cipher.endswith("-cbc") else "authEnveloped-data"
    headers = write_headers([*outside, ("MIME-Version", "1.0"), *_envelope_headers(kind)])
    written = BytesIO()
    written.write(headers + b"\r\n")
    write_base64(pieces, written)
    return written.getvalue()


def open(mail: Octets, holders: Sequence[cms.Holder], known: Sequence[x509.Certificate] = ()) -> Opened:
    """`mail` decrypted with the first of `holders` that it is for, and every signature on it verified.

    `known` are certificates that a signature may lack. Raises `SmimeError`, `CmsError` or `MimeError`; nothing of what
    was decrypted is told then.
    """
    content = cms.decrypt(_enveloped(Entity.parse(mail)), holders)
    signed = Entity.parse(content)
    part, signature, notes = _signed_parts(signed)
    signers = cms.verify(signature.decoded(), part.raw, known)
    notes += _micalg_notes(signed.parameters.get("micalg", ""), signers)
    if part.type == "message/rfc822":
        return Opened(part.decoded(), signers, True, tuple(notes))
    return Opened(_unwrapped(Entity.parse(mail), part), signers, False, (*notes, _NOT_WRAPPED))


def _check_canonical(mail: bytes) -> None:
    if not mail.isascii() or b"\0" in mail or mail.find(b"\n") > 999 or _LONG_LINE.search(mail):
        raise MimeError("mime-not-7bit", "a mail to be signed is not in seven bits and lines of 998 characters")
    if mail.count(b"\n") != mail.count(b"\r\n") or mail.count(b"\r") != mail.count(b"\r\n"):
        raise MimeError("mime-line-ends", "a mail to be signed has line ends other than CRLF")


def _micalg(digest: str) -> str:
    return digest.replace("sha", "sha-")  # as RFC 5751 3.4.3.2 spells it


_SIGNATURE_HEADERS = write_headers(
    [
        ("Content-Type", "application/pkcs7-signature; name=smime.p7s"),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", "attachment; filename=smime.p7s"),
    ]
)


def _envelope_headers(kind: str) -> list[tuple[str, str]]:
    return [
        ("Content-Type", f"application/pkcs7-mime; smime-type={kind}; name=smime.p7m"),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", "attachment; filename=smime.p7m"),
    ]


def _enveloped(mail: Entity) -> bytearray:
    if mail.type not in _MIME_TYPES or mail.parameters.get("smime-type", "").lower() not in _ENVELOPED:
        raise SmimeError("smime-not-encrypted", "the message is not encrypted", "the sender must encrypt to us")
    if mail.encoding == "base64":
        return decode_base64(mail.body)
    return bytearray(mail.decoded())


def _signed_parts(content: Entity) -> tuple[Entity, Entity, list[Finding]]:
    """What was signed, and the signature, of the one form that Direct allows."""
    if content.type in _MIME_TYPES:
        raise SmimeError(
            "smime-opaque", "the signature holds the message in itself", "the sender must sign as multipart/signed"
        )
    if content.type != "multipart/signed":
        raise SmimeError("smime-not-signed", "the message is not signed", "the sender must sign it")
    protocol = content.parameters.get("protocol", "").lower()
    parts = content.parts
    if len(parts) != 2 or parts[1].type not in _SIGNATURE_TYPES or protocol not in ("", *_SIGNATURE_TYPES):
        raise SmimeError("smime-form", "the signed message has not the two parts that belong to it")
    notes = [] if protocol else [_note("DIR-203", "Content-Type", "multipart/signed names no protocol")]
    return parts[0], parts[1], notes


def _micalg_notes(micalg: str, signers: Sequence[cms.Signer]) -> list[Finding]:
    """What micalg gets wrong; the digest that CMS names is the one that was checked."""
    named = {each.strip().lower().replace("-", "") for each in micalg.split(",")} - {""}
    if not named:
        return [_note("DIR-202", "Content-Type", "multipart/signed names no micalg")]
    if named != {signer.digest for signer in signers}:
        return [_note("DIR-202", "Content-Type", "micalg is another digest than the signature's")]
    return []


def _unwrapped(mail: Entity, part: Entity) -> bytes:
    """A whole mail out of the part that was signed and those headers outside that it does not have itself."""
    own = {header.name.lower() for header in part.headers}
    outside = [
        f"{header.name}: {header.value}\r\n"
        for header in mail.headers
        if header.name.lower() not in own and not header.name.lower().startswith(("content-", "mime-version"))
    ]
    return b"".join(
        ("".join(outside).encode(), b"MIME-Version: 1.0\r\n" if "mime-version" not in own else b"", part.raw)
    )


def _note(code: str, where: str, what: str) -> Finding:
    return Finding(code, where, what, "the sender's software should be corrected", Severity.WARNING)


_NOT_WRAPPED = Finding(
    "DIR-201",
    "Content-Type",
    "the message is not wrapped as message/rfc822: its headers are not signed",
    "the sender's software is of before 2014",
    Severity.WARNING,
)
