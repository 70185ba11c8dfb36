"""The algorithms of Direct by their identifiers: those that are spoken, and those that are refused by name."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from channels.direct.cms import ber
from channels.direct.cms.error import CmsError

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
ENVELOPED_DATA = "1.2.840.113549.1.7.3"
AUTH_ENVELOPED_DATA = "1.2.840.113549.1.9.16.1.23"

CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
SMIME_CAPABILITIES = "1.2.840.113549.1.9.15"

RSA = "1.2.840.113549.1.1.1"
RSA_OAEP = "1.2.840.113549.1.1.7"
MGF1 = "1.2.840.113549.1.1.8"
EMPTY_LABEL = "1.2.840.113549.1.1.9"
EC_PUBLIC_KEY = "1.2.840.10045.2.1"

DIGESTS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
DIGEST_OIDS = {name: oid for oid, name in DIGESTS.items()}
SHA1 = "1.3.14.3.2.26"
SHA224 = "2.16.840.1.101.3.4.2.4"

CIPHERS = {
    "2.16.840.1.101.3.4.1.2": "aes-128-cbc",
    "2.16.840.1.101.3.4.1.22": "aes-192-cbc",
    "2.16.840.1.101.3.4.1.42": "aes-256-cbc",
    "2.16.840.1.101.3.4.1.6": "aes-128-gcm",
    "2.16.840.1.101.3.4.1.26": "aes-192-gcm",
    "2.16.840.1.101.3.4.1.46": "aes-256-gcm",
}
CIPHER_OIDS = {name: oid for oid, name in CIPHERS.items()}

WRAPS = {
    "2.16.840.1.101.3.4.1.5": 16,
    "2.16.840.1.101.3.4.1.25": 24,
    "2.16.840.1.101.3.4.1.45": 32,
}
"""The AES key wraps and the length of their keys in octets (RFC 3565)."""

AGREEMENTS: dict[str, hashes.HashAlgorithm] = {
    "1.3.133.16.840.63.0.2": hashes.SHA1(),  # noqa: S303 - a key derivation, which SHA-1 is still fit for
    "1.3.132.1.11.0": hashes.SHA224(),
    "1.3.132.1.11.1": hashes.SHA256(),
    "1.3.132.1.11.2": hashes.SHA384(),
    "1.3.132.1.11.3": hashes.SHA512(),
    "1.3.133.16.840.63.0.3": hashes.SHA1(),  # noqa: S303
    "1.3.132.1.14.0": hashes.SHA224(),
    "1.3.132.1.14.1": hashes.SHA256(),
    "1.3.132.1.14.2": hashes.SHA384(),
    "1.3.132.1.14.3": hashes.SHA512(),
}
"""Ephemeral-static ECDH, standard and with cofactor, which is 1 on the curves of NIST (RFC 5753 7.1.4)."""
AGREEMENT_SHA256 = "1.3.132.1.11.1"

_REFUSED = {
    SHA1: "SHA-1",
    "1.2.840.113549.2.5": "MD5",
    "1.2.840.113549.2.2": "MD2",
    SHA224: "SHA-224",
    "1.2.840.113549.1.1.5": "SHA-1 with RSA",
    "1.2.840.113549.1.1.4": "MD5 with RSA",
    "1.2.840.10045.4.1": "ECDSA with SHA-1",
    "1.2.840.10040.4.3": "DSA with SHA-1",
    "1.2.840.113549.3.7": "triple DES",
    "1.2.840.113549.3.2": "RC2",
    "1.2.840.113549.3.4": "RC4",
    "1.3.14.3.2.7": "DES",
}

_RSA_SIGNATURES = {
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_RSA_PSS = "1.2.840.113549.1.1.10"
_ECDSA = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_ECDSA_OIDS = {name: oid for oid, name in _ECDSA.items()}
_PLAIN_ECDSA = {
    "0.4.0.127.0.7.1.1.4.1.3": "sha256",
    "0.4.0.127.0.7.1.1.4.1.4": "sha384",
    "0.4.0.127.0.7.1.1.4.1.5": "sha512",
}

HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def read_algorithm(element: ber.Element) -> tuple[str, ber.Element | None]:
    """An AlgorithmIdentifier: its identifier and its parameters; raises `CmsError`."""
    fields = element.expect(ber.SEQUENCE).children
    if not 1 <= len(fields) <= 2:
        raise ber.BerError("an algorithm identifier is damaged")
    return fields[0].oid(), fields[1] if len(fields) == 2 else None


def write_algorithm(oid: str, parameters: bytes = b"") -> bytes:
    """An AlgorithmIdentifier with `parameters` as they stand."""
    return ber.write(ber.SEQUENCE, ber.write_oid(oid), parameters)


def refused(oid: str, kind: str) -> CmsError:
    """The error for an algorithm that is not spoken; `kind` is what it was to be used for."""
    if oid in _REFUSED:
        return CmsError(
            f"cms-weak-{kind}",
            f"{_REFUSED[oid]} is not allowed in Direct",
            "the sender must change to SHA-256 or stronger" if kind == "digest" else "the sender must change to AES",
        )
    return CmsError("cms-unknown-algorithm", f"the {kind} algorithm {oid} is not known", "ask the sender for another")


def digest_name(element: ber.Element) -> str:
    """The digest that an AlgorithmIdentifier names: sha256, sha384 or sha512; raises `CmsError` for any other."""
    oid, _ = read_algorithm(element)
    if oid not in DIGESTS:
        raise refused(oid, "digest")
    return DIGESTS[oid]


def hash_parameter(element: ber.Element) -> hashes.HashAlgorithm:
    """The hash in the parameters of OAEP, where SHA-1 does no harm; raises `CmsError`."""
    oid, _ = read_algorithm(element)
    if oid == SHA1:
        return hashes.SHA1()  # noqa: S303
    if oid == SHA224:
        return hashes.SHA224()
    if oid not in DIGESTS:
        raise refused(oid, "digest")
    return HASHES[DIGESTS[oid]]


def signature_algorithm(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, digest: str) -> bytes:
    """The AlgorithmIdentifier that a signature by `key` over `digest` has."""
    if isinstance(key, rsa.RSAPrivateKey):
        return write_algorithm(RSA, ber.write(ber.NULL))
    return write_algorithm(_ECDSA_OIDS[digest])


def make_signature(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, digest: str, octets: bytes) -> bytes:
    """The signature of `key` over `octets`, RSA as PKCS #1 v1.5."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), HASHES[digest])
    return key.sign(octets, ec.ECDSA(HASHES[digest]))


def check_signature(
    algorithm: ber.Element, digest: str, key: CertificatePublicKeyTypes, signature: bytes, hashed: bytes
) -> None:
    """Return when `signature` by `key` over octets whose `digest` is `hashed` holds; raises `CmsError`."""
    oid, parameters = read_algorithm(algorithm)
    known = {**_RSA_SIGNATURES, **_ECDSA, **_PLAIN_ECDSA}
    if oid not in known and oid not in (RSA, _RSA_PSS, EC_PUBLIC_KEY):
        raise refused(oid, "digest" if oid in _REFUSED else "signature")
    if known.get(oid, digest) != digest:
        raise CmsError("cms-signature-wrong", "the signature's algorithm and the digest do not fit each other")
    prehashed = Prehashed(HASHES[digest])
    try:
        if isinstance(key, rsa.RSAPublicKey) and (oid == RSA or oid in _RSA_SIGNATURES):
            key.verify(signature, hashed, padding.PKCS1v15(), prehashed)
        elif isinstance(key, rsa.RSAPublicKey) and oid == _RSA_PSS:
            key.verify(signature, hashed, _pss(parameters, digest), prehashed)
        elif isinstance(key, ec.EllipticCurvePublicKey) and (oid == EC_PUBLIC_KEY or oid in _ECDSA):
            key.verify(signature, hashed, ec.ECDSA(prehashed))
        elif isinstance(key, ec.EllipticCurvePublicKey) and oid in _PLAIN_ECDSA:
            key.verify(_from_plain(signature, key.curve.key_size), hashed, ec.ECDSA(prehashed))
        else:
            raise CmsError("cms-signature-wrong", "the signature's algorithm does not fit the certificate's key")
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise CmsError(
            "cms-signature-wrong",
            "the signature does not hold",
            "the message was altered on its way, or it was not signed with this certificate's key",
        ) from error


def _pss(parameters: ber.Element | None, digest: str) -> padding.PSS:
    """The padding of RSASSA-PSS, pinned to one hash throughout (RFC 4055 3.1)."""
    fields = {field.tag: field.children[0] for field in parameters.children} if parameters is not None else {}
    if 0xA0 not in fields or 0xA1 not in fields or digest_name(fields[0xA0]) != digest:
        raise refused(SHA1, "digest") if 0xA0 not in fields else CmsError("cms-signature-wrong", "PSS with two digests")
    generator, generated_by = read_algorithm(fields[0xA1])
    if generator != MGF1 or generated_by is None or digest_name(generated_by) != digest:
        raise CmsError("cms-unknown-algorithm", "PSS with another mask than MGF1 of the same digest")
    salt = fields[0xA2].integer() if 0xA2 in fields else 20
    if not 0 <= salt <= 512 or (0xA3 in fields and fields[0xA3].integer() != 1):
        raise CmsError("cms-unknown-algorithm", "PSS with parameters that nobody uses")
    return padding.PSS(padding.MGF1(HASHES[digest]), salt)


def _from_plain(signature: bytes, bits: int) -> bytes:
    """A signature of BSI TR-03111, r and s side by side, as ECDSA-Sig-Value."""
    size = (bits + 7) // 8
    if len(signature) != 2 * size:
        raise ValueError("a plain signature of another length than the key's")
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
