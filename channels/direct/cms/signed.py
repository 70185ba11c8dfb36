"""SignedData: who signed what (RFC 5652 5), and certificates that travel together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from channels.direct.cms import algorithms, ber
from channels.direct.cms.certificate import (
    MOST_CERTIFICATES,
    Holder,
    is_named,
    read_certificates,
    write_issuer_and_serial,
)
from channels.direct.cms.error import CmsError

Content = bytes | bytearray | memoryview

MOST_SIGNERS = 20


@dataclass(frozen=True, slots=True)
class Signer:
    """A signature that holds: whose it is, the certificates that came with it, and its digest (`sha256`).

    Nothing is said about trust: whether the certificate is good for anything is another's judgement.
    """

    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class SignedData:
    """A SignedData that was read: the certificates in it and, where it is not detached, the content."""

    certificates: tuple[x509.Certificate, ...]
    content: bytes | None
    kind: str
    signers: tuple[ber.Element, ...]

    @classmethod
    def read(cls, octets: Content, *, most_certificates: int = MOST_CERTIFICATES) -> SignedData:
        """Read `octets`, DER or BER; raises `CmsError`, for more than `most_certificates` too."""
        outer = ber.read(octets).expect(ber.SEQUENCE).children
        if len(outer) != 2 or outer[0].oid() != algorithms.SIGNED_DATA:
            raise CmsError("cms-not-signed", "this is no signed data")
        fields = outer[1].expect(0xA0).children[0].expect(ber.SEQUENCE).children
        if len(fields) < 4:
            raise ber.BerError("signed data that is not whole")
        inner = fields[2].expect(ber.SEQUENCE).children
        content = inner[1].expect(0xA0).children[0].octets() if len(inner) > 1 else None
        certificates = next((field.children for field in fields[3:] if field.tag == 0xA0), ber.Children())
        signers = fields[-1].expect(ber.SET).children
        if len(signers) > MOST_SIGNERS:
            raise ber.BerError("a message with more than twenty signers")
        return cls(read_certificates(certificates, most_certificates), content, inner[0].oid(), tuple(signers))

    def verify(self, content: Content, known: Sequence[x509.Certificate] = ()) -> tuple[Signer, ...]:
        """Everyone who signed `content`, at least one; `known` are certificates that the message may lack.

        Raises `CmsError` when one signature does not hold.
        """
        if not self.signers:
            raise CmsError("cms-no-signer", "nobody has signed", "the sender must sign")
        digests: dict[tuple[str, bool], bytes] = {}
        return tuple(self._verify(signer, content, known, digests) for signer in self.signers)

    def _verify(
        self,
        signer: ber.Element,
        content: Content,
        known: Sequence[x509.Certificate],
        digests: dict[tuple[str, bool], bytes],
    ) -> Signer:
        fields = signer.expect(ber.SEQUENCE).children
        if len(fields) < 5:
            raise ber.BerError("a signature that is not whole")
        name, digest = fields[1].expect(ber.SEQUENCE, 0x80, 0xA0), algorithms.digest_name(fields[2])
        if fields[3].tag != 0xA0:
            raise CmsError("cms-no-attributes", "the signature has no signed attributes, which S/MIME relies on")
        attributes = fields[3]
        self._check_attributes(attributes, digest, content, digests)
        certificate = next((each for each in (*self.certificates, *known) if is_named(each, name)), None)
        if certificate is None:
            raise CmsError(
                "cms-signer-unknown",
                "the signer's certificate is not in the message and not known from elsewhere",
                "the sender should put its certificate into each message",
            )
        _check(attributes, digest, fields[4], certificate.public_key(), fields[5].octets() if len(fields) > 5 else b"")
        return Signer(certificate, self.certificates, digest)

    def _check_attributes(
        self, attributes: ber.Element, digest: str, content: Content, digests: dict[tuple[str, bool], bytes]
    ) -> None:
        values: dict[str, list[ber.Element]] = {}
        for attribute in attributes.children:
            pair = attribute.children
            if len(pair) != 2 or pair[0].oid() in values:
                raise ber.BerError("the signed attributes are damaged, or one is there twice")
            values[pair[0].oid()] = pair[1].expect(ber.SET).children
        kind, hashed = values.get(algorithms.CONTENT_TYPE, []), values.get(algorithms.MESSAGE_DIGEST, [])
        if len(kind) != 1 or len(hashed) != 1 or kind[0].oid() != self.kind:
            raise ber.BerError("the signed attributes do not say what is signed")
        said = hashed[0].octets()
        if any(said == computed for computed in _digests(content, digest, digests)):
            return
        raise CmsError(
            "cms-digest-mismatch",
            "the signed content is not what was signed",
            "the message was altered on its way, most often by a gateway that rewrites mail",
        )


def _digests(content: Content, digest: str, known: dict[tuple[str, bool], bytes]) -> Iterator[bytes]:
    """The digest of the content as it stands, then with the line ends that S/MIME asks for (RFC 5751 3.1.1)."""
    for canonical in (False, True):
        if (digest, canonical) not in known:
            hashed = hashlib.new(digest)
            if canonical:
                for piece in _canonical(content):
                    hashed.update(piece)
            else:
                hashed.update(content)
            known[digest, canonical] = hashed.digest()
        yield known[digest, canonical]


def _canonical(content: Content) -> Iterator[bytes]:
    """`content` with CRLF at the end of each line, piece after piece."""
    view = memoryview(content)
    carried = b""
    for start in range(0, len(view), 1 << 18):
        piece = carried + bytes(view[start : start + (1 << 18)])
        carried = b"\r" if piece.endswith(b"\r") else b""
        yield piece[: len(piece) - len(carried)].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield carried


def _check(
    attributes: ber.Element,
    digest: str,
    algorithm: ber.Element,
    key: CertificatePublicKeyTypes,
    value: bytes,
) -> None:
    """Check the signature over the attributes as they stand, then, when that fails, over them in DER."""
    standing = ber.write(ber.SET, attributes.content)
    try:
        algorithms.check_signature(algorithm, digest, key, value, hashlib.new(digest, standing).digest())
    except CmsError:
        strict = ber.write_set(ber.SET, [ber.rewrite(attribute) for attribute in attributes.children])
        if strict == standing:
            raise
        algorithms.check_signature(algorithm, digest, key, value, hashlib.new(digest, strict).digest())


def verify(signed: Content, content: Content, known: Sequence[x509.Certificate] = ()) -> tuple[Signer, ...]:
    """Everyone who signed `content`, by the detached signature `signed`; raises `CmsError`.

    The content is compared as it stands and, failing that, with CRLF line ends.
    """
    data = SignedData.read(signed)
    if data.content is not None or data.kind != algorithms.DATA:
        raise CmsError("cms-not-detached", "the signature brings content of its own, which could hide what was signed")
    return data.verify(content, known)


def sign(content: bytes | Sequence[Content], signer: Holder, now: datetime, digest: str = "sha256") -> bytes:
    """A detached signature of `signer` over `content`, whole or in pieces, with its certificate and chain; DER."""
    hashed = hashlib.new(digest)
    for piece in [content] if isinstance(content, bytes) else content:
        hashed.update(piece)
    attributes = [
        _attribute(algorithms.CONTENT_TYPE, ber.write_oid(algorithms.DATA)),
        _attribute(algorithms.SIGNING_TIME, _time(now.astimezone(UTC))),
        _attribute(algorithms.MESSAGE_DIGEST, ber.write(ber.OCTET_STRING, hashed.digest())),
        _attribute(algorithms.SMIME_CAPABILITIES, _CAPABILITIES),
    ]
    signature = algorithms.make_signature(signer.key, digest, ber.write_set(ber.SET, attributes))
    # Some readers insist on the NULL that RFC 5754 2 would rather leave out; none minds it.
    digest_algorithm = algorithms.write_algorithm(algorithms.DIGEST_OIDS[digest], ber.write(ber.NULL))
    info = ber.write(
        ber.SEQUENCE,
        ber.write_integer(1),
        write_issuer_and_serial(signer.certificate),
        digest_algorithm,
        ber.write_set(0xA0, attributes),
        algorithms.signature_algorithm(signer.key, digest),
        ber.write(ber.OCTET_STRING, signature),
    )
    encapsulated = ber.write(ber.SEQUENCE, ber.write_oid(algorithms.DATA))
    certificates = write_certificates([signer.certificate, *signer.chain])
    return _write(ber.write(ber.SET, digest_algorithm), encapsulated, certificates, ber.write(ber.SET, info))


def bundle(certificates: Sequence[x509.Certificate]) -> bytes:
    """`certificates` as a degenerate SignedData, a .p7b or .p7c file (RFC 5652 5.2), DER."""
    encapsulated = ber.write(ber.SEQUENCE, ber.write_oid(algorithms.DATA))
    return _write(ber.write(ber.SET), encapsulated, write_certificates(certificates), ber.write(ber.SET))


def write_certificates(certificates: Sequence[x509.Certificate]) -> bytes:
    """CertificateSet, each of `certificates` once."""
    return ber.write_set(0xA0, {each.public_bytes(Encoding.DER) for each in certificates})


def _write(digests: bytes, encapsulated: bytes, certificates: bytes, infos: bytes) -> bytes:
    data = ber.write(ber.SEQUENCE, ber.write_integer(1), digests, encapsulated, certificates, infos)
    return ber.write(ber.SEQUENCE, ber.write_oid(algorithms.SIGNED_DATA), ber.write(0xA0, data))


def _time(moment: datetime) -> bytes:
    """`moment`, UTC, as RFC 5652 11.3 wants it: from 2050 on with four digits of the year."""
    if moment.year < 2050:
        return ber.write(ber.UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())
    return ber.write(ber.GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode())


def _attribute(oid: str, value: bytes) -> bytes:
    return ber.write(ber.SEQUENCE, ber.write_oid(oid), ber.write(ber.SET, value))


_CAPABILITIES = ber.write(
    ber.SEQUENCE,
    *(
        algorithms.write_algorithm(algorithms.CIPHER_OIDS[name])
        for name in ("aes-256-cbc", "aes-192-cbc", "aes-128-cbc")
    ),
)
"""What we read, in the order of preference (RFC 5751 2.5.2)."""
