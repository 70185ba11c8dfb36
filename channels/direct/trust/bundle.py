"""Trust bundles as they are published: .p7b and .p7c, and .p7m signed by the community; certificates alone, too."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from channels.direct.cms import CmsError, SignedData
from channels.direct.cms.certificate import UNREADABLE, read_certificate
from channels.direct.error import DirectError

MOST = 5000
"""How many certificates one bundle may hold."""

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_BASE64 = re.compile(rb"[A-Za-z0-9+/=\s]+\Z")


class BundleError(DirectError):
    """A bundle cannot be used."""


def read_bundle(
    data: bytes, signers: Sequence[x509.Certificate] = (), now: datetime | None = None
) -> tuple[x509.Certificate, ...]:
    """The certificates in `data`, DER, BER or PEM, each once.

    With `signers`, `data` must be signed by one of them or by whom one of them has issued a certificate that counts
    `now`. Raises `BundleError`.
    """
    blocks = [_decoded(block) for kind, block in _PEM.findall(data) if kind in (b"CERTIFICATE", b"PKCS7", b"CMS")]
    if not blocks:
        blocks = [_bare(data)]
    found: dict[x509.Certificate, None] = {}
    for block in blocks:
        found.update(dict.fromkeys(_certificates(block, signers, now)))
    if not found:
        raise BundleError("bundle-empty", "there is no certificate in it", "see what was published")
    return tuple(found)


def _certificates(
    block: bytes, signers: Sequence[x509.Certificate], now: datetime | None
) -> tuple[x509.Certificate, ...]:
    try:
        bundle = SignedData.read(block, most_certificates=MOST)
        if bundle.signers:
            if bundle.content is None:
                raise BundleError("bundle-detached", "it holds a signature without a bundle", "fetch the bundle itself")
            _check_signer(bundle, bundle.content, signers, now)
            return SignedData.read(bundle.content, most_certificates=MOST).certificates
    except CmsError as error:
        if not signers and error.code in ("cms-not-signed", "cms-malformed"):
            return _alone(block)
        raise BundleError("bundle-malformed", f"it is no bundle: {error.what}", "see what was published") from None
    if signers:
        raise BundleError(
            "bundle-unsigned", "it is not signed, and a signer is asked for", "leave signer out, or see url"
        )
    return bundle.certificates


def _check_signer(
    bundle: SignedData, content: bytes, signers: Sequence[x509.Certificate], now: datetime | None
) -> None:
    signed = bundle.verify(content, signers)
    if signers and not any(_is_known(each.certificate, signers, now) for each in signed):
        what = "it is signed by somebody else than the signer that is asked for"
        raise BundleError("bundle-signer", what, "ask the community which certificate signs its bundle")


def _is_known(certificate: x509.Certificate, signers: Sequence[x509.Certificate], now: datetime | None) -> bool:
    try:
        if now is not None and not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return False
        return certificate in signers or any(_issued_by(certificate, each) for each in signers)
    except UNREADABLE:
        return False


def _issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        is_authority = authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, x509.ExtensionNotFound, *UNREADABLE):
        return False
    return is_authority


def _alone(block: bytes) -> tuple[x509.Certificate, ...]:
    certificate = read_certificate(block)
    if certificate is None:
        raise BundleError("bundle-malformed", "it is neither a bundle nor a certificate", "see the file")
    return (certificate,)


def _bare(data: bytes) -> bytes:
    """`data`, which may be base64 without PEM's lines around it."""
    if not _BASE64.match(data):
        return data
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return data


def _decoded(block: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(block.split()), validate=True)
    except binascii.Error:
        raise BundleError("bundle-malformed", "it is damaged inside its PEM", "see the file") from None
