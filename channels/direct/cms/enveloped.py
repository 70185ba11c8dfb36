"""EnvelopedData and AuthEnvelopedData: content that only its recipients can read (RFC 5652 6, RFC 5083)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, GCM

from channels.direct.cms import algorithms, ber
from channels.direct.cms.certificate import Holder
from channels.direct.cms.error import CmsError
from channels.direct.cms.transport import Transport, find_key, undecryptable, write_recipient

Octets = bytes | bytearray | memoryview
CipherName = Literal["aes-256-cbc", "aes-128-cbc", "aes-192-cbc", "aes-256-gcm", "aes-128-gcm"]

_PIECE = 1 << 18
_BLOCK = 16
_TAG = 16


def decrypt(enveloped: bytes | bytearray | memoryview, holders: Sequence[Holder]) -> bytearray:
    """The content of `enveloped`, opened with the first of `holders` that it is for.

    A bytearray is decrypted in its own place, so that a large message is in memory once. Raises `CmsError`: nothing of
    what was decrypted is released when its padding or its tag is wrong.
    """
    buffer = enveloped if isinstance(enveloped, bytearray) else bytearray(enveloped)
    size = _decrypt_within(buffer, holders)
    del buffer[size:]
    return buffer


def encrypt(
    content: bytes | Sequence[Octets],
    certificates: Sequence[x509.Certificate],
    cipher: CipherName = "aes-256-cbc",
    transport: Transport = "rsa1.5",
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """`content`, whole or in pieces, for the holders of each of `certificates`; raises `CmsError`."""
    return b"".join(encrypted_pieces(content, certificates, cipher, transport, random))


def encrypted_pieces(
    content: bytes | Sequence[Octets],
    certificates: Sequence[x509.Certificate],
    cipher: CipherName = "aes-256-cbc",
    transport: Transport = "rsa1.5",
    random: Callable[[int], bytes] = os.urandom,
) -> Iterator[bytes]:
    """What `encrypt` makes, piece after piece, so that a large message is not twice in memory."""
    if not certificates:
        raise CmsError("cms-no-recipient", "there is no certificate to encrypt for")
    pieces = [content] if isinstance(content, bytes) else content
    size = sum(len(piece) for piece in pieces)
    key = random(int(cipher[4:7]) // 8)
    recipients = [write_recipient(certificate, key, transport) for certificate in certificates]
    if cipher.endswith("-cbc"):
        return _cbc(pieces, size, key, cipher, recipients, random)
    return _gcm(pieces, size, key, cipher, recipients, random)


def _cbc(
    pieces: Iterable[Octets],
    size: int,
    key: bytes,
    cipher: str,
    recipients: list[bytes],
    random: Callable[[int], bytes],
) -> Iterator[bytes]:
    vector = random(_BLOCK)
    padding = _BLOCK - size % _BLOCK
    algorithm = algorithms.write_algorithm(algorithms.CIPHER_OIDS[cipher], ber.write(ber.OCTET_STRING, vector))
    # Version 2 where a recipient is agreed with (RFC 5652 6.1).
    version = ber.write_integer(0 if all(recipient[0] == ber.SEQUENCE for recipient in recipients) else 2)
    before = version + ber.write_set(ber.SET, recipients)
    yield _opening(algorithms.ENVELOPED_DATA, before, algorithm, size + padding, 0)
    encryptor = Cipher(AES(key), CBC(vector)).encryptor()
    yield from _through(encryptor, [*pieces, bytes([padding]) * padding])
    yield encryptor.finalize()


def _gcm(
    pieces: Iterable[Octets],
    size: int,
    key: bytes,
    cipher: str,
    recipients: list[bytes],
    random: Callable[[int], bytes],
) -> Iterator[bytes]:
    nonce = random(12)
    parameters = ber.write(ber.SEQUENCE, ber.write(ber.OCTET_STRING, nonce), ber.write_integer(_TAG))
    algorithm = algorithms.write_algorithm(algorithms.CIPHER_OIDS[cipher], parameters)
    before = ber.write_integer(0) + ber.write_set(ber.SET, recipients)
    yield _opening(
        algorithms.AUTH_ENVELOPED_DATA, before, algorithm, size, len(ber.write(ber.OCTET_STRING, bytes(_TAG)))
    )
    encryptor = Cipher(AES(key), GCM(nonce)).encryptor()
    yield from _through(encryptor, pieces)
    yield encryptor.finalize()
    yield ber.write(ber.OCTET_STRING, encryptor.tag)


def _opening(kind: str, before: bytes, algorithm: bytes, size: int, after: int) -> bytes:
    """Everything in front of `size` encrypted octets, which `after` more octets of the structure follow."""
    content_head = ber.write_oid(algorithms.DATA) + algorithm + ber.header(0x80, size)
    info = ber.header(ber.SEQUENCE, len(content_head) + size) + content_head
    data = ber.header(ber.SEQUENCE, len(before) + len(info) + size + after) + before + info
    explicit = ber.write_oid(kind) + ber.header(0xA0, len(data) + size + after) + data
    return ber.header(ber.SEQUENCE, len(explicit) + size + after) + explicit


def _through(context: CipherContext, pieces: Iterable[Octets]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), _PIECE):
            yield context.update(piece[start : start + _PIECE])


def _decrypt_within(buffer: bytearray, holders: Sequence[Holder]) -> int:
    """Decrypt `buffer` to its own beginning; how many octets the content has."""
    outer = ber.read(buffer).expect(ber.SEQUENCE).children
    kind = outer[0].oid() if outer else ""
    if kind not in (algorithms.ENVELOPED_DATA, algorithms.AUTH_ENVELOPED_DATA) or len(outer) != 2:
        raise CmsError("cms-not-enveloped", "this is not encrypted data", "the sender must encrypt to our certificate")
    fields = outer[1].expect(0xA0).children[0].expect(ber.SEQUENCE).children[1:]
    if fields and fields[0].tag == 0xA0:  # the originator's certificates, of no use here
        fields = fields[1:]
    if len(fields) < 2:
        raise ber.BerError("an envelope without content")
    info = fields[1].expect(ber.SEQUENCE).children
    if len(info) != 3:
        raise ber.BerError("an envelope without content")
    oid, parameters = algorithms.read_algorithm(info[1])
    cipher = algorithms.CIPHERS.get(oid, "")
    if not cipher or parameters is None:
        raise algorithms.refused(oid, "cipher")
    if cipher.endswith("-gcm") != (kind == algorithms.AUTH_ENVELOPED_DATA):
        raise CmsError("cms-unknown-algorithm", "AES-GCM belongs in AuthEnvelopedData, and nothing else does")
    recipients = fields[0].expect(ber.SET).children
    encrypted = info[2].expect(0x80, 0xA0)
    key = find_key(recipients, holders)
    if len(key) != int(cipher[4:7]) // 8:
        raise undecryptable()
    if cipher.endswith("-gcm"):
        return _open_gcm(buffer, key, parameters, encrypted, fields[2:])
    return _open_cbc(buffer, key, parameters.octets(), encrypted)


def _open_cbc(buffer: bytearray, key: bytes, vector: bytes, encrypted: ber.Element) -> int:
    if len(vector) != _BLOCK:
        raise ber.BerError("an initialization vector of another length than a block")
    context = Cipher(AES(key), CBC(vector)).decryptor()
    size = _into(buffer, context, encrypted)
    try:
        context.finalize()
    except ValueError:
        raise undecryptable() from None
    padding = buffer[size - 1] if size else 0
    if not 1 <= padding <= _BLOCK or buffer[size - padding : size] != bytes([padding]) * padding:
        raise undecryptable()
    return size - padding


def _open_gcm(
    buffer: bytearray, key: bytes, parameters: ber.Element, encrypted: ber.Element, after: Sequence[ber.Element]
) -> int:
    values = parameters.expect(ber.SEQUENCE).children
    nonce = values[0].octets() if values else b""
    length = values[1].integer() if len(values) > 1 else 12
    tag = next((field.octets() for field in after if field.tag in (ber.OCTET_STRING, 0x24)), b"")
    if not 8 <= len(nonce) <= 64 or not 12 <= length <= _TAG or len(tag) != length:
        raise ber.BerError("the parameters of AES-GCM are damaged")
    context = Cipher(AES(key), GCM(nonce, tag, min_tag_length=12)).decryptor()
    attributes = next((field for field in after if field.tag == 0xA1), None)
    if attributes is not None:
        context.authenticate_additional_data(
            ber.write_set(ber.SET, [ber.rewrite(attribute) for attribute in attributes.children])
        )
    size = _into(buffer, context, encrypted)
    try:
        context.finalize()
    except InvalidTag:
        raise undecryptable() from None
    return size


def _into(buffer: bytearray, context: CipherContext, encrypted: ber.Element) -> int:
    """Decrypt to the beginning of `buffer`; the place to write never reaches the place that is read."""
    target = memoryview(buffer)
    written = 0
    for chunk in encrypted.pieces():
        for start in range(0, len(chunk), _PIECE):
            written += context.update_into(bytes(chunk[start : start + _PIECE]), target[written:])
    return written
