"""How the key of an envelope reaches a recipient: RSA, RSA-OAEP, or agreed by elliptic curves (RFC 5652 6.2, 5753)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from channels.direct.cms import algorithms, ber
from channels.direct.cms.certificate import Holder, is_named, write_issuer_and_serial
from channels.direct.cms.error import CmsError

Transport = Literal["rsa1.5", "oaep-sha1", "oaep"]
"""For RSA keys: PKCS #1 v1.5, which everybody reads, or OAEP with SHA-1 or SHA-256."""

MOST_RECIPIENTS = 1000
MOST_TRIED = 20
"""How many times a private key is used for one message: somebody may name us again and again."""
_AGREE, _BY_IDENTIFIER, _ORIGINATOR_KEY = 0xA1, 0x80, 0xA1


def write_recipient(certificate: x509.Certificate, key: bytes, transport: Transport) -> bytes:
    """RecipientInfo that carries `key` to the holder of `certificate`; raises `CmsError` for a key of another kind."""
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return _write_transport(certificate, public, key, transport)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _write_agreement(certificate, public, key)
    raise CmsError("cms-recipient-key", "the recipient's certificate has a key that is neither RSA nor elliptic curve")


def find_key(recipients: Sequence[ber.Element], holders: Sequence[Holder]) -> bytes:
    """The envelope's key, opened with the first of `holders` that it is for; raises `CmsError`.

    A damaged RSA key gives octets that fit nothing, as RFC 3218 asks, and no error of its own.
    """
    named = [(recipient, name, key) for recipient in recipients for name, key in _names(recipient)]
    if len(named) > MOST_RECIPIENTS:
        raise ber.BerError("an envelope for more than a thousand recipients")
    tried = 0
    for recipient, name, encrypted in named:
        for holder in holders:
            if is_named(holder.certificate, name):
                tried += 1
                key = _open(recipient, encrypted, holder)
                if key is not None:
                    return key
                if tried == MOST_TRIED:
                    raise undecryptable()
    if tried:
        raise undecryptable()
    raise CmsError(
        "cms-not-for-us",
        "the message is encrypted for none of our certificates",
        "the sender used an old or a foreign certificate: see which one is published for the address",
    )


def undecryptable() -> CmsError:
    """The one error for whatever goes wrong in decryption, so that nobody learns what did."""
    return CmsError("cms-undecryptable", "the message cannot be decrypted", "it is damaged, or was altered on its way")


def _names(recipient: ber.Element) -> list[tuple[ber.Element, ber.Element]]:
    """Whom a RecipientInfo names, and the encrypted key for each."""
    fields = recipient.children
    if recipient.tag == ber.SEQUENCE:
        if len(fields) != 4:
            raise ber.BerError("a recipient of an envelope is damaged")
        return [(fields[1], fields[3])]
    if recipient.tag != _AGREE:
        return []  # a key known beforehand, a password: no certificate
    pairs = [pair.children for pair in fields[-1].expect(ber.SEQUENCE).children]
    if any(len(pair) != 2 for pair in pairs):
        raise ber.BerError("a recipient of an envelope is damaged")
    return [(name.children[0] if name.tag == 0xA0 else name, key) for name, key in pairs]


def _open(recipient: ber.Element, encrypted: ber.Element, holder: Holder) -> bytes | None:
    key = holder.key
    if recipient.tag == ber.SEQUENCE and isinstance(key, rsa.RSAPrivateKey):
        return _decrypt(key, recipient.children[2], encrypted.octets())
    if recipient.tag == _AGREE and isinstance(key, ec.EllipticCurvePrivateKey):
        return _agree(key, recipient, encrypted.octets())
    return None


def _decrypt(key: rsa.RSAPrivateKey, algorithm: ber.Element, encrypted: bytes) -> bytes | None:
    oid, parameters = algorithms.read_algorithm(algorithm)
    if oid == algorithms.RSA:
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
    elif oid == algorithms.RSA_OAEP:
        scheme = _oaep(parameters)
    else:
        raise algorithms.refused(oid, "key transport")
    try:
        return key.decrypt(encrypted, scheme)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _oaep(parameters: ber.Element | None) -> padding.OAEP:
    fields = {field.tag: field.children[0] for field in parameters.children} if parameters is not None else {}
    digest = algorithms.hash_parameter(fields[0xA0]) if 0xA0 in fields else hashes.SHA1()  # noqa: S303 - the default
    masked: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303
    if 0xA1 in fields:
        generator, generated_by = algorithms.read_algorithm(fields[0xA1])
        if generator != algorithms.MGF1 or generated_by is None:
            raise algorithms.refused(generator, "mask")
        masked = algorithms.hash_parameter(generated_by)
    label = None
    if 0xA2 in fields:
        source, value = algorithms.read_algorithm(fields[0xA2])
        if source != algorithms.EMPTY_LABEL or value is None:
            raise algorithms.refused(source, "label")
        label = value.octets() or None
    return padding.OAEP(padding.MGF1(masked), digest, label)


def _agree(key: ec.EllipticCurvePrivateKey, recipient: ber.Element, encrypted: bytes) -> bytes | None:
    fields = recipient.children
    originator = next((field for field in fields if field.tag == 0xA0), None)
    material = next((field for field in fields if field.tag == 0xA1), None)
    if originator is None or originator.children[0].tag != _ORIGINATOR_KEY:
        raise CmsError("cms-unknown-algorithm", "the key is agreed with a sender's static key, which is not supported")
    point = originator.children[0].children[-1].bits()
    scheme, wrap = algorithms.read_algorithm(fields[-2])
    if scheme not in algorithms.AGREEMENTS or wrap is None:
        raise algorithms.refused(scheme, "key agreement")
    wrap_oid, _ = algorithms.read_algorithm(wrap)
    if wrap_oid not in algorithms.WRAPS:
        raise algorithms.refused(wrap_oid, "key wrap")
    user = material.children[0].octets() if material is not None else b""
    try:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)
        shared = key.exchange(ec.ECDH(), peer)
        wrapping = _derive(shared, bytes(wrap.whole), algorithms.WRAPS[wrap_oid], algorithms.AGREEMENTS[scheme], user)
        return aes_key_unwrap(wrapping, encrypted)
    except (ValueError, InvalidUnwrap, UnsupportedAlgorithm):
        return None


def _derive(shared: bytes, wrap: bytes, length: int, digest: hashes.HashAlgorithm, user: bytes) -> bytes:
    """The key that wraps the key: X9.63 over ECC-CMS-SharedInfo (RFC 5753 7.2)."""
    bits = ber.write(0xA2, ber.write(ber.OCTET_STRING, (8 * length).to_bytes(4, "big")))
    party = ber.write(0xA0, ber.write(ber.OCTET_STRING, user)) if user else b""
    return X963KDF(digest, length, ber.write(ber.SEQUENCE, wrap, party, bits)).derive(shared)


def _write_transport(
    certificate: x509.Certificate, public: rsa.RSAPublicKey, key: bytes, transport: Transport
) -> bytes:
    if transport == "rsa1.5":
        algorithm = algorithms.write_algorithm(algorithms.RSA, ber.write(ber.NULL))
        encrypted = public.encrypt(key, padding.PKCS1v15())
    elif transport == "oaep-sha1":
        algorithm = algorithms.write_algorithm(algorithms.RSA_OAEP, ber.write(ber.SEQUENCE))
        sha1 = hashes.SHA1()  # noqa: S303 - the default of OAEP, which needs no collision resistance
        encrypted = public.encrypt(key, padding.OAEP(padding.MGF1(sha1), sha1, None))
    else:
        sha256 = algorithms.write_algorithm(algorithms.DIGEST_OIDS["sha256"], ber.write(ber.NULL))
        parameters = ber.write(
            ber.SEQUENCE, ber.write(0xA0, sha256), ber.write(0xA1, algorithms.write_algorithm(algorithms.MGF1, sha256))
        )
        algorithm = algorithms.write_algorithm(algorithms.RSA_OAEP, parameters)
        encrypted = public.encrypt(key, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    name = write_issuer_and_serial(certificate)
    octets = ber.write(ber.OCTET_STRING, encrypted)
    return ber.write(ber.SEQUENCE, ber.write_integer(0), name, algorithm, octets)


def _write_agreement(certificate: x509.Certificate, public: ec.EllipticCurvePublicKey, key: bytes) -> bytes:
    ephemeral = ec.generate_private_key(public.curve)
    wrap_oid = next(oid for oid, length in algorithms.WRAPS.items() if length >= len(key))
    wrap = algorithms.write_algorithm(wrap_oid)
    shared = ephemeral.exchange(ec.ECDH(), public)
    wrapping = _derive(shared, wrap, algorithms.WRAPS[wrap_oid], hashes.SHA256(), b"")
    point = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    originator = ber.write(
        _ORIGINATOR_KEY, algorithms.write_algorithm(algorithms.EC_PUBLIC_KEY), ber.write(ber.BIT_STRING, b"\0" + point)
    )
    encrypted = ber.write(ber.OCTET_STRING, aes_key_wrap(wrapping, key))
    return ber.write(
        _AGREE,
        ber.write_integer(3),
        ber.write(0xA0, originator),
        algorithms.write_algorithm(algorithms.AGREEMENT_SHA256, wrap),
        ber.write(ber.SEQUENCE, ber.write(ber.SEQUENCE, write_issuer_and_serial(certificate), encrypted)),
    )
